"""Records that call others by name, read again when those were renamed or are gone.

A vendor shows a ticket's parent, assignee or configuration item by its name, and does not count it as a change of the ticket when
that is renamed or deleted: no later pass would read the ticket. So whatever changes a name in the copy, or removes its record, leaves
a row in the same transaction (``storing``). Here those rows are exchanged for rows of the records that refer to theirs, and
these are read, stored and struck out, some in each transaction: a worker that is killed costs some that are read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import LiteralString
from uuid import UUID

from deskmind.connectors.model import Kind
from deskmind.connectors.protocol import AnyRecord, Connector, Undecoded
from deskmind.database import Connection as DatabaseConnection
from deskmind.database import Database
from deskmind.errors import DeskmindError, SourceUnavailableError
from deskmind.scope import Scope
from deskmind.sync.measures import count_records
from deskmind.sync.passes import MISSHAPEN, ONE_ALONE, Pass, misshapen
from deskmind.sync.storing import Counted, RecordStore

__all__ = ["Follower", "outstanding"]

_MOST = 1000
"""So many records a turn: what is new comes before the rest of them."""
_AT_ONCE = 50
_REFERRED_AT_ONCE = 50
"""Of so many at once it is looked up who refers to them: each may be called by every ticket."""

_REFERRED = """
SELECT kind, external_id, since FROM sync_follow_ups WHERE tenant_id = %s AND connection_id = %s AND step = 'referred'
 ORDER BY kind, external_id LIMIT %s
"""
_NEXT = """
SELECT kind, external_id, since FROM (
    SELECT kind, external_id, since FROM sync_follow_ups WHERE tenant_id = %s AND connection_id = %s AND step = 'referring'
     ORDER BY since LIMIT %s) oldest
 ORDER BY min(since) OVER (PARTITION BY kind), kind, since
"""
_PUT_OFF = """
UPDATE sync_follow_ups SET since = clock_timestamp() WHERE tenant_id = %s AND connection_id = %s AND step = 'referring'
   AND kind = %s AND external_id = ANY (%s)
"""
_EXCHANGE = """
WITH taken AS (
    DELETE FROM sync_follow_ups WHERE tenant_id = %(tenant)s AND connection_id = %(connection)s AND step = 'referred'
       AND kind = %(kind)s AND external_id = ANY (%(ids)s)
    RETURNING kind, external_id),
named AS (SELECT array_agg(kind) AS kinds, array_agg(external_id) AS ids FROM taken)
INSERT INTO sync_follow_ups (tenant_id, connection_id, step, kind, external_id)
SELECT %(tenant)s, %(connection)s, 'referring', r.kind, r.external_id
  FROM named, LATERAL sync_referring(%(connection)s, named.kinds, named.ids) r WHERE r.kind = ANY (%(wanted)s)
ON CONFLICT (tenant_id, connection_id, step, kind, external_id) DO UPDATE SET since = clock_timestamp()
"""
_STRIKE = """
DELETE FROM sync_follow_ups f USING unnest(%s::text[], %s::timestamptz[]) done(external_id, since)
 WHERE f.tenant_id = %s AND f.connection_id = %s AND f.step = 'referring' AND f.kind = %s AND f.external_id = done.external_id
   AND f.since = done.since
"""
_OUTSTANDING = "SELECT EXISTS (SELECT FROM sync_follow_ups WHERE tenant_id = %s AND connection_id = %s)"


async def outstanding(connection: DatabaseConnection, scope: Scope, connection_id: UUID) -> bool:
    """Whether records of a connection are to be read again, in an operator's transaction."""
    cursor = await connection.execute(_OUTSTANDING, (scope.tenant_id, connection_id))
    row = await cursor.fetchone()
    return row is not None and row[0]


@dataclass(frozen=True, slots=True)
class _Again:
    kind: Kind
    since: dict[str, datetime]

    def parts(self) -> Iterator[_Again]:
        """As many of them as are read at once, in their order."""
        waiting = iter(self.since.items())
        while some := dict(islice(waiting, _AT_ONCE)):
            yield _Again(self.kind, some)


