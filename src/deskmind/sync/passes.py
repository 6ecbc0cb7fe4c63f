"""Reading one kind of record to its end: begun, gone on with after an interruption, finished."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from deskmind.connectors.model import Kind
from deskmind.connectors.protocol import AnyRecord, Connector, Page
from deskmind.database import Connection as DatabaseConnection
from deskmind.database import Database
from deskmind.errors import (
    DeskmindError,
    InvalidRequestError,
    SourcePermissionError,
    SourceReplyError,
    SourceRequestError,
    SourceUnavailableError,
)
from deskmind.observability import logger
from deskmind.scope import Scope
from deskmind.sync.measures import count_records
from deskmind.sync.storing import Counted, RecordStore

__all__ = ["MISSHAPEN", "ONE_ALONE", "Pass", "misshapen", "read_kind", "sweep_kind"]

_log = logger("deskmind.sync")
MISSHAPEN = (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError)
"""What reading an answer raises that has not the form which the vendor documents, or nests without end."""

ONE_ALONE = (
    *(InvalidRequestError, SourceReplyError, SourcePermissionError, SourceRequestError),
    *MISSHAPEN,
)
"""What is the fault of the one record that was asked for, not of the whole system."""

_SURE = 100
"""So many records that a list lacks are asked for one by one before they are removed; more are believed to be gone."""

_FEW = 20
_MOST_GONE = 0.2
"""Where more records than a few, and more than this part of them, are missing at once, it is rather the account that sees no more."""

_BEGIN = """
INSERT INTO sync_passes AS p (tenant_id, connection_id, kind, pass, running, started_at)
VALUES (%s, %s, %s, 1, true, clock_timestamp())
ON CONFLICT (tenant_id, connection_id, kind) DO UPDATE SET pass = CASE WHEN p.running THEN p.pass ELSE p.pass + 1 END,
    started_at = CASE WHEN p.running THEN p.started_at ELSE clock_timestamp() END,
    notes = CASE WHEN p.running THEN p.notes ELSE '{}' END, running = true
RETURNING pass, cursor, started_at
"""
_ADVANCE = """
UPDATE sync_passes SET cursor = %s, notes = (SELECT coalesce(array_agg(DISTINCT n), '{}') FROM unnest(notes || %s::text[]) n),
       unmapped = (SELECT coalesce(jsonb_object_agg(u.field, u.records), '{}') FROM (
           SELECT e.field, sum(e.records::bigint) AS records
             FROM (SELECT * FROM jsonb_each_text(unmapped) UNION ALL SELECT * FROM jsonb_each_text(%s)) e(field, records)
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 500) u)
 WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND pass = %s AND running
"""
_FINISH = """
UPDATE sync_passes p SET running = false, finished_at = clock_timestamp(), error = '',
       complete_at = CASE WHEN p.notes = '{}' AND NOT EXISTS (SELECT FROM sync_problems x WHERE x.tenant_id = p.tenant_id
            AND x.connection_id = p.connection_id AND x.kind = p.kind) THEN p.started_at ELSE p.complete_at END
 WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND pass = %s AND running
"""
_SOLVED = (
    "DELETE FROM sync_problems WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND found_at < %s"
)
_AGAIN = """
SELECT external_id FROM sync_problems WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND found_at < %s
 ORDER BY found_at LIMIT 20
"""
_FAIL = "UPDATE sync_passes SET error = %s WHERE tenant_id = %s AND connection_id = %s AND kind = %s"
_UNMET = """
SELECT r.external_id FROM synced_records r WHERE r.tenant_id = %s AND r.connection_id = %s AND r.kind = %s AND r.pass < %s
   AND NOT EXISTS (SELECT FROM sync_problems x WHERE x.tenant_id = r.tenant_id AND x.connection_id = r.connection_id
        AND x.kind = r.kind AND x.external_id = left(r.external_id, 200))
 LIMIT 1000
"""
"""A problem names its record by 200 characters at most."""
_UNLISTED = """
SELECT external_id FROM synced_records WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND synced_at < %s
   AND external_id <> ALL (%s)
