"""Staging: files are written to the database before any work on them begins, so that nothing is lost."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from deskmind.database import Connection, Database
from deskmind.errors import DeskmindError
from deskmind.governance.privacy import Mentions
from deskmind.jobs import defer
from deskmind.knowledge.measures import count_files
from deskmind.observability import correlation_id
from deskmind.scope import OPERATOR, Scope

__all__ = ["INGEST_QUEUE", "INGEST_TASK", "StagedFile", "Stager"]

INGEST_TASK = "knowledge.ingest"
INGEST_QUEUE = "ingest"
_BATCH_BYTES = 8 * 2**20
_BATCH_FILES = 200
_FILES_A_JOB = 500

_INSERT_FILES = """
INSERT INTO ingest_files (tenant_id, ingest_id, ordinal, external_id, uri, name, media_type, metadata, content,
                          content_hash, state, problem)
SELECT %s, %s, f.* FROM unnest(%s::integer[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::bytea[],
                               %s::bytea[], %s::text[], %s::jsonb[]) f
"""

_KNOWN = """
SELECT split_part(external_id, '#record-', 1), content_hash, bool_and(acl_id = %s) FROM documents
 WHERE tenant_id = %s AND source_id = %s AND pipeline = %s
   AND split_part(external_id, '#record-', 1) = ANY (%s)
 GROUP BY 1, 2
"""

# a permission change touches the document's row alone: no chunk and no vector is written again
_REGRANT = """
UPDATE documents SET acl_id = %s, updated_at = now() WHERE tenant_id = %s AND source_id = %s
   AND split_part(external_id, '#record-', 1) = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file to take in: its content, or the problem that kept it from being read."""

    external_id: str
    uri: str
    name: str
    content: bytes | None
    media_type: str | None = None
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    problem: dict[str, Any] | None = None

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
        erased: Mentions | None = None,
    ) -> None:
        """An ingest that begins.

        Args:
            database: where files are staged.
            scope: who takes them in.
            pipeline: what they go through.
            masked: whoever works on them masks personal data first, whatever their own settings say.
            erased: the mentions of people who were erased, masked in the names of files.
        """
        self._database = database
        self._scope = scope
        self._pipeline = pipeline
        self._masked = masked
        self._erased = erased
        self._ingest_id = uuid4()
        self._ordinal = 0

    async def stage(self, files: Iterable[StagedFile], *, source: str, acl: Sequence[Sequence[UUID]]) -> UUID:
        """Store ``files`` and queue their processing.

        Args:
            files: read lazily, in a thread; at most a few megabytes are held.
            source: name of the principal's source they belong to.
            acl: conjunction of any-of sets of principals that may see the documents.

        Returns:
            The ingest's id.
        """
        async with self._database.transaction(self._scope) as connection:
            source_id = await ensure_source(connection, self._scope, source)
            acl_id = await intern_acl(connection, acl)
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
        async for batch in _batches(files):
            await self._store(batch, source_id, acl_id)
        await self._release()
        return self._ingest_id

    async def _store(self, batch: list[StagedFile], source_id: UUID, acl_id: UUID) -> None:
        if self._erased:
            batch = [file.without(self._erased) for file in batch]
        digests = [hashlib.sha256(file.content or b"").digest() for file in batch]
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                _KNOWN,
                (
                    acl_id,
                    self._scope.tenant_id,
                    source_id,
                    self._pipeline,
                    [file.external_id for file in batch],
                ),
            )
            known = {(row[0], bytes(row[1])): bool(row[2]) for row in await cursor.fetchall()}
            states = [_state(file, digest, known) for file, digest in zip(batch, digests, strict=True)]
            regranted = [
                file.external_id for file, state in zip(batch, states, strict=True) if state == "stored"
            ]
            if regranted:
                await connection.execute(_REGRANT, (acl_id, self._scope.tenant_id, source_id, regranted))
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
                ),
            )
        self._ordinal += len(batch)
        count_files("unchanged", states.count("unchanged") + states.count("stored"))
        count_files("failed", states.count("failed"))

    async def _release(self) -> None:
        async with self._database.transaction(self._scope) as connection:
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
    cursor = await connection.execute(
        "SELECT intern_acl(%s, %s)",
        (
            Jsonb([[str(member) for member in clause] for clause in any_of]),
            Jsonb([str(member) for member in deny]),
        ),
    )
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("no access list came back")
    return row[0]


def _state(file: StagedFile, digest: bytes, known: Mapping[tuple[str, bytes], bool]) -> str:
    """``stored`` is a file whose documents only change hands."""
    if file.problem is not None:
        return "failed"
    same_access = known.get((file.external_id, digest))
    if same_access is None:
        return "pending"
    return "unchanged" if same_access else "stored"


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
