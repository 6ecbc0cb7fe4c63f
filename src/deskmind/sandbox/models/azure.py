"""Azure OpenAI: the same completions under a deployment's path, with an API version and other errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deskmind.sandbox.models.call import Call, Event, Target, Turn
from deskmind.sandbox.models.openai_chat import ChatCompletions
from deskmind.sandbox.models.openai_errors import OpenAIErrors, bearer
from deskmind.sandbox.models.openai_vectors import Embeddings
from deskmind.sandbox.models.refusal import Refused
from deskmind.sandbox.models.reply import Reply

_SAFE = {
    name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")
}
_FOUND = {
    **_SAFE,
    "jailbreak": {"filtered": False, "detected": False},
    "violence": {"filtered": True, "severity": "medium"},
}
_FILTERED = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify "
    "your prompt and retry. To learn more about our content filtering policies please read our documentation: "
    "https://go.microsoft.com/fwlink/?linkid=2198766"
)
_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
    "please wait a moment and try again."
)


class AzureErrors(OpenAIErrors):
    """Keys and errors of Azure OpenAI."""

    filters_prompt = True

    def keys(self, headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, ...]:
        """The `api-key` header, or a bearer token."""
        return tuple(key for key in (headers.get("api-key"), bearer(headers)) if key)

    def headers(self, number: int) -> dict[str, str]:
        """The ids of the request."""
        made = f"00000000-0000-4000-8000-{number:012x}"
        return {"x-request-id": made, "apim-request-id": made, "x-ms-region": "Sandbox"}

    def refuse(self, refused: Refused, target: Target, number: int) -> tuple[int, dict[str, str], bytes]:
        """Azure's own bodies where they differ, else OpenAI's."""
        error: dict[str, Any]
        match refused.kind:
            case "unauthorized":
                status, error = 401, {"code": "401", "message": _DENIED}
            case "not_found":
                status, error = 404, {"code": "404", "message": "Resource not found"}
            case "unknown_model":
                status, error = 404, {"code": "DeploymentNotFound", "message": _NO_DEPLOYMENT}
            case "rate_limit":
                version = target.query.get("api-version", "")
                seconds = f"{refused.retry_after or 0:g}"
                message = (
                    f"Requests to the ChatCompletions_Create Operation under Azure OpenAI API version {version} have "
                    f"exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after {seconds} "
                    "seconds. Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase "
                    "the default rate limit."
                )
                status, error = 429, {"code": "429", "message": message}
            case "content_filter":
                status = 400
                error = {
                    "message": _FILTERED,
                    "type": None,
                    "param": "prompt",
                    "code": "content_filter",
                    "status": 400,
                    "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _FOUND},
                }
            case _:
                return super().refuse(refused, target, number)
        return status, refused.retry_headers(), json.dumps({"error": error}).encode()


class AzureChat(AzureErrors, ChatCompletions):
    """Chat completions of a deployment: POST /openai/deployments/{name}/chat/completions?api-version=…"""

    filter_results = f',"content_filter_results":{json.dumps(_SAFE)}'
    prompt_filter = (
        f',"prompt_filter_results":{json.dumps([{"prompt_index": 0, "content_filter_results": _SAFE}])}'
    )

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request; `Refused` without an API version."""
        _versioned(target)
        return super().read(target, body)

    def events(self, call: Call, reply: Reply, turn: Turn) -> Iterator[Event]:
        """The chunks, after one without choices that tells what the prompt's filter found."""
        opening = f'data: {{"choices":[],"created":0,"id":"","model":"","object":""{self.prompt_filter}}}\n\n'
        yield Event(opening.encode())
        yield from super().events(call, reply, turn)


class AzureEmbeddings(AzureErrors, Embeddings):
    """Embeddings of a deployment: POST /openai/deployments/{name}/embeddings?api-version=…"""

    def read(self, target: Target, body: dict[str, Any]) -> Call:
        """The request; `Refused` without an API version."""
        _versioned(target)
        return super().read(target, body)


def _versioned(target: Target) -> None:
    if not target.query.get("api-version"):
        raise Refused("not_found")