"""
_HELD = "SELECT count(*) FROM synced_records WHERE tenant_id = %s AND connection_id = %s AND kind = %s"
_UNKNOWN = """
INSERT INTO sync_follow_ups (tenant_id, connection_id, step, kind, external_id)
SELECT k.tenant_id, k.connection_id, 'referring', k.kind, l.id
  FROM (VALUES (%s::uuid, %s::uuid, %s::text)) k(tenant_id, connection_id, kind), unnest(%s::text[]) l(id)
 WHERE NOT EXISTS (SELECT FROM synced_records r WHERE r.tenant_id = k.tenant_id AND r.connection_id = k.connection_id
        AND r.kind = k.kind AND r.external_id = l.id)
   AND NOT EXISTS (SELECT FROM sync_problems x WHERE x.tenant_id = k.tenant_id AND x.connection_id = k.connection_id
        AND x.kind = k.kind AND x.external_id = l.id)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Pass:
    """What reading a kind came to."""

    kind: Kind
    counted: Counted
    error: DeskmindError | None = None


class _TakenOver(Exception):
    """This worker was believed dead: another has ended the pass, or begun it anew, and what it reads is as good."""


@dataclass(frozen=True, slots=True)
class _Place:
    scope: Scope
    connection_id: UUID
    kind: Kind
    number: int

    @property
    def key(self) -> tuple[UUID, UUID, str]:
        return self.scope.tenant_id, self.connection_id, str(self.kind)

    async def advance(self, connection: DatabaseConnection, page: Page) -> None:
        """Store the cursor, and count what has no place; another run's pass is not ours to go on with."""
        unmapped = Counter(path.replace("\0", "") for record in page.records for path in record.unmapped)
        done = await connection.execute(
            _ADVANCE, (page.cursor, list(page.notes), Jsonb(unmapped), *self.key, self.number)
        )
        if done.rowcount != 1:
            raise _TakenOver


async def read_kind(
    database: Database,
    scope: Scope,
    connection_id: UUID,
    source: Connector,
    store: RecordStore,
    kind: Kind,
) -> Pass:
    """Read a kind from where it stands to the end; what the vendor refuses is told and does not raise."""
    counted = Counted()
    try:
        async with database.transaction(scope) as connection:
            key = (scope.tenant_id, connection_id, str(kind))
            row = await (await connection.execute(_BEGIN, key)).fetchone()
        assert row is not None
        place, begun = _Place(scope, connection_id, kind, row[0]), row[2]
        whole = kind not in source.capabilities.incremental
        async with aclosing(_ahead(source.pages(kind, row[1]))) as pages:
            async for page in pages:
                counted += await _store(store, place, page, whole=whole)
        if not whole:
            counted += await _once_more(database, source, store, place, begun)
        async with database.transaction(scope) as connection:
            if whole:
                await store.hold(connection, kind)
                await connection.execute(_SOLVED, (*place.key, begun))
                counted += await _drop_unmet(connection, store, place)
            await connection.execute(_FINISH, (*place.key, place.number))
    except _TakenOver:
        _log.warning("sync.taken_over", kind=str(kind), connection=str(connection_id))
    except (DeskmindError, *MISSHAPEN) as caught:
        error = misshapen(kind, caught)
        async with database.transaction(scope) as connection:
            await connection.execute(_FAIL, (error.code, scope.tenant_id, connection_id, str(kind)))
        return Pass(kind, counted, error)
    return Pass(kind, counted)


def misshapen(kind: Kind, error: Exception) -> DeskmindError:
    """An error of ours as it is; any other as an answer that has not the form it should have."""
    if isinstance(error, DeskmindError):
        return error
    frames = traceback.extract_tb(error.__traceback__)[-1:]
    places = [f"{frame.name}:{frame.lineno}" for frame in frames]
    _log.warning("sync.misshapen", kind=str(kind), reason=type(error).__name__, at=places)  # never its words
    return SourceReplyError(
        f"The {kind} records were not read to the end.",
        why=f"An answer has not the form that the vendor documents ({type(error).__name__}).",
        remedy="What was read is kept and the next run goes on. Look for an upgrade of the system, or of Deskmind.",
    )


async def _ahead(pages: AsyncIterator[Page]) -> AsyncGenerator[Page]:
    """The pages, each asked for while the one before is stored."""
    coming = asyncio.ensure_future(anext(pages, None))
    try:
        while (page := await coming) is not None:
            coming = asyncio.ensure_future(anext(pages, None))
            yield page
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _store(store: RecordStore, place: _Place, page: Page, *, whole: bool) -> Counted:
    async def advance(connection: DatabaseConnection) -> None:
        await place.advance(connection, page)

    counted = await store.store(
        place.kind,
        page.records,
        undecoded=page.undecoded,
        pass_number=place.number if whole else None,
        then=advance,
    )
    count_records(place.kind, counted)
    return counted


