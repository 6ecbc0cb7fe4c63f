"""How OpenAI's API refuses: its keys, headers and error bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deskmind.sandbox.models.call import Target
from deskmind.sandbox.models.refusal import Refused

_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the "
    "API from your browser and are prompted for a username and password. You can obtain an API key from "
    "https://platform.openai.com/account/api-keys."
)
_BAD_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)
_OVERLOADED = (
    "The server is currently overloaded with other requests. Sorry about that! Please retry shortly."
)


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of an Authorization header of the Bearer scheme, if there is one."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def starred(key: str) -> str:
    """The key as OpenAI shows it in its error: the middle starred out."""
    return key if len(key) <= 8 else key[:4] + "*" * (len(key) - 8) + key[-4:]


def body(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The error object as OpenAI nests it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


class OpenAIErrors:
    """What all of OpenAI's endpoints share."""

    filters_prompt = False

    def keys(self, headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, ...]:
        """The bearer token."""
        return (token,) if (token := bearer(headers)) else ()

    def headers(self, number: int) -> dict[str, str]:
        """The request's id and how long it took."""
        return {
            "x-request-id": f"req_{number:032x}",
            "openai-processing-ms": "1",
            "openai-version": "2020-10-01",
        }

    def refuse(self, refused: Refused, target: Target, number: int) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        status, error = _worded(refused, target)
        headers = refused.retry_headers()
        if refused.kind == "rate_limit":
            headers |= {
                "x-ratelimit-limit-requests": "500",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": f"{refused.retry_after or 0:g}s",
            }
        return status, headers, json.dumps(error).encode()

    def error_event(self, refused: Refused) -> bytes:
        """An error as a data line."""
        message = "The server had an error while processing your request. Sorry about that!"
        return b"data: " + json.dumps(body(refused.message or message, "server_error")).encode() + b"\n\n"


def _worded(refused: Refused, target: Target) -> tuple[int, dict[str, Any]]:
    invalid = "invalid_request_error"
    match refused.kind:
        case "unauthorized":
            shown = bearer(target.headers)
            if shown is None:
                return 401, body(_NO_KEY, invalid)
            message = (
                f"Incorrect API key provided: {starred(shown)}. You can find your API key at "
                "https://platform.openai.com/account/api-keys."
            )
            return 401, body(message, invalid, None, "invalid_api_key")
        case "not_found":
            return 404, body(f"Invalid URL ({target.method} {target.path})", invalid)
        case "unknown_model":
            message = f"The model `{refused.model}` does not exist or you do not have access to it."
            return 404, body(message, invalid, None, "model_not_found")
        case "rate_limit":
            message = (
                f"Rate limit reached for {refused.model} in organization org-sandbox on requests per min (RPM): "
                f"Limit 500, Used 500, Requested 1. Please try again in {refused.retry_after or 0:g}s. Visit "
                "https://platform.openai.com/account/rate-limits to learn more."
            )
            return 429, body(message, "requests", None, "rate_limit_exceeded")
        case "context_length":
            message = (
                f"This model's maximum context length is {refused.limit} tokens. However, your messages resulted in "
                f"{refused.tokens} tokens. Please reduce the length of the messages."
            )
            return 400, body(message, invalid, "messages", "context_length_exceeded")
        case "server_error":
            if refused.status == 503:
                return 503, body(refused.message or _OVERLOADED, "server_error")
            message = "The server had an error while processing your request. Sorry about that!"
            return refused.status, body(refused.message or message, "server_error")
        case "bad_json":
            return 400, body(_BAD_JSON, invalid)
        case _:
            return 400, body(refused.message, invalid, refused.param)
