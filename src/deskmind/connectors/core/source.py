"""What the connectors' classes share: passes over streams, records one by one, and health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, Protocol, TypeVar, cast

from deskmind.connectors.core.client import Client
from deskmind.connectors.core.cursor import Cursor, stamp
from deskmind.connectors.core.mapping import BROKEN
from deskmind.connectors.model import Article, Kind, Ticket
from deskmind.connectors.protocol import AnyRecord, Capabilities, Health, Page, Undecoded
from deskmind.errors import DeskmindError, InvalidRequestError, SourceReplyError

__all__ = ["Batch", "Source", "Start", "Stream", "decode", "decode_apart", "unreadable"]

_T = TypeVar("_T", bound=AnyRecord)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a stream is to begin.

    Attributes:
        since: only what changed after it; None for all.
        position: where an interrupted pass stood, in the stream's own words.
        size: rows a page.
    """

    since: datetime | None = None
    position: Any = None
    size: int = 100


@dataclass(frozen=True, slots=True)
class Batch:
    """What a stream gives at once.

    Attributes:
        position: where to go on.
        seen: the vendor's latest time in it.
        begun: when the pass began by the vendor's clock, where rows do not come in the order of their changes: what changes
            behind the place after that is the next pass's, however late the times are that this one sees.
    """

    records: tuple[AnyRecord, ...]
    position: Any = None
    seen: datetime | None = None
    undecoded: tuple[Undecoded, ...] = ()
    notes: tuple[str, ...] = ()
    begun: datetime | None = None


class Stream(Protocol):
    """One list of the vendor's."""

    name: str

    def read(self, start: Start) -> AsyncIterator[Batch]:
        """Its records from there to the end."""
        ...


class Source:
    """The half of a connector that is the same for all vendors."""

    vendor: str
    page_size: ClassVar[int] = 100
    longest_page: ClassVar[int] = 100

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self.url = url.rstrip("/")

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Return connections."""
        await self.client.close()

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        raise NotImplementedError

    def streams(self, kind: Kind) -> Sequence[Stream]:
        """The lists that make up a kind."""
        raise NotImplementedError

    async def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002
        """One record as it is now."""
        raise NotImplementedError

    async def some(self, kind: Kind, ids: Sequence[str]) -> Page:
        """These records as they are now: one by one, where the vendor has nothing better."""
        found = [await self.get(kind, one) for one in ids]
        return Page(kind, tuple(one for one in found if one is not None), "", last=True)

    async def probe(self) -> str:
        """Ask for something small; who we are there."""
        raise NotImplementedError

    def since(self, moment: datetime | None) -> str | None:
        """The cursor of a pass over what changed after ``moment``."""
        if moment is None:
            return None
        if moment.tzinfo is None:
            raise InvalidRequestError("The time has no zone.", remedy="Give it one, such as UTC.")
        names = (stream.name for kind in self.capabilities.incremental for stream in self.streams(kind))
        return str(Cursor(dict.fromkeys(names, stamp(moment))))

    async def pages(
        self, kind: Kind, cursor: str | None = None, *, page_size: int | None = None
    ) -> AsyncIterator[Page]:
        """One pass, or the rest of one; the last page is empty and its cursor begins the next pass."""
        if kind not in self.capabilities.kinds:
            raise InvalidRequestError(
                f"{self.vendor} has no records of kind '{kind}'.",
                remedy="The connector's capabilities name what it reads.",
            )
        size = max(1, min(page_size or self.page_size, self.longest_page))
        now = Cursor.parse(cursor)
        for stream in self._left(kind, now):
            position = now.position if now.stream == stream.name else None
            start = Start(now.start(stream.name, self._overlap(kind)), position, size)
            async for batch in stream.read(start):
                now = now.at(stream.name, batch.position, stamp(batch.seen), stamp(batch.begun))
                yield Page(kind, batch.records, str(now), undecoded=batch.undecoded, notes=batch.notes)
            now = now.done(stream.name)
        yield Page(kind, (), str(now), last=True)

    def tickets(self, since: datetime | None = None) -> AsyncIterator[Ticket]:
        """Tickets changed since then, or all."""
        return self._records(Kind.TICKET, since, Ticket)

    def articles(self, since: datetime | None = None) -> AsyncIterator[Article]:
        """Knowledge articles changed since then, or all."""
        return self._records(Kind.ARTICLE, since, Article)

    async def health(self) -> Health:
        """Whether the vendor answers, and how its limit stands."""
        begun = time.monotonic()
        try:
            detail, ok = await self.probe(), True
        except DeskmindError as error:
            detail, ok = f"{error.what} {error.why}".strip(), False
        reading = self.client.pace.reading
        return Health(
            ok,
            detail,
            (time.monotonic() - begun) * 1000,
            None if reading is None else reading.remaining,
            None if reading is None else reading.limit,
        )

    async def _records(self, kind: Kind, since: datetime | None, form: type[_T]) -> AsyncIterator[_T]:
        whole = None if kind in self.capabilities.incremental else since
        async for page in self.pages(kind, self.since(since)):
            if page.undecoded:
                raise unreadable(page.undecoded[0])
            for record in page.records:
                gone = isinstance(record, Ticket) and record.deleted
                if gone and since is None:
                    continue  # it was never told of
                if whole is None or record.updated_at is None or record.updated_at > whole:
                    yield cast("_T", record)

    def _left(self, kind: Kind, now: Cursor) -> Sequence[Stream]:
        streams = self.streams(kind)
        names = [stream.name for stream in streams]
        return streams[names.index(now.stream) :] if now.stream in names else streams

    def _overlap(self, kind: Kind) -> timedelta:
        return self.capabilities.overlap


def decode(
    kind: Kind, rows: Iterable[dict[str, Any]], read: Callable[[dict[str, Any]], AnyRecord | None], id_of: str
) -> tuple[tuple[AnyRecord, ...], tuple[Undecoded, ...]]:
    """Rows as records; one that cannot be read does not take the others with it."""
    records: list[AnyRecord] = []
    undecoded: list[Undecoded] = []
    for row in rows:
        try:
            record = read(row)
        except BROKEN as error:
            undecoded.append(Undecoded(kind, _id(row, id_of), type(error).__name__, raw=row))
        else:
            if record is not None:
                records.append(record)
    return tuple(records), tuple(undecoded)


async def decode_apart(
    kind: Kind, rows: Iterable[dict[str, Any]], read: Callable[[dict[str, Any]], AnyRecord | None], id_of: str
) -> tuple[tuple[AnyRecord, ...], tuple[Undecoded, ...]]:
    """``decode`` in a thread, for records with long texts."""
    return await asyncio.to_thread(decode, kind, rows, read, id_of)


def _id(row: Any, name: str) -> str:
    value: Any = cast("dict[str, Any]", row).get(name, "") if isinstance(row, dict) else ""
    return str(cast("dict[str, Any]", value).get("value", "") if isinstance(value, dict) else value)


def unreadable(one: Undecoded) -> SourceReplyError:
    """The error of a record that cannot be read and that somebody asked for."""
    return SourceReplyError(
        f"The {one.kind} '{one.id}' cannot be read.",
        why=f"It has not the form that the vendor documents ({one.why}).",
        remedy="Read pages, which give the other records and name this one.",
    )
