"""Staging: files are written to the database before any work on them begins, so that nothing is lost."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from deskmind.database import Connection, Database
from deskmind.errors import DeskmindError
from deskmind.governance.privacy import Mentions, Suppression
from deskmind.jobs import defer
from deskmind.knowledge.ingest.locking import lock_to_write
from deskmind.knowledge.ingest.store import OF_FILE, supersede
from deskmind.knowledge.measures import count_files
from deskmind.observability import correlation_id
from deskmind.scope import OPERATOR, Scope

__all__ = [
    "INGEST_QUEUE",
    "INGEST_TASK",
    "AclSets",
    "StagedFile",
    "Stager",
    "ensure_source",
    "intern_acl",
    "intern_acls",
]

INGEST_TASK = "knowledge.ingest"
INGEST_QUEUE = "ingest"
_BATCH_BYTES = 8 * 2**20
_BATCH_FILES = 200
_FILES_A_JOB = 500

_INSERT_FILES = """
INSERT INTO ingest_files (tenant_id, ingest_id, ordinal, external_id, uri, name, media_type, metadata, content,
                          content_hash, state, problem, acl_id)
SELECT %s, %s, f.* FROM unnest(%s::integer[], %s::text[], %s::text[], %s::text[], %s::text[], %b::jsonb[], %b::bytea[],
                               %b::bytea[], %s::text[], %b::jsonb[], %s::uuid[]) f
"""

_KNOWN = f"""
SELECT f.name, d.content_hash, d.pipeline = %(pipeline)s, array_agg(DISTINCT d.acl_id)
  FROM unnest(%(names)s::text[]) f(name), {OF_FILE} GROUP BY 1, 2, 3
"""

_INTERN = """
SELECT l.number, intern_acl(l.any_of, l.deny) FROM unnest(%b::jsonb[], %b::jsonb[]) WITH ORDINALITY l(any_of, deny, number)
"""

# a permission change touches the document's row alone: no chunk and no vector is written again
_REGRANT = f"""
UPDATE documents o SET acl_id = f.acl_id, updated_at = now()
  FROM unnest(%(names)s::text[], %(lists)s::uuid[]) f(name, acl_id), {OF_FILE}
 WHERE o.tenant_id = %(tenant)s AND o.document_id = d.document_id
