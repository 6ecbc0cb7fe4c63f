"""A dry run: what a run would bring, read and compared, not stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deskmind.connectors.model import Kind
from deskmind.connectors.protocol import Connector, Page
from deskmind.database import Database
from deskmind.scope import Scope
from deskmind.sync.connections import Connection
from deskmind.sync.records import kept
from deskmind.sync.running import kinds_of
from deskmind.sync.storing import Counted

__all__ = ["Preview", "preview"]

_DIGESTS = """
SELECT external_id, digest FROM synced_records WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would bring, by kind; people who were erased are counted as new here, and would be left out."""

    kinds: Mapping[str, Counted]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"kinds": {kind: asdict(counted) for kind, counted in self.kinds.items()}}


async def preview(
    database: Database, scope: Scope, found: Connection, source: Connector, *, full: bool
) -> Preview:
    """Read every kind from where it stands, or from the beginning, and compare.

    Raises:
        SourceError: the vendor does not answer as it should.
    """
    counts: dict[str, Counted] = {}
    for kind in kinds_of(found, source):
        counts[str(kind)] = Counted()
        async for page in source.pages(kind, None if full else await _cursor(database, scope, found, kind)):
            counts[str(kind)] += await _compared(database, scope, found, page)
    return Preview(counts)


async def _cursor(database: Database, scope: Scope, found: Connection, kind: Kind) -> str | None:
    async with database.transaction(scope) as connection:
        cursor = await connection.execute(
            "SELECT cursor FROM sync_passes WHERE tenant_id = %s AND connection_id = %s AND kind = %s",
            (scope.tenant_id, found.connection_id, str(kind)),
        )
        row = await cursor.fetchone()
    return None if row is None else row[0]


async def _compared(database: Database, scope: Scope, found: Connection, page: Page) -> Counted:
    ready = {one.id: kept(page.kind, one, None) for one in page.records if not one.deleted}
    deleted = [one.id for one in page.records if one.deleted]
    async with database.transaction(scope) as connection:
        key = (scope.tenant_id, found.connection_id, str(page.kind))
        cursor = await connection.execute(_DIGESTS, (*key, [*ready, *deleted]))
        known = {name: bytes(digest) for name, digest in await cursor.fetchall()}
    same = sum(known.get(one.id) == one.digest for one in ready.values())
    added = sum(name not in known for name in ready)
    gone = sum(name in known for name in deleted)
    return Counted(added, len(ready) - same - added, same, gone, len(page.undecoded))