async def _drop_unmet(connection: DatabaseConnection, store: RecordStore, place: _Place) -> Counted:
    """Remove what a whole pass did not meet, unless a part of it could not be read."""
    cursor = await connection.execute(
        "SELECT notes = '{}' FROM sync_passes WHERE tenant_id = %s AND connection_id = %s AND kind = %s",
        place.key,
    )
    row = await cursor.fetchone()
    gone = 0
    while row is not None and row[0]:
        cursor = await connection.execute(_UNMET, (*place.key, place.number))
        ids = [name for (name,) in await cursor.fetchall()]
        removed = await store.remove(connection, place.kind, ids)
        gone += removed
        if removed == 0:
            break
    return Counted(gone=gone)


async def _once_more(
    database: Database, source: Connector, store: RecordStore, place: _Place, begun: datetime
) -> Counted:
    """Ask again for records that could not be read before: nobody may change them, so that no pass would meet them."""
    async with database.transaction(place.scope) as connection:
        cursor = await connection.execute(_AGAIN, (*place.key, begun))
        names = [name for (name,) in await cursor.fetchall()]
    counted = Counted()
    for name in names:
        try:
            one = await _one(source, place.kind, name)
        except ONE_ALONE as error:
            await store.problem(place.kind, name, misshapen(place.kind, error).code)
            continue
        if one is not None:
            counted += await store.store(place.kind, [one])
            continue
        async with database.transaction(place.scope) as connection:
            counted += Counted(gone=await store.remove(connection, place.kind, [name]))
    count_records(place.kind, counted)
    return counted


async def sweep_kind(
    database: Database,
    scope: Scope,
    connection_id: UUID,
    source: Connector,
    store: RecordStore,
    kind: Kind,
    *,
    believed: bool = False,
) -> Pass:
    """Remove the records that are gone at the vendor, and have those read that it lists and the copy lacks.

    Args:
        database: with the copy.
        scope: of the tenant's operator.
        connection_id: whose records.
        source: to ask.
        store: where they are.
        kind: of the records.
        believed: however many are missing, they are gone: somebody wished everything to be read anew.
    """
    key = (scope.tenant_id, connection_id, str(kind))
    try:
        begun = await _now(database, scope)
        listed: list[str] = []
        async for some in source.ids(kind):
            listed.extend(some)
        async with database.transaction(scope) as connection:
            await connection.execute(_UNKNOWN, (*key, listed))
            cursor = await connection.execute(_UNLISTED, (*key, begun, listed))
            missing = [name for (name,) in await cursor.fetchall()]
            held = await (await connection.execute(_HELD, key)).fetchone()
        assert held is not None
        if not believed and len(missing) > max(_FEW, held[0] * _MOST_GONE):
            raise _too_many(kind, len(missing), held[0])
        if len(missing) <= _SURE:
            missing = [name for name in missing if await _is_gone(source, store, kind, name)]
        async with database.transaction(scope) as connection:
            gone = await store.remove(connection, kind, missing)
    except (DeskmindError, *MISSHAPEN) as caught:
        return Pass(kind, Counted(), misshapen(kind, caught))
    return Pass(kind, Counted(gone=gone))


def _too_many(kind: Kind, missing: int, held: int) -> SourcePermissionError:
    return SourcePermissionError(
        f"{missing:,} of {held:,} {kind} records are not listed any more, and were kept.",
        why="That many at once are rather hidden from the account than deleted.",
        remedy="See with 'deskmind connect test' that it still has its rights. If they were deleted, a run with '--full' removes them.",
    )


async def _one(source: Connector, kind: Kind, name: str) -> AnyRecord | None:
    """A record as it is now. Where the vendor fails with it and answers otherwise, it is the record that cannot be read."""
    try:
        return await source.get(kind, name)
    except SourceUnavailableError as error:
        if not (await source.health()).ok:
            raise
        raise SourceReplyError(f"The {kind} '{name}' cannot be read.", why=error.why) from error


async def _is_gone(source: Connector, store: RecordStore, kind: Kind, name: str) -> bool:
    """Whether the vendor has a record no more; one that it cannot give stays, and is named."""
    try:
        return await _one(source, kind, name) is None
    except ONE_ALONE as error:
        await store.problem(kind, name, misshapen(kind, error).code)
        return False


async def _now(database: Database, scope: Scope) -> datetime:
    async with database.transaction(scope) as connection:
        row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    return row[0]