"""


AclSets = tuple[Sequence[Sequence[UUID]], Sequence[UUID]]
"""An access list: any-of sets that all must let in, and who is kept out."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file to take in: its content, or the problem that kept it from being read.

    Attributes:
        acl_id: the access list of its documents, where it is not that of the whole ingest.
    """

    external_id: str
    uri: str
    name: str
    content: bytes | None
    media_type: str | None = None
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    problem: dict[str, Any] | None = None
    acl_id: UUID | None = None

    def without(self, erased: Mentions) -> StagedFile:
        """The file under names that mention nobody who was erased; its content is masked when it is read."""
        facts = {erased.masked(name): erased.masked(value) for name, value in self.metadata.items()}
        external_id, uri, name = map(erased.masked, (self.external_id, self.uri, self.name))
        problem = None if self.problem is None else json.loads(erased.masked(json.dumps(self.problem)))
        return replace(self, external_id=external_id, uri=uri, name=name, metadata=facts, problem=problem)

    @classmethod
    def unreadable(cls, uri: str, name: str, error: DeskmindError) -> StagedFile:
        """A file that failed before it could be staged."""
        return cls(uri, uri, name, None, problem=error.problem())


class Stager:
    """Writes one ingest's files and hands them to the jobs."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        *,
        pipeline: str,
        masked: bool = False,
        suppression: Suppression | None = None,
    ) -> None:
        """An ingest that begins.

        Args:
            database: where files are staged.
            scope: who takes them in.
            pipeline: what they go through.
            masked: whoever works on them masks personal data first, whatever their own settings say.
            suppression: knows who was erased, and is masked in the names of files; for ``stage``.
        """
        self._database = database
        self._scope = scope
        self._pipeline = pipeline
        self._masked = masked
        self._suppression = suppression
        self._marks, self._erased = "", Mentions.of(())
        self._ingest_id = uuid4()
        self._ordinal = 0

    async def stage(self, files: Iterable[StagedFile], *, source: str, acl: Sequence[Sequence[UUID]]) -> UUID:
        """Store ``files`` and queue their processing; older ones of the same names that still wait are left out.

        Args:
            files: read lazily, in a thread; at most a few megabytes are held.
            source: name of the principal's source they belong to.
            acl: conjunction of any-of sets of principals that may see the documents.

        Returns:
            The ingest's id.
        """
        if self._suppression is not None:
            self._marks, self._erased = await self._suppression.marked()
        async with self._database.transaction(self._scope) as connection:
            source_id = await ensure_source(connection, self._scope, source)
            acl_id = await intern_acl(connection, acl)
            await self._begin(connection, source_id, acl_id)
        async for batch in _batches(files):
            await self._store(batch, source_id, acl_id)
        async with self._database.transaction(self._scope) as connection:
            await self._release(connection)
        return self._ingest_id

    async def stage_in(
        self,
        connection: Connection,
        files: Sequence[StagedFile],
        *,
        source: str,
        closed: UUID,
        known: bool = True,
    ) -> UUID:
        """The same in the caller's transaction, for a few files with access lists of their own.

        A document whose content and access list both change is seen by nobody until its new content is stored.

        Args:
            connection: a transaction in the scope.
            files: each with ``acl_id``.
            source: as for ``stage``.
            closed: an access list that lets nobody in.
            known: whether some may have been staged before; those that still wait are then left out.
        """
        source_id = await ensure_source(connection, self._scope, source)
        await self._begin(connection, source_id, closed)
        await lock_to_write(connection)
        await self._store_in(connection, list(files), source_id, closed, closed=closed, known=known)
        await self._release(connection)
        return self._ingest_id

    async def _begin(self, connection: Connection, source_id: UUID, acl_id: UUID) -> None:
        await connection.execute(
            "INSERT INTO ingests (tenant_id, ingest_id, source_id, acl_id, created_by, correlation_id)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (
                self._scope.tenant_id,
                self._ingest_id,
                source_id,
                acl_id,
                self._scope.principal_id,
                correlation_id(),
            ),
        )

    async def _store(self, batch: list[StagedFile], source_id: UUID, acl_id: UUID) -> None:
        """Again where somebody was erased since the names were masked."""
        if self._suppression is None:
            async with self._database.transaction(self._scope) as connection:
                await lock_to_write(connection)
                await self._store_in(connection, batch, source_id, acl_id)
            return
        while True:
            async with self._suppression.writing(self._scope) as (connection, marks):
                if marks == self._marks:
                    await lock_to_write(connection)
                    await self._store_in(connection, batch, source_id, acl_id)
                    return
            self._marks, self._erased = await self._suppression.marked()

    async def _store_in(
        self,
        connection: Connection,
        batch: list[StagedFile],
        source_id: UUID,
        acl_id: UUID,
        *,
        closed: UUID | None = None,
        known: bool = True,
    ) -> None:
        if self._erased:
            batch = [file.without(self._erased) for file in batch]
        if known:
            names = [file.external_id for file in batch if file.problem is None]
            await supersede(connection, self._scope, source_id, names, newer=self._ingest_id)
        digests = [hashlib.sha256(file.content or b"").digest() for file in batch]
        lists = [file.acl_id or acl_id for file in batch]
        stored = await self._known(connection, source_id, batch)
        states = [
            _state(file, digest, wanted, stored.get(file.external_id, []))
            for file, digest, wanted in zip(batch, digests, lists, strict=True)
        ]
        regranted = [
            (file.external_id, wanted if state == "stored" else closed)
            for file, state, wanted in zip(batch, states, lists, strict=True)
            if state == "stored" or (closed and _differs(state, wanted, stored.get(file.external_id, [])))
        ]
        if regranted:
            names, granted = zip(*regranted, strict=True)
            await connection.execute(
                _REGRANT,
                {
                    **{"tenant": self._scope.tenant_id, "source": source_id},
                    **{"names": list(names), "lists": list(granted)},
                },
            )
        await self._insert(connection, batch, digests, states)

    async def _known(
        self, connection: Connection, source_id: UUID, batch: Sequence[StagedFile]
    ) -> dict[str, list[_Stored]]:
        names = list(dict.fromkeys(file.external_id for file in batch))
        given = {
            "pipeline": self._pipeline,
            "tenant": self._scope.tenant_id,
            "source": source_id,
            "names": names,
        }
        cursor = await connection.execute(_KNOWN, given)
        known: dict[str, list[_Stored]] = {}
        for name, digest, current, lists in await cursor.fetchall():
            known.setdefault(name, []).append(_Stored(bytes(digest), current, frozenset(lists)))
        return known

    async def _insert(
        self,
        connection: Connection,
        batch: Sequence[StagedFile],
        digests: Sequence[bytes],
        states: Sequence[str],
    ) -> None:
        await connection.execute(
            _INSERT_FILES,
            (
                self._scope.tenant_id,
                self._ingest_id,
                list(range(self._ordinal, self._ordinal + len(batch))),
                [file.external_id for file in batch],
                [file.uri for file in batch],
                [file.name for file in batch],
                [file.media_type for file in batch],
                [Jsonb(file.metadata) for file in batch],
                [
                    file.content if state == "pending" else None
                    for file, state in zip(batch, states, strict=True)
                ],
                digests,
                states,
                [Jsonb(file.problem) if file.problem else None for file in batch],
                [file.acl_id for file in batch],
            ),
        )
        self._ordinal += len(batch)
        count_files("unchanged", states.count("unchanged") + states.count("stored"))
        count_files("failed", states.count("failed"))

    async def _release(self, connection: Connection) -> None:
        cursor = await connection.execute(
            "SELECT ordinal / %s, min(ordinal), max(ordinal) FROM ingest_files"
            " WHERE tenant_id = %s AND ingest_id = %s AND state = 'pending' GROUP BY 1 ORDER BY 1",
            (_FILES_A_JOB, self._scope.tenant_id, self._ingest_id),
        )
        parts = await cursor.fetchall()
        await connection.execute(
            "UPDATE ingests SET state = %s, finished_at = CASE WHEN %s THEN NULL ELSE now() END"
            " WHERE tenant_id = %s AND ingest_id = %s",
            ("ready" if parts else "done", bool(parts), self._scope.tenant_id, self._ingest_id),
        )
        for part, first, last in parts:
            await defer(
                connection,
                INGEST_QUEUE,
                INGEST_TASK,
                f"{self._ingest_id}:{part}",
                {
                    "tenant_id": str(self._scope.tenant_id),
                    "ingest_id": str(self._ingest_id),
                    "first": str(first),
                    "last": str(last),
                    "correlation_id": correlation_id(),
                    **({"masked": "true"} if self._masked else {}),
                },
            )


