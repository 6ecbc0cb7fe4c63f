"""How an agent uses memory: part of its definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deskmind.agents.memory.memory import KINDS, Audience, Kind

__all__ = ["Extraction", "MemoryUse"]

Extraction = Literal["none", "rules", "model"]
"""What makes memories of a run: nothing, fixed rules, or the agent's model besides them."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Recall before the first call of the model, extraction after the run.

    Attributes:
        tokens: bound on all that is recalled, frame included, by estimate.
        kinds: that are recalled.
        least: relevance, 0 to 1, below which nothing is recalled.
        extract: see ``Extraction``.
        audience: whom new memories are for; wider than ``user`` needs a rule.
        group: name of the group, for ``group``.
        conversation: id of a conversation of the user's that the run goes on with: recalled in short, and told of the run.
    """

    tokens: int = 800
    kinds: tuple[Kind, ...] = KINDS
    least: float = 0.15
    extract: Extraction = "rules"
    audience: Audience = "user"
    group: str = ""
    conversation: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "tokens": self.tokens,
            "kinds": list(self.kinds),
            "least": self.least,
            "extract": self.extract,
            "audience": self.audience,
            "group": self.group,
            "conversation": self.conversation,
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> MemoryUse:
        """What ``as_dict`` gave."""
        given: dict[str, Any] = {**values, "kinds": tuple(values["kinds"])}
        return cls(**given)
