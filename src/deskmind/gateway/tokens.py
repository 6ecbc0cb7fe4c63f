"""Counting tokens before the provider does: an upper estimate for reserving and for replies nobody counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deskmind.gateway.messages import ChatRequest, Message

__all__ = ["Calibration", "estimate_output", "estimate_request", "estimate_text"]

_CHARACTERS_A_TOKEN = 3
"""English has about 4 characters a token in today's vocabularies; 3 errs on the side of reserving more."""
_PER_MESSAGE = 4
_PER_IMAGE = 1_600


def estimate_text(text: str) -> int:
    """At least one token a character for scripts beyond Latin, else one for three characters, or a word."""
    if text.isascii():
        return max(len(text) // _CHARACTERS_A_TOKEN, text.count(" ")) + 1
    wide = sum(1 for character in text if character > "\u02ff")
    return wide + (len(text) - wide) // _CHARACTERS_A_TOKEN + 1


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


class Calibration:
    """How a deployment's counts of input compare with our estimates, learnt from the calls it counted.

    Estimates for reserving err on the high side; what is booked for a call nobody counted should not.
    """

    def __init__(self) -> None:
        self._ratios: dict[str, float] = {}
        self._lengths: dict[str, float] = {}

    def learn(self, deployment: str, estimated: int, counted: int, written: int) -> None:
        """One call's estimate of the input, and the provider's counts of input and output."""
        if estimated > 0 and counted > 0:
            _smooth(self._ratios, deployment, counted / estimated)
        _smooth(self._lengths, deployment, written)

    def guess(self, deployment: str, estimated: int) -> int:
        """The most likely count."""
        return max(round(estimated * self._ratios.get(deployment, 1.0)), 1)

    def usual_output(self, deployment: str) -> int:
        """The usual length of its replies in tokens, 0 before the first."""
        return round(self._lengths.get(deployment, 0.0))


def _smooth(known: dict[str, float], name: str, value: float) -> None:
    before = known.get(name)
    known[name] = value if before is None else before + 0.1 * (value - before)
