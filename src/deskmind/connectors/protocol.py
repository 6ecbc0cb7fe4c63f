"""What a connector is: reads in passes that can be resumed, writes as proposals.

A pass over one kind of record yields pages. Each page carries the cursor to store in the same transaction as its
records; ``pages(kind, cursor)`` goes on from there, in this process or another, at once or next week::

    cursor = None
    async for page in connector.pages(Kind.TICKET, cursor):
        ...  # upsert page.records by id, then store page.cursor, in one transaction

Delivery is at least once: windows overlap and rows shift, so records come again; upsert them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from deskmind.connectors.model import (
    Article,
    Attachment,
    CatalogItem,
    ConfigurationItem,
    Group,
    Kind,
    Membership,
    Organisation,
    Person,
    Service,
    Ticket,
)
from deskmind.connectors.writing import Act, Applied, Claims, Outcome, Proposal

__all__ = ["AnyRecord", "Capabilities", "Connector", "Event", "Health", "Page", "Right", "Undecoded"]

AnyRecord: TypeAlias = (
    Ticket | Article | Person | Group | Membership | Organisation | Service | ConfigurationItem | CatalogItem
)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connector can do.

    Attributes:
        kinds: what it reads.
        incremental: kinds whose passes after the first read only what changed; the others are read whole.
        acts: what it writes.
        sweep: kinds whose ids can be listed to find deletions.
        webhooks: whether ``event`` understands the vendor's calls.
        overlap: how far a pass goes back behind the last one.
        index_lag: how long a write may be missing from reads at worst, None where reads are consistent.
        idempotency: whether the vendor has an idempotency key; where not, a marker in the record serves.
    """

    kinds: frozenset[Kind]
    incremental: frozenset[Kind] = frozenset()
    acts: frozenset[Act] = frozenset()
    sweep: frozenset[Kind] = frozenset()
    webhooks: bool = False
    overlap: timedelta = timedelta(minutes=2)
    index_lag: timedelta | None = None
    idempotency: bool = False


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A record that could not be read into the model: its id if it has one, and why, without its content."""

    kind: Kind
    id: str
    why: str
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a pass.

    Attributes:
        cursor: opaque text; store it with the records.
        last: whether the pass ends here; the cursor then begins the next one.
        undecoded: records of the page that could not be read; the others are complete.
        notes: what keeps the pass from being complete, such as a part that the credentials may not read.
    """

    kind: Kind
    records: tuple[AnyRecord, ...]
    cursor: str
    last: bool = False
    undecoded: tuple[Undecoded, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """One right that the credentials need, and whether they have it.

    Attributes:
        needed_for: what does not work without it.
        granted: None where the vendor gives no way to find out without writing.
    """

    name: str
    needed_for: str
    granted: bool | None
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the vendor answers, and how its limit stands."""

    ok: bool
    detail: str
    milliseconds: float
    remaining: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook says has changed; read the record itself, since calls come late, twice or forged."""

    kind: Kind
    id: str
    deleted: bool = False


class Connector(Protocol):
    """One instance of one vendor's system, reached with one set of credentials."""

    vendor: str
    url: str

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def pages(
        self, kind: Kind, cursor: str | None = None, *, page_size: int | None = None
    ) -> AsyncIterator[Page]:
        """One pass over a kind of record, from the beginning or from where ``cursor`` stands."""
        ...

    def since(self, moment: datetime | None) -> str | None:
        """The cursor of a pass over what changed after ``moment``."""
        ...

    def ids(self, kind: Kind) -> AsyncIterator[Sequence[str]]:
        """All ids of a kind that exist, in batches: what is not among them is gone. Ends only when complete."""
        ...

    async def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002
        """One record as it is now; None where it does not exist or may not be seen."""
        ...

    async def some(self, kind: Kind, ids: Sequence[str]) -> Page:
        """These records as they are now, with as few requests as the vendor allows; what does not exist is not among them."""
        ...

    def tickets(self, since: datetime | None = None) -> AsyncIterator[Ticket]:
        """Tickets changed since then, or all; a record that cannot be read raises."""
        ...

    def articles(self, since: datetime | None = None) -> AsyncIterator[Article]:
        """Knowledge articles changed since then, or all."""
        ...

    def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes of an attachment in pieces; nothing is held in memory."""
        ...

    def event(self, headers: Mapping[str, str], body: bytes, *, secret: str | None = None) -> Sequence[Event]:
        """What a webhook says; ``AuthenticationError`` where its signature is wrong."""
        ...

    async def propose(self, act: Act, target: str | None = None, **values: Any) -> Proposal:
        """What would be written, as a difference in the vendor's terms; nothing is sent but reads."""
        ...

    async def apply(
        self, proposal: Proposal, *, claims: Claims | None = None, content: bytes | Path | None = None
    ) -> Applied:
        """Send a proposal once, read the record back and compare."""
        ...

    async def reconcile(self, proposal: Proposal, *, sent_at: datetime | None = None) -> Outcome:
        """Whether a proposal whose outcome is not known was written; ``sent_at`` where it was not sent when it was made."""
        ...

    async def check(self) -> Sequence[Right]:
        """The rights the connector needs, each with whether the credentials have it."""
        ...

    async def health(self) -> Health:
        """Whether the vendor answers."""
        ...

    async def close(self) -> None:
        """Return connections."""
        ...
