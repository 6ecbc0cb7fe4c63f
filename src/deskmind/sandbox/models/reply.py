"""What a model answers, before any vendor's wire format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from deskmind.sandbox.models import shape, tokens
from deskmind.sandbox.models.faults import Fault

Stop = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model asks for: its name and its arguments (any JSON object)."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def arguments_json(self) -> str:
        """The arguments as the JSON text that is sent and counted."""
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: text, tool calls, or both; why it ended; a fault to show instead or on the way.

    `cached_tokens` of its input are reported as read from the vendor's prompt cache.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    stop: Stop = "stop"
    fault: Fault | None = None
    cached_tokens: int = 0

    @classmethod
    def from_json(cls, data: object) -> Reply:
        """A reply from a string (its text) or an object with this class's fields; `ValueError` if neither."""
        if isinstance(data, str):
            return cls(text=data)
        fields = shape.mapping(data)
        if strange := sorted(set(fields) - {"text", "tool_calls", "stop", "fault", "cached_tokens"}):
            raise ValueError(f"a reply has no {', '.join(strange)}")
        if not fields:
            raise ValueError(
                "a reply is a text or an object with text, tool_calls, stop, fault, cached_tokens"
            )
        if (stop := fields.get("stop", "stop")) not in get_args(Stop):
            raise ValueError(f"stop is one of {', '.join(get_args(Stop))}, not {stop!r}")
        calls = [shape.mapping(call) for call in shape.items(fields.get("tool_calls"))]
        return cls(
            text=shape.text(fields.get("text")),
            tool_calls=tuple(
                ToolCall(shape.text(call.get("name")), shape.mapping(call.get("arguments"))) for call in calls
            ),
            stop=stop,
            fault=Fault.from_json(shape.mapping(fields["fault"])) if fields.get("fault") else None,
            cached_tokens=shape.whole_number(fields.get("cached_tokens")) or 0,
        )

    def output_tokens(self) -> int:
        """Tokens of the answer: words of the text, of each tool's name and of its arguments; at least 1, unless filtered."""
        total = tokens.count(self.text)
        for call in self.tool_calls:
            total += tokens.count(call.arguments_json()) + 1
        return total or (0 if self.stop == "content_filter" else 1)
