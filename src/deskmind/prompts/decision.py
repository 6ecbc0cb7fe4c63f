"""What a context window kept and dropped, so that it can be explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Dropped", "PartName", "Reason", "WindowDecision"]

PartName = Literal["system", "memory", "passages", "history", "question", "reply"]
Reason = Literal["room", "share", "orphan"]
"""Why something was dropped: no room was left; its part had its maximum share; a tool's result without its call."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """One thing that was left out.

    Attributes:
        part: where it belonged.
        what: its label: ``passage 4``, ``turns 1-3``, ``memory 2``.
        tokens: its size.
        reason: why.
    """

    part: PartName
    what: str
    tokens: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class WindowDecision:
    """How a window was filled.

    Attributes:
        limit: of the model, tokens.
        used: tokens of the messages and the room for the reply together; never more than ``limit``.
        tokens: by part as planned: the room for the reply, and what is set aside for a summary as part of the
            history. ``used`` is what the assembled messages come to.
        kept: by part, how many passages, memories or turns were kept.
        dropped: what was left out.
        summarised: how many turns the summary stands for; 0 without one.
        counter: how tokens were counted.
        exact: whether that is the model's own count.
    """

    limit: int
    used: int
    tokens: Mapping[PartName, int]
    kept: Mapping[PartName, int]
    dropped: tuple[Dropped, ...]
    summarised: int
    counter: str
    exact: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON, spans and logs: counts and labels, no content."""
        return {
            "limit": self.limit,
            "used": self.used,
            "tokens": dict(self.tokens),
            "kept": dict(self.kept),
            "dropped": [
                {"part": item.part, "what": item.what, "tokens": item.tokens, "reason": item.reason}
                for item in self.dropped
            ],
            "summarised": self.summarised,
            "counter": self.counter,
            "exact": self.exact,
        }

    def explain(self) -> str:
        """The decision in lines for a person."""
        counted = "counted" if self.exact else "estimated"
        lines = [f"{self.used} of {self.limit} tokens ({counted}, {self.counter})"]
        for part, tokens in self.tokens.items():
            count = f", {self.kept[part]} kept" if part in self.kept else ""
            lines.append(f"  {part}: {tokens} tokens{count}")
        lines += [
            f"  dropped {item.what}: {item.tokens} tokens, {_REASONS[item.reason]}" for item in self.dropped
        ]
        if self.summarised:
            lines.append(f"  a summary stands for {self.summarised} turns")
        return "\n".join(lines)


_REASONS: dict[Reason, str] = {
    "room": "no room left",
    "share": "its part has its maximum share",
    "orphan": "a result without its call",
}
