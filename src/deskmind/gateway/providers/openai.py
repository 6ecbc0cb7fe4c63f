"""Providers that speak OpenAI's protocol, called directly over connections of our own (see ``connections``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

from deskmind.gateway.messages import ChatRequest
from deskmind.gateway.models import Deployment, Timeouts
from deskmind.gateway.providers.connections import Answer, Connections, Target, target
from deskmind.gateway.providers.failures import ProviderFailure, failure_of
from deskmind.gateway.providers.openai_stream import OpenAIStream
from deskmind.gateway.providers.openai_wire import ranking_of, reply_of, usage_of, vectors_of
from deskmind.gateway.providers.protocol import ProviderReply, ProviderVectors, Ranked
from deskmind.gateway.wire import decode, encode
from deskmind.observability.propagation import outgoing

__all__ = ["OpenAIProvider"]


class OpenAIProvider:
    """OpenAI, Azure OpenAI, vLLM, Ollama, llama.cpp, and any other base URL."""

    def __init__(self, *, connections: int = 0, propagate: bool = True) -> None:
        """Connections are opened as needed.

        Args:
            connections: at most this many to one host, 0 for no limit.
            propagate: whether ``traceparent`` is sent along, so that the provider's spans join our trace.
        """
        self._most = connections
        self._traced = outgoing if propagate else dict[str, str]
        self._connections: Connections | None = None
        self._targets: dict[tuple[str, str], Target] = {}

    async def chat(
        self, deployment: Deployment, request: ChatRequest, timeouts: Timeouts, call_id: str
    ) -> ProviderReply:
        """A whole reply."""
        body = _chat_body(deployment, request)
        return reply_of(await self._exchange(deployment, "chat/completions", body, timeouts, call_id))

    async def stream(
        self, deployment: Deployment, request: ChatRequest, timeouts: Timeouts, call_id: str
    ) -> OpenAIStream:
        """An open stream."""
        body = _chat_body(deployment, request)
        body["stream"] = True
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        try:
            async with asyncio.timeout(timeouts.first_token):
                answer = await self._ask(deployment, "chat/completions", body, timeouts, call_id, whole=False)
        except TimeoutError as error:
            raise ProviderFailure("model-timeout", "no first piece in time") from error
        return OpenAIStream(answer)

    async def embed(
        self,
        deployment: Deployment,
        texts: Sequence[str],
        options: Mapping[str, Any],
        timeouts: Timeouts,
        call_id: str,
    ) -> ProviderVectors:
        """One vector for each text; asked for in base64, a quarter of the bytes."""
        body = {
            "model": deployment.model,
            "input": list(texts),
            **options,
            "encoding_format": "base64",
        }
        parsed = await self._exchange(deployment, "embeddings", body, timeouts, call_id)
        return vectors_of(parsed, _by_index, len(texts), deployment.model)

    async def rerank(
        self,
        deployment: Deployment,
        query: str,
        documents: Sequence[str],
        limit: int,
        timeouts: Timeouts,
        call_id: str,
    ) -> Ranked:
        """Documents by relevance, in the form that Cohere, Jina, vLLM and others share."""
        body = {"model": deployment.model, "query": query, "documents": list(documents), "top_n": limit}
        parsed = await self._exchange(deployment, "rerank", body, timeouts, call_id)
        return ranking_of(parsed, len(documents), usage_of(parsed.get("usage")))

    async def close(self) -> None:
        """Close the connections."""
        if self._connections is not None:
            await self._connections.close()
            self._connections = None

    async def _exchange(
        self, deployment: Deployment, path: str, body: dict[str, Any], timeouts: Timeouts, call_id: str
    ) -> dict[str, Any]:
        answer = await self._ask(deployment, path, body, timeouts, call_id, whole=True)
        try:
            parsed: Any = decode(answer.body)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise ProviderFailure("model-unavailable", "the reply is not JSON", charged="reply")
        return cast("dict[str, Any]", parsed)

    async def _ask(
        self,
        deployment: Deployment,
        path: str,
        body: dict[str, Any],
        timeouts: Timeouts,
        call_id: str,
        *,
        whole: bool,
    ) -> Answer:
        known = self._targets.get((deployment.name, path))
        if known is None:
            known = target(_url(deployment, path), _headers(deployment))
            self._targets[deployment.name, path] = known
        more = f"X-Client-Request-Id: {call_id}\r\n"
        for name, value in self._traced().items():
            more += f"{name}: {value}\r\n"
        answer = await self._pool().ask(
            known,
            more,
            encode(body),
            whole=whole,
            connect=timeouts.connect,
            seconds=timeouts.total if whole else 0.0,
        )
        if answer.status >= 400:
            raise failure_of(answer.status, answer.body, answer.headers)
        return answer

    def _pool(self) -> Connections:
        """Connections of this event loop."""
        pool = self._connections
        if pool is None or pool.loop is not asyncio.get_running_loop():
            pool = self._connections = Connections(self._most)
        return pool


def _url(deployment: Deployment, path: str) -> str:
    if deployment.provider == "azure":
        return (
            f"{deployment.base_url}/openai/deployments/{deployment.model}/{path}"
            f"?api-version={deployment.api_version}"
        )
    return f"{deployment.base_url}/{path}"


def _headers(deployment: Deployment) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "deskmind"}
    if deployment.api_key is not None:
        secret = deployment.api_key.get_secret_value()
        if deployment.provider == "azure":
            headers["api-key"] = secret
        else:
            headers["Authorization"] = f"Bearer {secret}"
    headers.update({name: value.get_secret_value() for name, value in deployment.headers.items()})
    return headers


def _chat_body(deployment: Deployment, request: ChatRequest) -> dict[str, Any]:
    body: dict[str, Any] = {**request.options, "model": deployment.model, "messages": list(request.messages)}
    if request.max_tokens is not None:
        newer = deployment.base_url.startswith("https://api.openai.com/")
        body["max_completion_tokens" if newer else "max_tokens"] = request.max_tokens
    return body


def _by_index(rows: Any) -> Any:
    return sorted(rows, key=lambda row: row["index"])
