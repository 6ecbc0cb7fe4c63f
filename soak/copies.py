"""Whether a copy equals its source: every record compared, read from the source anew and from the database."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deskmind.connectors.core import Pace
from deskmind.connectors.model import Kind
from deskmind.connectors.opening import VendorConnector, open_connector
from deskmind.desk import Desk
from deskmind.sync.documents import KNOWLEDGE, documents_of
from deskmind.sync.records import Kept, kept
from soak.processes import Source

__all__ = ["Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How many records or documents are not as they should be."""

    missing: int = 0
    left_over: int = 0
    outdated: int = 0
    documents_missing: int = 0
    documents_left_over: int = 0
    documents_twice: int = 0
    unlisted: int = 0

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)

    def __add__(self, other: Difference) -> Difference:
        mine, theirs = asdict(self), asdict(other)
        return Difference(**{name: mine[name] + theirs[name] for name in mine})


async def differences(desk: Desk, name: str, source: Source) -> Difference:
    """Between a connection's copy and a source in which nothing changes meanwhile."""
    found, documents = Difference(), set[str]()
    async with open_connector(source.vendor, source.url, source.credentials) as connector:
        connector.client.pace = Pace(1_000_000_000, 1.0)  # a comparison is not what is measured
        for kind in sorted(connector.capabilities.kinds):
            there = {one.id: one async for one in _there(connector, kind)}
            found += await _compared(desk, name, kind, there)
            if kind in KNOWLEDGE:
                documents |= {each.external_id for one in there.values() for each in documents_of(one)}
            if kind in connector.capabilities.sweep:
                listed = {one async for some in connector.ids(kind) for one in some}
                found += Difference(unlisted=len(listed ^ there.keys()))
    return found + await _of_documents(desk, name, documents)


async def _there(connector: VendorConnector, kind: Kind) -> AsyncIterator[Kept]:
    async for page in connector.pages(kind):
        for one in page.records:
            if not one.deleted:
                yield kept(kind, one, None)


async def _compared(desk: Desk, name: str, kind: Kind, there: Mapping[str, Kept]) -> Difference:
    rows = await _rows(
        desk,
        "SELECT external_id, digest, record FROM synced_records JOIN connections USING (tenant_id, connection_id)"
        " WHERE tenant_id = %s AND name = %s AND kind = %s",
        (desk.scope.tenant_id, name, str(kind)),
    )
    here = {str(one) for one, _, _ in rows}
    outdated = 0
    for one, digest, record in rows:
        now = there.get(str(one))
        if now is not None and bytes(digest) != now.digest:
            outdated += 1
            fields = sorted(field for field in now.record if now.record[field] != record.get(field))
            print(f"{desk.scope.tenant}: {kind} {one} is outdated in {', '.join(fields)}", file=sys.stderr)
    return Difference(missing=len(there.keys() - here), left_over=len(here - there.keys()), outdated=outdated)


async def _of_documents(desk: Desk, name: str, wanted: set[str]) -> Difference:
    rows = await _rows(
        desk,
        "SELECT d.external_id FROM documents d JOIN sources s USING (tenant_id, source_id)"
        " WHERE d.tenant_id = %s AND s.name = %s",
        (desk.scope.tenant_id, f"connection:{name}"),
    )
    names = [str(one) for (one,) in rows]
    here = set(names)
    return Difference(
        documents_missing=len(wanted - here),
        documents_left_over=len(here - wanted),
        documents_twice=len(names) - len(here),
    )


async def _rows(desk: Desk, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    async with desk.database.transaction(desk.scope) as connection:
        return list(await (await connection.execute(statement.encode(), values)).fetchall())
