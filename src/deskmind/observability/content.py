"""What was said, on spans: nothing unless capturing is switched on, and then redacted and cut.

Content stays off by default because traces go to systems with other readers than the tenant's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry.trace import Span

from deskmind.observability.masking import masked

__all__ = ["capture_content", "capture_messages", "capture_text", "capturing", "use_redaction"]

_LONGEST_TEXT = 4_000
_MOST_MESSAGES = 20
_state: dict[str, bool] = {"on": False}
_redaction: list[Callable[[str], str]] = [masked]


def capture_content(wanted: bool) -> None:
    """Switch capturing on or off for this process."""
    _state["on"] = wanted


def use_redaction(redact: Callable[[str], str]) -> None:
    """What every captured text passes through, instead of the masking of secrets alone."""
    _redaction[0] = redact


def capturing(span: Span) -> bool:
    """Whether content is wanted on this span."""
    return _state["on"] and span.is_recording()


def capture_text(span: Span, name: str, text: str) -> None:
    """Put one text on a span, redacted and cut to 4,000 characters, when content is wanted."""
    if capturing(span):
        span.set_attribute(name, _redacted(text))


def capture_messages(span: Span, name: str, messages: Sequence[Mapping[str, Any]]) -> None:
    """Put messages in OpenAI's form on a span, in the form of the conventions, when content is wanted.

    The last 20 messages are taken, each text redacted and cut to 4,000 characters.
    """
    if capturing(span):
        span.set_attribute(name, json.dumps([_message(message) for message in messages[-_MOST_MESSAGES:]]))


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    text = (
        content if isinstance(content, str) else "" if content is None else json.dumps(content, default=str)
    )
    return {"role": str(message.get("role", "")), "parts": [{"type": "text", "content": _redacted(text)}]}


def _redacted(text: str) -> str:
    return _redaction[0](text[: 2 * _LONGEST_TEXT])[:_LONGEST_TEXT]
