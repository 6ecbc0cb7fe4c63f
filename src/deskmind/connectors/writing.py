"""Writes: a proposal first, then one request, then reading back what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol, cast
from uuid import uuid4

__all__ = ["Act", "Applied", "Change", "Claims", "MemoryClaims", "Outcome", "Proposal", "marker_of"]


class Act(StrEnum):
    """What can be written."""

    CREATE = "create"
    COMMENT = "comment"
    UPDATE = "update"
    ASSIGN = "assign"
    TRANSITION = "transition"
    ATTACH = "attach"
    PUBLISH = "publish"


class Outcome(StrEnum):
    """What is known about a write.

    ``UNCERTAIN`` means that the vendor's state proves neither; a person decides.
    """

    APPLIED = "applied"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Change:
    """One field in the vendor's name, its value now and the value proposed."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A write that waits to be approved.

    Attributes:
        id: ours; the marker in the written record derives from it.
        target: the vendor's id of the record to change; empty where one is created.
        key: what people call the target.
        changes: the difference, in the vendor's terms.
        request: how it is sent: for the connector that made it.
        marker: what the written record will carry; empty where the written values themselves tell.
        version: the target's version when the proposal was made; another one now is a conflict.
        internal: whether only technicians will read it.
    """

    vendor: str
    act: Act
    changes: tuple[Change, ...]
    request: Mapping[str, Any] = field(repr=False)
    target: str = ""
    key: str = ""
    marker: str = ""
    version: str = ""
    internal: bool = True
    id: str = field(default_factory=lambda: uuid4().hex)
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def to_json(self) -> dict[str, Any]:
        """As JSON values, to be stored until somebody decides."""
        return {**asdict(self), "request": dict(self.request), "made_at": self.made_at.isoformat()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Proposal:
        """What ``to_json`` gave."""
        fields = dict(value)
        fields["act"] = Act(fields["act"])
        fields["changes"] = tuple(Change(**one) for one in cast("list[dict[str, Any]]", fields["changes"]))
        fields["made_at"] = datetime.fromisoformat(fields["made_at"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Applied:
    """A write that was read back and found as proposed.

    Attributes:
        id: the vendor's id of what was written or changed.
        version: of the record afterwards.
        differing: fields that the vendor holds otherwise than proposed, such as by a rule of its own.
    """

    proposal: str
    id: str
    key: str
    url: str
    version: str
    differing: tuple[str, ...] = ()


class Claims(Protocol):
    """The claim of an effect, kept where it survives the process: one proposal is sent once."""

    async def take(self, proposal: Proposal) -> bool:
        """Record that it is about to be sent; False where that was recorded before."""
        ...

    async def settle(self, proposal: Proposal, outcome: Outcome, written: str) -> None:
        """Record what became of it; ``written`` is the vendor's id of the record, if known."""
        ...


class MemoryClaims:
    """Claims of one process."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome | None] = {}

    async def take(self, proposal: Proposal) -> bool:
        """Whether nobody took it before."""
        if proposal.id in self.outcomes:
            return False
        self.outcomes[proposal.id] = None
        return True

    async def settle(self, proposal: Proposal, outcome: Outcome, written: str) -> None:
        """Keep the outcome."""
        self.outcomes[proposal.id] = outcome


def marker_of(proposal_id: str) -> str:
    """The mark that identifies our write in the vendor's record."""
    return f"deskmind-{proposal_id[:16]}"
