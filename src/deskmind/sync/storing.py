"""One page of records in one transaction: rows, documents, what cannot be stored, and the cursor that stands behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.types.json import Jsonb

from deskmind.connectors.model import Kind, Person
from deskmind.connectors.protocol import AnyRecord, Undecoded
from deskmind.database import Connection as DatabaseConnection
from deskmind.database import Database
from deskmind.errors import InvalidRequestError
from deskmind.governance.privacy import Mentions, Suppression
from deskmind.knowledge.ingest import StagedFile, Stager
from deskmind.knowledge.ingest.locking import lock_to_write
from deskmind.knowledge.ingest.staging import ensure_source
from deskmind.knowledge.ingest.store import remove_documents
from deskmind.scope import Scope
from deskmind.sync.documents import KNOWLEDGE, document_ids, documents_of
from deskmind.sync.mirroring import AccessLists
from deskmind.sync.records import Kept, kept, names_of

__all__ = ["Counted", "RecordStore"]

_UNSTORABLE = (
    *(psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded),
    *(
        psycopg.errors.StatementTooComplex,
        ValueError,
        TypeError,
        KeyError,
        RecursionError,
        InvalidRequestError,
    ),
)

_CALLED = frozenset(
    {
        *(Kind.TICKET, Kind.PERSON, Kind.GROUP),
        *(Kind.ORGANISATION, Kind.SERVICE, Kind.CONFIGURATION_ITEM),
    }
)
"""The kinds whose records others call by name."""

_KNOWN = """
SELECT external_id, digest, changed_at, CASE WHEN kind = 'ticket' THEN record_key ELSE coalesce(record->>'name', '') END
  FROM synced_records
 WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = ANY (%s)
"""
_NUMBER_OF = "SELECT pass FROM sync_passes WHERE tenant_id = %s AND connection_id = %s AND kind = %s"
_UPSERT = """
INSERT INTO synced_records (tenant_id, connection_id, kind, pass, external_id, record_key, url, version, changed_at, digest,
                            record, raw)
SELECT %s, %s, %s, %s, r.* FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %b::bytea[],
                                       %b::jsonb[], %b::jsonb[]) r
ON CONFLICT (tenant_id, connection_id, kind, external_id) DO UPDATE SET record_key = excluded.record_key, url = excluded.url,
    version = excluded.version, changed_at = excluded.changed_at, digest = excluded.digest, record = excluded.record,
    raw = excluded.raw, pass = excluded.pass, synced_at = CASE WHEN %s AND synced_records.changed_at = excluded.changed_at
        THEN synced_records.synced_at ELSE clock_timestamp() END
"""
_MET = """
UPDATE synced_records SET pass = %s WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = ANY (%s)
   AND pass <> %s
"""
_GONE = """
DELETE FROM synced_records WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = ANY (%s)
RETURNING external_id
"""
_REFERRED = """
INSERT INTO sync_follow_ups (tenant_id, connection_id, step, kind, external_id)
SELECT %s, %s, 'referred', %s, r.id FROM unnest(%s::text[]) r(id)
ON CONFLICT DO NOTHING
"""
_PROBLEM = """
INSERT INTO sync_problems (tenant_id, connection_id, kind, external_id, why) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, connection_id, kind, external_id) DO UPDATE SET why = excluded.why, found_at = clock_timestamp()
"""
_SOLVED = """
DELETE FROM sync_problems WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND external_id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of some records; suppressed people are in none of the numbers."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    failed: int = 0

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.gone + other.gone,
            self.failed + other.failed,
        )


@dataclass(frozen=True, slots=True)
class _Manner:
    pass_number: int | None
    unless_newer: bool
    quietly: bool


