"""All providers that do not speak OpenAI's protocol, through LiteLLM (extra ``litellm``).

Routing, retries, fallback, budgets and accounting stay ours: LiteLLM only translates. It is imported at the first call,
in a thread, since that takes seconds; it never fetches its price table.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from deskmind.errors import MissingExtraError
from deskmind.gateway.messages import ChatDelta, ChatRequest, Usage
from deskmind.gateway.models import Deployment, Timeouts
from deskmind.gateway.providers.failures import Cause, ProviderFailure, retry_after
from deskmind.gateway.providers.openai_wire import delta_of, ranking_of, reply_of, usage_of, vectors_of
from deskmind.gateway.providers.protocol import ProviderReply, ProviderVectors, Ranked
from deskmind.observability.propagation import outgoing

__all__ = ["LiteLLMProvider"]

_CAUSES: tuple[tuple[str, Cause], ...] = (
    ("ContextWindowExceededError", "context-too-long"),
    ("ContentPolicyViolationError", "content-filtered"),
    ("RateLimitError", "rate-limited"),
    ("AuthenticationError", "provider-authentication"),
    ("PermissionDeniedError", "provider-authentication"),
    ("Timeout", "model-timeout"),
    ("NotFoundError", "model-unavailable"),
    ("ServiceUnavailableError", "model-unavailable"),
    ("InternalServerError", "model-unavailable"),
    ("APIConnectionError", "model-unavailable"),
    ("BadGatewayError", "model-unavailable"),
    ("BadRequestError", "model-request"),
    ("UnprocessableEntityError", "model-request"),
    ("UnsupportedParamsError", "model-request"),
)
_RETRY_DELAY = re.compile(r'"retryDelay\\*":\s*\\*"([\d.]+)s')
_LONGEST_CHAIN = 20
_TALKATIVE = ("LiteLLM", "openai", "httpx")
"""Loggers that print requests below WARNING: what was said, headers, addresses with keys."""


class LiteLLMProvider:
    """Anthropic, Gemini, Bedrock, Vertex, Mistral, Cohere and the rest."""

    def __init__(self, *, propagate: bool = True) -> None:
        """LiteLLM is loaded at the first call.

        Args:
            propagate: whether ``traceparent`` is sent along, so that the provider's spans join our trace.
        """
        self._traced = outgoing if propagate else dict[str, str]
        self._module: Any = None
        self._loading = asyncio.Lock()

    async def chat(
        self, deployment: Deployment, request: ChatRequest, timeouts: Timeouts, call_id: str
    ) -> ProviderReply:
        """A whole reply."""
        litellm = await self._litellm()
        try:
            reply: Any = await litellm.acompletion(
                **self._common(deployment, call_id), **_chat(request), timeout=timeouts.total
            )
        except Exception as error:
            raise _failure(litellm, error) from None  # its words may hold the key
        return reply_of(_plain(reply))

    async def stream(
        self, deployment: Deployment, request: ChatRequest, timeouts: Timeouts, call_id: str
    ) -> _LiteLLMStream:
        """An open stream."""
        litellm = await self._litellm()
        try:
            async with asyncio.timeout(timeouts.first_token):
                reply: Any = await litellm.acompletion(
                    **self._common(deployment, call_id),
                    **_chat(request),
                    timeout=timeouts.total,
                    stream=True,
                    stream_options={"include_usage": True},
                )
        except TimeoutError as error:
            raise ProviderFailure("model-timeout", "no first piece in time") from error
        except Exception as error:
            raise _failure(litellm, error) from None  # its words may hold the key
        return _LiteLLMStream(litellm, reply)

    async def embed(
        self,
        deployment: Deployment,
        texts: Sequence[str],
        options: Mapping[str, Any],
        timeouts: Timeouts,
        call_id: str,
    ) -> ProviderVectors:
        """One vector for each text."""
        litellm = await self._litellm()
        try:
            reply: Any = await litellm.aembedding(
                **self._common(deployment, call_id), input=list(texts), timeout=timeouts.total, **options
            )
        except Exception as error:
            raise _failure(litellm, error) from None  # its words may hold the key
        parsed = _plain(reply)
        return vectors_of(parsed, list, len(texts), deployment.model)

    async def rerank(
        self,
        deployment: Deployment,
        query: str,
        documents: Sequence[str],
        limit: int,
        timeouts: Timeouts,
        call_id: str,
    ) -> Ranked:
        """Documents by relevance."""
        litellm = await self._litellm()
        try:
            reply: Any = await litellm.arerank(
                **self._common(deployment, call_id),
                query=query,
                documents=list(documents),
                top_n=limit,
                timeout=timeouts.total,
            )
        except Exception as error:
            raise _failure(litellm, error) from None  # its words may hold the key
        parsed = _plain(reply)
        return ranking_of(parsed, len(documents), _ranking_usage(parsed))

    async def close(self) -> None:
        """Close the clients LiteLLM keeps."""
        if self._module is not None:
            closing: Any = getattr(self._module, "close_litellm_async_clients", None)
            if closing is not None:
                await closing()
                # they stay in its cache, where the next application of this process would find them closed
                self._module.in_memory_llm_clients_cache.flush_cache()

    def _common(self, deployment: Deployment, call_id: str) -> dict[str, Any]:
        given: dict[str, Any] = {"model": deployment.model, "num_retries": 0, "max_retries": 0}
        if deployment.base_url:
            given["api_base"] = deployment.base_url
        if deployment.api_key is not None:
            given["api_key"] = deployment.api_key.get_secret_value()
        headers = {name: value.get_secret_value() for name, value in deployment.headers.items()}
        given["extra_headers"] = {**headers, "X-Client-Request-Id": call_id, **self._traced()}
        return given

    async def _litellm(self) -> Any:
        if self._module is None:
            async with self._loading:
                if self._module is None:
                    self._module = await asyncio.to_thread(_load)
        return self._module


class _LiteLLMStream:
    """An open reply; a task reads ahead, because LiteLLM's iterator does not survive a cancelled read."""

    def __init__(self, litellm: Any, reply: AsyncIterator[Any]) -> None:
        self._litellm = litellm
        self._reply = reply
        self._pieces: asyncio.Queue[ChatDelta | ProviderFailure | None] = asyncio.Queue(maxsize=64)
        self._reader = asyncio.create_task(self._read())

    async def next(self, timeout: float) -> list[ChatDelta] | None:  # noqa: ASYNC109
        """The pieces that arrived, None at the regular end."""
        try:
            async with asyncio.timeout(timeout):
                piece = await self._pieces.get()
        except TimeoutError as error:
            raise ProviderFailure("model-timeout", f"nothing came for {timeout:g} seconds") from error
        if isinstance(piece, ProviderFailure):
            raise piece
        return None if piece is None else [piece]

    async def close(self) -> None:
        """End the stream and its connection."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        closing: Any = getattr(self._reply, "aclose", None)
        if closing is not None:
            with suppress(Exception):
                await closing()

    async def _read(self) -> None:
        begun = finished = False
        try:
            async for chunk in self._reply:
                piece = delta_of(_plain(chunk))
                begun = True
                finished = finished or bool(piece.finish_reason)
                await self._pieces.put(piece)
        except ProviderFailure as failure:
            await self._pieces.put(failure)
        except Exception as error:
            failure = _failure(self._litellm, error)
            if failure.charged == "reply" or (begun and failure.cause == "model-unavailable"):
                failure.cause, failure.charged = "stream-broken", None
            await self._pieces.put(failure)
        else:
            broken = ProviderFailure("stream-broken", "it ended without its last piece")
            await self._pieces.put(None if finished else broken)


def _load() -> Any:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        litellm: Any = importlib.import_module("litellm")
    except ImportError as error:
        raise MissingExtraError("LiteLLM", "litellm") from error
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.num_retries = 0
    litellm.callbacks = []
    for logger in map(logging.getLogger, _TALKATIVE):
        if logger.level == logging.NOTSET or logger.name == "LiteLLM":
            logger.setLevel(logging.WARNING)
    return litellm


def _chat(request: ChatRequest) -> dict[str, Any]:
    options = {
        name: value for name, value in request.options.items() if name not in {"stream", "stream_options"}
    }
    given: dict[str, Any] = {**options, "messages": [dict(message) for message in request.messages]}
    if request.max_tokens is not None:
        given["max_tokens"] = request.max_tokens
    return given


def _ranking_usage(parsed: dict[str, Any]) -> Usage | None:
    """Tokens where LiteLLM puts what a ranking used; providers that bill by searches tell none."""
    meta: dict[str, Any] = parsed.get("meta") or {}
    billed: dict[str, Any] = meta.get("billed_units") or {}
    counted: dict[str, Any] = meta.get("tokens") or {}
    return usage_of({"total_tokens": billed.get("total_tokens", counted.get("input_tokens"))})


def _plain(reply: Any) -> dict[str, Any]:
    dump: Any = getattr(reply, "model_dump", None)
    return dump(exclude_none=True) if dump is not None else json.loads(reply.json())


def _failure(litellm: Any, error: Exception) -> ProviderFailure:
    inner: Any = getattr(error, "original_exception", None)  # a stream's error comes wrapped
    error = inner if isinstance(inner, Exception) else error
    message = str(getattr(error, "message", "") or error)
    wait = _wait(error, message)
    if _was_answered(error):
        return ProviderFailure("model-unavailable", "the reply cannot be read", charged="reply")
    for name, cause in _CAUSES:
        kind: Any = getattr(litellm, name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return ProviderFailure(cause, message, retry_after=wait)
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status < 500:
        return ProviderFailure("model-request", message)
    return ProviderFailure("model-unavailable", f"{type(error).__name__}: {message}")


def _wait(error: Exception, message: str) -> float | None:
    """The wait a provider asks for: in its headers, which LiteLLM keeps aside, or Google's in the body (RetryInfo)."""
    headers: Any = getattr(error, "litellm_response_headers", None) or {}
    asked = retry_after({str(name).lower(): str(value) for name, value in dict(headers).items()})
    if asked is None and (delay := _RETRY_DELAY.search(message)):
        asked = retry_after({"retry-after": delay[1]})
    return asked


def _was_answered(error: BaseException) -> bool:
    """Whether the provider accepted the request and its reply was cut or is no JSON: LiteLLM names that in many ways."""
    causes: set[str] = set()
    link: BaseException | None = error
    while link is not None and len(causes) < _LONGEST_CHAIN:
        causes.add(type(link).__name__)
        link = link.__cause__ or link.__context__
    return (
        not causes.isdisjoint({"JSONDecodeError", "ClientPayloadError"}) and "HTTPStatusError" not in causes
    )
