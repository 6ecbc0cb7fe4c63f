"""The lists of an instance that make up each kind of record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskmind.connectors.core.source import Batch, Start, decode_apart
from deskmind.connectors.model import Kind
from deskmind.connectors.protocol import AnyRecord, Undecoded
from deskmind.connectors.servicenow.fields import moment, value
from deskmind.connectors.servicenow.tables import Place, Rows, Table, latest
from deskmind.errors import NotFoundError, SourcePermissionError, SourceRequestError

__all__ = ["DeletedStream", "Reader", "RowReader", "TableStream"]


@dataclass(frozen=True, slots=True)
class RowReader:
    """What reads a row of a page.

    Attributes:
        read: a row.
        undecoded: what belongs to the page's rows and could not be read, where it is not known to which.
    """

    read: Callable[[dict[str, Any]], AnyRecord | None]
    undecoded: tuple[Undecoded, ...] = ()


Reader = Callable[[Rows], Awaitable[RowReader]]
"""Prepares what a page's rows need, and gives what reads one of them."""


class TableStream:
    """One table, in the order of its changes.

    Args:
        table: to walk.
        kind: of its records.
        reader: of its rows.
        optional: whether an instance may lack the table, or the credentials the right to it; then a note says so.
        whole: whether each pass reads all of it.
    """

    def __init__(
        self, table: Table, kind: Kind, reader: Reader, *, optional: bool = False, whole: bool = False
    ) -> None:
        self.name = table.name
        self._table = table
        self._kind = kind
        self._reader = reader
        self._optional = optional
        self._whole = whole

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """Batches from a place on."""
        since = None if self._whole else start.since
        try:
            async for batch in self._batches(Place.of(start.position), since, start.size):
                yield batch
        except (NotFoundError, SourcePermissionError, SourceRequestError) as error:
            if not self._optional:
                raise
            yield Batch((), notes=(f"{self.name} was not read: {error.what}",))

    async def _batches(self, place: Place, since: datetime | None, size: int) -> AsyncIterator[Batch]:
        async for rows, behind, broken in self._table.after(place, since, size):
            if broken:
                lost = Undecoded(self._kind, broken, "the answer with it cannot be read")
                yield Batch((), behind.to_json(), undecoded=(lost,))
                continue
            reader = await self._reader(rows)
            records, undecoded = await decode_apart(self._kind, rows, reader.read, "sys_id")
            undecoded += reader.undecoded
            yield Batch(records, behind.to_json(), latest(rows, "sys_updated_on"), undecoded)


class DeletedStream:
    """What was deleted, from ``sys_audit_delete``; an instance may not audit a table, so ids are swept too."""

    def __init__(
        self, table: Table, tables: Sequence[str], tombstone: Callable[[str, str], AnyRecord]
    ) -> None:
        self.name = table.name
        self._table = table
        self._tables = tables
        self._tombstone = tombstone

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """Tombstones since then; a first pass has nothing to forget, but begins the account."""
        try:
            async for rows, behind, broken in self._table.after(
                Place.of(start.position), start.since, start.size
            ):
                lost = (Undecoded(Kind.TICKET, f"{self.name}/{broken}", "a deletion that cannot be read"),)
                gone = tuple(
                    self._tombstone(value(row.get("tablename")), value(row.get("documentkey")))
                    for row in rows
                    if value(row.get("documentkey")) and value(row.get("tablename")) in self._tables
                )
                times = [moment(value(row.get("sys_created_on"))) for row in rows]
                seen = max((one for one in times if one is not None), default=None)
                yield Batch(gone, behind.to_json(), seen, lost if broken else ())
        except (NotFoundError, SourcePermissionError, SourceRequestError) as error:
            yield Batch((), notes=(f"{self.name} was not read: {error.what}",))
