"""What callers may ask of a model; checked before anything is reserved or sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from deskmind.errors import InvalidRequestError
from deskmind.gateway.messages import ChatRequest, ChatResponse, Embeddings, Message
from deskmind.gateway.models import ModelConfig

__all__ = ["Recall", "RecallVectors", "chat_request", "embedding_request", "ranking_request"]

Recall = Callable[[str, ChatRequest, Callable[[], Awaitable[ChatResponse]]], Awaitable[ChatResponse]]
"""Given a model, a request and how to ask: the reply, asked for or remembered."""
RecallVectors = Callable[
    [str, ModelConfig, Sequence[str], Mapping[str, Any], Callable[[Sequence[str]], Awaitable[Embeddings]]],
    Awaitable[Embeddings],
]
"""Given a model, its definition, texts, options and how to embed some: the vectors, made or remembered."""

_CHAT_OPTIONS = frozenset(
    {
        "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "metadata", "min_p", "modalities",
        "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "reasoning_effort",
        "repetition_penalty", "response_format", "safety_identifier", "seed", "service_tier", "stop", "store",
        "stream_options", "temperature", "tool_choice", "tools", "top_k", "top_logprobs", "top_p", "user", "verbosity",
    }
)  # fmt: skip
"""What callers may send besides messages and model. Others could turn a request into several, or steer LiteLLM."""
_MOST = 2**31 - 1
_EMBEDDING_OPTIONS = frozenset({"dimensions", "input_type", "user"})


def chat_request(
    config: ModelConfig, messages: Sequence[Message], max_tokens: int | None, options: Mapping[str, Any]
) -> ChatRequest:
    """A chat request.

    Raises:
        InvalidRequestError: a field is not one callers may send, or a message has no role.
    """
    _check_options(config, options, _CHAT_OPTIONS)
    if max_tokens is not None:
        _check_count("max_tokens", max_tokens)
    _check_numbers(options)
    if not messages:
        raise InvalidRequestError("The conversation is empty.", remedy="Send one message or more.")
    for message in messages:
        if not isinstance(message, Mapping) or not message.get("role"):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidRequestError(
                "A message has no role.", remedy='Write messages as {"role": "user", "content": "…"}.'
            )
    return ChatRequest(messages, max_tokens, options)


def embedding_request(config: ModelConfig, texts: Sequence[str], options: Mapping[str, Any]) -> ChatRequest:
    """What embedding texts is estimated by.

    Raises:
        InvalidRequestError: there is no text, an empty one, or a field that callers may not send.
    """
    _check_options(config, options, _EMBEDDING_OPTIONS)
    if options.get("dimensions") is not None:
        _check_count("dimensions", options["dimensions"])
    if not texts or not all(isinstance(text, str) and text for text in texts):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidRequestError(
            "There is nothing to embed.", remedy="Give one text or more, none of them empty."
        )
    return _of_texts(texts)


def ranking_request(query: str, documents: Sequence[str], limit: int | None) -> ChatRequest:
    """What ranking documents is estimated by.

    Raises:
        InvalidRequestError: there is no document, or none are wanted.
    """
    if not documents:
        raise InvalidRequestError("There is nothing to rank.", remedy="Give one document or more.")
    if limit is not None:
        _check_count("limit", limit)
    return _of_texts((query, *documents))


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
        raise InvalidRequestError(f"{name} is not a number from 1 to {_MOST:,}.", remedy="Correct it.")


def _check_numbers(options: Mapping[str, Any]) -> None:
    """Numbers that JSON or a 64-bit integer cannot carry reach no provider as they were meant."""
    for name, value in options.items():
        if isinstance(value, (int, float)) and not -(2**63) <= value < 2**63:
            raise InvalidRequestError(f"{name} is not a number that can be sent.", remedy="Correct it.")


def _of_texts(texts: Iterable[str]) -> ChatRequest:
    return ChatRequest([{"role": "user", "content": text} for text in texts], 0)


def _check_options(config: ModelConfig, options: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if options.keys() <= allowed:
        return
    unknown = sorted(options.keys() - allowed - set(config.extra_options))
    if unknown:
        raise InvalidRequestError(
            f"A model call takes no field '{unknown[0]}'.",
            remedy="Leave it out, or allow it with the model's extra_options.",
        )