class RecordStore:
    """Stores the records of one connection, in its tenant's operator's scope."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        connection_id: UUID,
        *,
        source: str,
        suppression: Suppression,
        pipeline: str,
        masked: bool,
        again: bool = False,
    ) -> None:
        """A store; for one transaction at a time, since it remembers the access lists that it made.

        Args:
            database: where they are kept.
            scope: of the tenant's operator.
            connection_id: whose records.
            source: name of the knowledge source that their documents belong to.
            suppression: who may not come back.
            pipeline: what documents go through.
            masked: whether personal data is masked in them.
            again: offer the documents of unchanged records too, for another pipeline.
        """
        self._database = database
        self._scope = scope
        self._connection_id = connection_id
        self._source = source
        self._suppression = suppression
        self._pipeline = pipeline
        self._masked = masked
        self._again = again
        self._lists = AccessLists(scope, connection_id)

    async def store(
        self,
        kind: Kind,
        records: Sequence[AnyRecord],
        *,
        undecoded: Sequence[Undecoded] = (),
        pass_number: int | None = None,
        unless_newer: bool = False,
        quietly: bool = False,
        then: Callable[[DatabaseConnection], Awaitable[None]] | None = None,
    ) -> Counted:
        """Store records, name those that cannot be, and do ``then``, all in one transaction.

        Args:
            kind: of the records.
            records: to store.
            undecoded: what could not be read.
            pass_number: of a pass that reads everything: it marks what it meets, and what it does not meet is gone afterwards.
            unless_newer: leave alone what the copy has in a newer state: a record that was read apart from any pass may be
                stored behind one.
            quietly: nobody has changed the records at the vendor, so that nothing begins because of what is new in them.
            then: in the same transaction.
        """
        manner = _Manner(pass_number, unless_newer, quietly)
        while True:
            marks, erased = await self._suppression.marked()
            counted = await self._stored(kind, records, undecoded, manner, (marks, erased), then)
            if counted is not None:
                return counted + Counted(failed=len(undecoded))

    async def _stored(
        self,
        kind: Kind,
        records: Sequence[AnyRecord],
        undecoded: Sequence[Undecoded],
        manner: _Manner,
        known: tuple[str, Mentions],
        then: Callable[[DatabaseConnection], Awaitable[None]] | None,
    ) -> Counted | None:
        """None, and nothing is done, where somebody was erased since that is not ``known``: see ``Suppression.writing``."""
        marks, erased = known
        try:
            async with self._database.transaction(self._scope) as connection:
                if records or undecoded:
                    await lock_to_write(connection)
                    if await self._suppression.version(connection) != marks:
                        return None
                counted = await self._some(connection, kind, list(records), manner, erased)
                for one in records:
                    if one.unread and not one.deleted:  # it is stored without that part
                        await self._problem(connection, kind, one.id, "; ".join(one.unread))
                for one in undecoded:
                    await self._problem(connection, kind, one.id, one.why)
                if then is not None:
                    await then(connection)
        except BaseException:
            self._lists.forget()
            raise
        return counted

    async def hold(self, connection: DatabaseConnection, kind: Kind | str) -> None:
        """Hold the knowledge, where the kind is any, before a row is touched: in the other order two jobs wait for each other."""
        if kind in KNOWLEDGE:
            await lock_to_write(connection)

    async def remove(self, connection: DatabaseConnection, kind: Kind | str, ids: Sequence[str]) -> int:
        """Remove records with their documents, in the caller's transaction; how many there were.

        What calls them by name is to be read again: see ``following``.
        """
        if not ids:
            return 0
        await self.hold(connection, kind)
        key = (self._scope.tenant_id, self._connection_id, str(kind))
        cursor = await connection.execute(_GONE, (*key, list(ids)))
        gone = [name for (name,) in await cursor.fetchall()]
        await self._follow(connection, kind, gone)
        await connection.execute(_SOLVED, (*key, list(ids)))
        if kind in KNOWLEDGE:
            await self._withdraw(connection, [name for one in ids for name in document_ids(kind, one)])
        return len(gone)

    async def _some(
        self,
        connection: DatabaseConnection,
        kind: Kind,
        records: list[AnyRecord],
        manner: _Manner,
        erased: Mentions,
    ) -> Counted:
        """Half of them at a time where all together cannot be stored, down to the one that is to blame."""
        if not records:
            return Counted()
        try:
            async with connection.transaction():
                return await self._write(connection, kind, records, manner, erased)
        except _UNSTORABLE as error:
            self._lists.forget()
            if len(records) == 1:
                await self._problem(connection, kind, records[0].id, type(error).__name__)
                return Counted(failed=1)
        middle = len(records) // 2
        first = await self._some(connection, kind, records[:middle], manner, erased)
        return first + await self._some(connection, kind, records[middle:], manner, erased)

    async def _write(
        self,
        connection: DatabaseConnection,
        kind: Kind,
        records: Sequence[AnyRecord],
        manner: _Manner,
        erased: Mentions,
    ) -> Counted:
        deleted = [one.id for one in records if one.deleted]
        ready = {one.id: kept(kind, one, erased) for one in records if not one.deleted}
        if erased and kind == Kind.PERSON:
            barred = [one.id for one in ready.values() if await self._barred(connection, one.source)]
            deleted += [ready.pop(one).id for one in barred]
        key = (self._scope.tenant_id, self._connection_id, str(kind))
        cursor = await connection.execute(_KNOWN, (*key, list(ready)))
        found = await cursor.fetchall()
        known = {name: bytes(digest) for name, digest, _, _ in found}
        if manner.unless_newer:
            changed = {name: at for name, _, at, _ in found}
            ready = {
                name: one for name, one in ready.items() if not _later(changed.get(name), one.changed_at)
            }
        fresh = [one for one in ready.values() if known.get(one.id) != one.digest]
        same = [one for one in ready.values() if known.get(one.id) == one.digest]
        if fresh:
            met = await self._pass(connection, key, manner)
            await connection.execute(_UPSERT, (*key, met, *_columns(fresh), manner.quietly))
        called = {name: words for name, _, _, words in found}
        renamed = [one.id for one in fresh if called.get(one.id, one.called) != one.called]
        await self._follow(connection, kind, renamed)
        if same and manner.pass_number is not None:
            await connection.execute(
                _MET, (manner.pass_number, *key, [one.id for one in same], manner.pass_number)
            )
        await connection.execute(_SOLVED, (*key, list(ready)))
        if kind in KNOWLEDGE:
            await self._publish(connection, [*fresh, *same] if self._again else fresh, known=bool(known))
        gone = await self.remove(connection, kind, deleted)
        added = sum(one.id not in known for one in fresh)
        return Counted(added, len(fresh) - added, len(same), gone)

    async def _pass(
        self, connection: DatabaseConnection, key: tuple[UUID, UUID, str], manner: _Manner
    ) -> int:
        """The pass that has met a record which is stored now: one under way may be past its place already."""
        if manner.pass_number is not None:
            return manner.pass_number
        row = await (await connection.execute(_NUMBER_OF, key)).fetchone()
        return 0 if row is None else row[0]

    async def _follow(self, connection: DatabaseConnection, kind: Kind | str, ids: Sequence[str]) -> None:
        """What calls these by name is to be read again."""
        if ids and kind in _CALLED:
            key = (self._scope.tenant_id, self._connection_id, str(kind))
            await connection.execute(_REFERRED, (*key, list(ids)))

    async def _barred(self, connection: DatabaseConnection, one: AnyRecord) -> bool:
        return isinstance(one, Person) and await self._suppression.known(connection, names_of(one))

    async def _publish(self, connection: DatabaseConnection, records: Sequence[Kept], *, known: bool) -> None:
        """Hand the records' documents to the ingest; documents that a record has no more are removed."""
        found = {one.id: (one, documents_of(one)) for one in records}
        dropped = [
            name
            for one, documents in found.values()
            for name in document_ids(one.kind, one.id)
            if name not in {document.external_id for document in documents}
        ]
        lists = await self._lists.all(
            connection, (document.access for _, documents in found.values() for document in documents)
        )
        files = [
            StagedFile(
                document.external_id,
                one.url or document.external_id,
                f"{one.key}.md",
                document.text.encode("utf-8", "replace"),
                "text/markdown",
                {**document.facts, "connection": self._source},
                acl_id=lists[document.access],
            )
            for one, documents in found.values()
            for document in documents
        ]
        if known and dropped:
            await self._withdraw(connection, dropped)
        if files:
            stager = Stager(self._database, self._scope, pipeline=self._pipeline, masked=self._masked)
            closed = await self._lists.closed(connection)
            await stager.stage_in(connection, files, source=self._source, closed=closed, known=known)

    async def _withdraw(self, connection: DatabaseConnection, names: Sequence[str]) -> None:
        source_id = await ensure_source(connection, self._scope, self._source)
        await remove_documents(connection, self._scope, source_id, names)

    async def problem(self, kind: Kind, record_id: str, why: str) -> None:
        """Name a record that could not be read."""
        async with self._database.transaction(self._scope) as connection:
            await self._problem(connection, kind, record_id, why)

    async def _problem(self, connection: DatabaseConnection, kind: Kind, record_id: str, why: str) -> None:
        named = record_id.replace("\0", "")[:200]
        await connection.execute(
            _PROBLEM, (self._scope.tenant_id, self._connection_id, str(kind), named, why[:200])
        )


def _later(known: datetime | None, read: datetime | None) -> bool:
    return known is not None and read is not None and known > read


def _columns(records: Sequence[Kept]) -> tuple[list[Any], ...]:
    return (
        [one.id for one in records],
        [one.key for one in records],
        [one.url for one in records],
        [one.version for one in records],
        [one.changed_at for one in records],
        [one.digest for one in records],
        [Jsonb(one.record, orjson.dumps) for one in records],
        [Jsonb(one.raw, orjson.dumps) for one in records],
    )
