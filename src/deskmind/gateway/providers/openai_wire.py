"""Reading OpenAI's formats: replies, chunks, vectors, rankings, usage. What compatible servers leave out is tolerated."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from deskmind.gateway.messages import ChatDelta, ToolCall, ToolCallPart, Usage
from deskmind.gateway.providers.failures import ProviderFailure
from deskmind.gateway.providers.protocol import ProviderReply, ProviderVectors, Ranked

__all__ = ["delta_of", "ranking_of", "reply_of", "usage_of", "vectors_of"]

_MOST_TOKENS = 2**40


def usage_of(value: Any) -> Usage | None:
    """The provider's count, None when it gave none."""
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, Any]", value)
    read = fields.get("prompt_tokens", fields.get("total_tokens"))
    if read is None:
        return None
    prompt = cast("dict[str, Any]", fields.get("prompt_tokens_details") or {})
    completion = cast("dict[str, Any]", fields.get("completion_tokens_details") or {})
    try:
        return Usage(
            _count(read),
            _count(fields.get("completion_tokens")),
            _count(prompt.get("cached_tokens")),
            _count(completion.get("reasoning_tokens")),
        )
    except (TypeError, ValueError, OverflowError):
        return None


def _count(value: Any) -> int:
    """A count as it can be booked: providers have sent strings, nulls and negative numbers."""
    return min(max(int(value or 0), 0), _MOST_TOKENS)


def reply_of(parsed: dict[str, Any]) -> ProviderReply:
    """A whole reply.

    Raises:
        ProviderFailure: it has no choices, or the provider withheld the content.
    """
    usage = usage_of(parsed.get("usage"))
    try:
        choice: dict[str, Any] = parsed["choices"][0]
        message: dict[str, Any] = choice["message"]
        text = message.get("content") or ""
        calls = tuple(
            ToolCall(
                str(call.get("id") or ""),
                str(call["function"]["name"]),
                str(call["function"].get("arguments") or ""),
            )
            for call in message.get("tool_calls") or ()
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ProviderFailure(
            "model-unavailable", "the reply has no choices", charged=usage or "reply"
        ) from error
    finish = str(choice.get("finish_reason") or "stop")
    if finish == "content_filter" and not text and not calls:
        raise ProviderFailure("content-filtered", "the provider withheld the reply", charged=usage or "input")
    return ProviderReply(str(text), calls, finish, usage, str(parsed.get("model") or ""), parsed)


def vectors_of(parsed: dict[str, Any], rows: Callable[[Any], Any], texts: int, model: str) -> ProviderVectors:
    """The vectors of so many texts.

    Args:
        parsed: the reply.
        rows: gives its rows, in the order of the texts.
        texts: how many were sent.
        model: stands for the provider's own name where that is missing.

    Raises:
        ProviderFailure: there are none, or too few.
    """
    try:
        vectors = np.stack([_vector(row["embedding"]) for row in rows(parsed["data"])])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _useless(parsed, "the reply holds no vectors") from error
    if len(vectors) != texts:
        raise _useless(parsed, f"{len(vectors)} vectors for {texts} texts")
    return ProviderVectors(vectors, usage_of(parsed.get("usage")), str(parsed.get("model") or model))


def _vector(value: Any) -> NDArray[np.float32]:
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(np.float32)
    return np.asarray(value, dtype=np.float32)


def ranking_of(parsed: dict[str, Any], documents: int, usage: Usage | None) -> Ranked:
    """The ranking of so many documents, best first.

    Raises:
        ProviderFailure: there is none, or it is of other documents.
    """
    try:
        rows = [(int(row["index"]), float(row["relevance_score"])) for row in parsed["results"]]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _useless(parsed, "the reply holds no ranking") from error
    if any(not 0 <= index < documents for index, _ in rows):
        raise _useless(parsed, "the ranking names documents that were not sent")
    return Ranked(tuple(sorted(rows, key=lambda row: -row[1])), usage)


def _useless(parsed: dict[str, Any], why: str) -> ProviderFailure:
    """A reply that was given, and is charged, but holds nothing that was asked for."""
    return ProviderFailure("model-unavailable", why, charged=usage_of(parsed.get("usage")) or "input")


def delta_of(chunk: dict[str, Any]) -> ChatDelta:
    """A piece of a stream.

    Raises:
        ProviderFailure: the chunk is an error.
    """
    error: Any = chunk.get("error")
    if error:
        words: Any = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
        raise ProviderFailure("stream-broken", str(words))
    usage = usage_of(chunk.get("usage"))
    choices: Any = chunk.get("choices")
    if not choices:
        return ChatDelta(usage=usage, provider_model=chunk.get("model") or "", raw=chunk)
    choice: dict[str, Any] = choices[0]
    delta: dict[str, Any] = choice.get("delta") or {}
    calls: Any = delta.get("tool_calls")
    return ChatDelta(
        text=str(delta.get("content") or ""),
        tool_calls=tuple(_part(call) for call in calls) if calls else (),
        finish_reason=choice.get("finish_reason") or "",
        usage=usage,
        provider_model=chunk.get("model") or "",
        raw=chunk,
    )


def _part(call: dict[str, Any]) -> ToolCallPart:
    function: dict[str, Any] = call.get("function") or {}
    return ToolCallPart(
        int(call.get("index") or 0),
        str(call.get("id") or ""),
        str(function.get("name") or ""),
        str(function.get("arguments") or ""),
    )