async def ensure_source(connection: Connection, scope: Scope, name: str) -> UUID:
    """The id of the principal's source of that name, made when there is none. Operators share theirs."""
    owner = OPERATOR if scope.act == "operate" else scope.principal_id
    await connection.execute(
        "INSERT INTO sources (tenant_id, source_id, owner_id, kind, name) VALUES (%s, %s, %s, 'files', %s)"
        " ON CONFLICT (tenant_id, owner_id, name) DO NOTHING",
        (scope.tenant_id, uuid4(), owner, name),
    )
    cursor = await connection.execute(
        "SELECT source_id FROM sources WHERE tenant_id = %s AND owner_id = %s AND name = %s",
        (scope.tenant_id, owner, name),
    )
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("the source that was just made is not there")
    return row[0]


async def intern_acl(
    connection: Connection, any_of: Sequence[Sequence[UUID]], deny: Sequence[UUID] = ()
) -> UUID:
    """The id of an access list; equal lists have equal ids."""
    return (await intern_acls(connection, [(any_of, deny)]))[0]


async def intern_acls(connection: Connection, lists: Sequence[AclSets]) -> list[UUID]:
    """The ids of access lists, in their order, by one statement."""
    cursor = await connection.execute(
        _INTERN,
        (
            [Jsonb([[str(member) for member in clause] for clause in any_of]) for any_of, _ in lists],
            [Jsonb([str(member) for member in deny]) for _, deny in lists],
        ),
    )
    ids = dict(await cursor.fetchall())
    return [ids[number] for number in range(1, len(lists) + 1)]


@dataclass(frozen=True, slots=True)
class _Stored:
    digest: bytes
    current: bool
    lists: frozenset[UUID]


def _state(file: StagedFile, digest: bytes, wanted: UUID, known: Sequence[_Stored]) -> str:
    """``stored`` is a file whose documents only change hands."""
    if file.problem is not None:
        return "failed"
    same = [one for one in known if one.digest == digest and one.current]
    if not same:
        return "pending"
    return "unchanged" if all(one.lists == frozenset({wanted}) for one in same) else "stored"


def _differs(state: str, wanted: UUID, known: Sequence[_Stored]) -> bool:
    return state == "pending" and any(one.lists != frozenset({wanted}) for one in known)


async def _batches(files: Iterable[StagedFile]) -> AsyncIterator[list[StagedFile]]:
    iterator = iter(files)
    while batch := await asyncio.to_thread(_take, iterator):
        yield batch


def _take(iterator: Any) -> list[StagedFile]:
    batch: list[StagedFile] = []
    size = 0
    for file in iterator:
        batch.append(file)
        size += len(file.content or b"")
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            break
    return batch
