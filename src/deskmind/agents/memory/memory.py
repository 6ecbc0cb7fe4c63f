"""What is remembered: one text with its kind, whose it is, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

__all__ = ["AUDIENCES", "KINDS", "MOST_CHARS", "Audience", "Draft", "Kind", "Memory", "Origin", "Trust"]

Kind = Literal["episodic", "semantic", "procedural"]
"""What happened in a run; a fact or preference; what resolved a ticket."""

Audience = Literal["user", "group", "tenant"]
"""Who it is recalled for: its user alone, a group's members, or all of the tenant."""

Trust = Literal["trusted", "untrusted"]
"""``untrusted``: others' text went into it, so that a run that recalls it has read what others wrote."""

Origin = Literal["person", "prompt", "output", "untrusted", "tool"]
"""Told or corrected by a person; from a run's prompt, its output, the text given with the prompt, or a tool's result."""

KINDS: tuple[Kind, ...] = ("semantic", "procedural", "episodic")
AUDIENCES: tuple[Audience, ...] = ("user", "group", "tenant")
MOST_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Draft:
    """What could be remembered.

    Attributes:
        text: at most 4,000 characters.
        kind: see ``Kind``.
        subject: what it is about, such as ``my printer``; of two about the same the newer counts. Empty: nothing is replaced.
        importance: 0 to 1.
        origin: see ``Origin``.
        trust: see ``Trust``.
        source: name of the agent or the tool.
        run_id: the run it is from.
        step: position in the run's transcript.
    """

    text: str
    kind: Kind = "semantic"
    subject: str = ""
    importance: float = 0.5
    origin: Origin = "person"
    trust: Trust = "trusted"
    source: str = ""
    run_id: UUID | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory as it is kept.

    Attributes:
        memory_id: its id.
        kind: see ``Kind``.
        audience: see ``Audience``.
        owner_id: the user or group; None for the tenant's.
        text: what is remembered.
        subject: what it is about.
        trust: the label of its origin; it is never raised.
        origin: see ``Origin``.
        source: name of the agent or the tool.
        run_id: the run it is from; None where a person told it.
        step: position in the run's transcript.
        importance: 0 to 1.
        pinned: does not fade and is not removed for its age.
        uses: how often it was recalled.
        made_at: when it was made.
        used_at: when it was made or last recalled.
        superseded_by: the newer memory about the same.
        superseded_at: when it stopped to count; None while it counts.
    """

    memory_id: UUID
    kind: Kind
    audience: Audience
    owner_id: UUID | None
    text: str
    subject: str
    trust: Trust
    origin: Origin
    source: str
    run_id: UUID | None
    step: int | None
    importance: float
    pinned: bool
    uses: int
    made_at: datetime
    used_at: datetime
    superseded_by: UUID | None
    superseded_at: datetime | None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list of memories."""
        return self.made_at, self.memory_id

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "memory_id": str(self.memory_id),
            "kind": self.kind,
            "audience": self.audience,
            "text": self.text,
            "subject": self.subject,
            "trust": self.trust,
            "origin": self.origin,
            "source": self.source,
            "run_id": str(self.run_id) if self.run_id else None,
            "step": self.step,
            "importance": round(self.importance, 3),
            "pinned": self.pinned,
            "uses": self.uses,
            "made_at": self.made_at.isoformat(),
            "used_at": self.used_at.isoformat(),
            "superseded_by": str(self.superseded_by) if self.superseded_by else None,
            "superseded_at": self.superseded_at.isoformat() if self.superseded_at else None,
        }
