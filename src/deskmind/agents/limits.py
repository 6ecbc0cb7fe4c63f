"""What one run may use up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from deskmind.errors import AgentLimitError

__all__ = ["Limits", "Used"]


@dataclass(slots=True)
class Used:
    """What a run has used so far.

    Attributes:
        steps: replies of the model.
        tool_calls: calls of tools that were answered.
        tokens: of all replies, input and output.
        cost: US dollars, of calls whose price is known and of tools.
        seconds: under way, without waiting for people.
    """

    steps: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run; it ends with ``AgentLimitError`` before what would exceed one.

    Attributes:
        steps: replies of the model.
        tool_calls: calls of tools.
        tokens: input and output of all replies; the reply that passes it is the last one.
        usd: US dollars; as ``tokens``.
        seconds: under way, without waiting for people.
        reply_tokens: bound on one reply; None leaves it to the model.
    """

    steps: int = 20
    tool_calls: int = 40
    tokens: int = 200_000
    usd: Decimal = Decimal(1)
    seconds: float = 600.0
    reply_tokens: int | None = None

    def check(self, used: Used, *, calling: bool = False) -> None:
        """Let the next step pass.

        Args:
            used: so far.
            calling: whether the step is a tool's.

        Raises:
            AgentLimitError: it would exceed a limit.
        """
        reached = [
            name
            for name, over in (
                ("tool_calls", calling and used.tool_calls >= self.tool_calls),
                ("steps", not calling and used.steps >= self.steps),
                ("tokens", used.tokens >= self.tokens),
                ("usd", used.cost >= self.usd),
                ("seconds", used.seconds >= self.seconds),
            )
            if over
        ]
        if reached:
            raise AgentLimitError(
                f"The run was ended: its limit of {reached[0]} is reached.",
                why=f"It may use {getattr(self, reached[0])}.",
                remedy="Raise the limit, or ask for less at once.",
                limit=reached[0],
            )

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "steps": self.steps,
            "tool_calls": self.tool_calls,
            "tokens": self.tokens,
            "usd": str(self.usd),
            "seconds": self.seconds,
            "reply_tokens": self.reply_tokens,
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Limits:
        """What ``as_dict`` gave."""
        given: dict[str, Any] = {**values, "usd": Decimal(values["usd"])}
        return cls(**given)
