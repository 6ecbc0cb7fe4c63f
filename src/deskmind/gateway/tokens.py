"""Counting tokens before the provider does: an upper estimate for reserving and for replies nobody counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deskmind.gateway.messages import ChatRequest, Message, ToolCall

__all__ = ["estimate_output", "estimate_reply", "estimate_request", "estimate_text"]

_CHARACTERS_A_TOKEN = 3
"""English has about 4 characters a token in today's vocabularies; 3 errs on the side of reserving more."""
_PER_MESSAGE = 4
_PER_IMAGE = 1_600


def estimate_text(text: str) -> int:
    """At least one token a character for scripts beyond Latin, else one for three characters, or a word."""
    words = text.count(" ") + text.count("\n") + text.count("\t")
    if text.isascii():
        return max(len(text) // _CHARACTERS_A_TOKEN, words) + 1
    wide = sum(1 for character in text if character > "\u02ff")
    return max(wide + (len(text) - wide) // _CHARACTERS_A_TOKEN, words) + 1


def estimate_reply(text: str, calls: Sequence[ToolCall]) -> int:
    """Output tokens of a whole reply that was not counted."""
    total = estimate_text(text) if text else 0
    return total + sum(estimate_text(call.name) + estimate_text(call.arguments) for call in calls)


def estimate_request(request: ChatRequest) -> int:
    """Input tokens of a request: messages, tools and schemas."""
    total = 3 + sum(_message(message) for message in request.messages)
    for name in ("tools", "response_format", "functions"):
        value = request.options.get(name)
        if value:
            total += len(str(value)) // _CHARACTERS_A_TOKEN
    return total


def estimate_output(pieces: int, characters: int) -> int:
    """Output tokens of a stream that was not counted: providers send a token a piece, or larger pieces."""
    if not pieces:
        return 0
    return pieces if characters < pieces * 16 else -(-characters // 4)


def _message(message: Message) -> int:
    content: Any = message.get("content")
    total = _PER_MESSAGE
    if isinstance(content, str):
        total += estimate_text(content)
    elif isinstance(content, Sequence):
        for part in content:  # pyright: ignore[reportUnknownVariableType]
            total += _part(part)
    calls = message.get("tool_calls")
    if calls:
        total += len(str(calls)) // _CHARACTERS_A_TOKEN
    return total


def _part(part: Any) -> int:
    if not isinstance(part, Mapping):
        return 0
    text: Any = part.get("text")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return estimate_text(text) if isinstance(text, str) else _PER_IMAGE