class Follower:
    """Reads again what calls by name records that were renamed or are gone; not beside a run of the connection.

    Args:
        database: with the copy.
        scope: of the tenant's operator.
        connection_id: whose records.
        source: to read from.
        store: where they go.
        kinds: whose records are read again; those that every pass reads whole need it not.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        connection_id: UUID,
        source: Connector,
        store: RecordStore,
        kinds: Collection[Kind],
    ) -> None:
        self._database = database
        self._scope = scope
        self._source = source
        self._store = store
        self._kinds = [str(kind) for kind in kinds]
        self._key = (scope.tenant_id, connection_id)

    async def follow(self) -> list[Pass]:
        """Read again at most 1,000; ``outstanding`` says whether that was all. What is refused is told and does not raise."""
        done = await self._exchanged()
        for waiting in await self._waiting(_NEXT, _MOST):
            for some in waiting.parts():
                try:
                    done.append(Pass(some.kind, await self._read(some)))
                except (DeskmindError, *MISSHAPEN) as caught:
                    if isinstance(caught, SourceUnavailableError):
                        await self._put_off(waiting, some)
                    return [*done, Pass(some.kind, Counted(), misshapen(some.kind, caught))]
        return done

    async def _put_off(self, waiting: _Again, failed: _Again) -> None:
        """The next turn begins with other kinds, and with others of this one: what failed may be to blame, not the vendor."""
        others = [name for name in waiting.since if name not in failed.since]
        async with self._database.transaction(self._scope) as connection:
            for names in (others, list(failed.since)):
                await connection.execute(_PUT_OFF, (*self._key, str(waiting.kind), names))

    async def _exchanged(self) -> list[Pass]:
        """Nothing, or what kept the rows of some that were renamed or are gone from being exchanged: the next turn takes them."""
        while some := await self._waiting(_REFERRED, _REFERRED_AT_ONCE):
            for referred in some:
                try:
                    await self._exchange(referred)
                except DeskmindError as error:
                    return [Pass(referred.kind, Counted(), error)]
        return []

    async def _exchange(self, referred: _Again) -> None:
        """Rows of what was renamed or is gone for rows of what calls it by name."""
        tenant, connection_id = self._key
        values = {
            "tenant": tenant,
            "connection": connection_id,
            "kind": str(referred.kind),
            "ids": list(referred.since),
            "wanted": self._kinds,
        }
        async with self._database.transaction(self._scope) as connection:
            # all tickets may refer to one of them
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute(_EXCHANGE, values)

    async def _waiting(self, statement: LiteralString, most: int) -> list[_Again]:
        async with self._database.transaction(self._scope) as connection:
            rows = await (await connection.execute(statement, (*self._key, most))).fetchall()
        return [
            _Again(Kind(kind), {name: since for _, name, since in some})
            for kind, some in groupby(rows, key=lambda row: row[0])
        ]

    async def _read(self, again: _Again) -> Counted:
        records, undecoded, gone = await self._asked(again.kind, list(again.since))
        removed = 0

        async def finish(connection: DatabaseConnection) -> None:
            nonlocal removed
            removed = await self._store.remove(connection, again.kind, gone)
            names, times = list(again.since), list(again.since.values())
            await connection.execute(_STRIKE, (names, times, *self._key, str(again.kind)))

        counted = await self._store.store(
            again.kind, records, undecoded=undecoded, unless_newer=True, quietly=True, then=finish
        )
        counted += Counted(gone=removed)
        count_records(again.kind, counted)
        return counted

    async def _asked(
        self, kind: Kind, ids: Sequence[str]
    ) -> tuple[list[AnyRecord], list[Undecoded], list[str]]:
        """The records, those that cannot be read, and the ids of those that are gone; half of them where all bring an error."""
        try:
            page = await self._source.some(kind, ids)
            records = list(page.records)
            met = {one.id for one in (*records, *page.undecoded)}
            gone: list[str] = []
            for one in (name for name in ids if name not in met):  # a list that lacks it is not believed
                found = await self._source.get(kind, one)
                if found is None:
                    gone.append(one)
                else:
                    records.append(found)
            return records, list(page.undecoded), gone
        except ONE_ALONE as error:
            if len(ids) == 1:
                return [], [Undecoded(kind, ids[0], misshapen(kind, error).code)], []
        middle = len(ids) // 2
        first, second = await self._asked(kind, ids[:middle]), await self._asked(kind, ids[middle:])
        return first[0] + second[0], first[1] + second[1], first[2] + second[2]
