"""Processing staged files: load and chunk, embed, store, each stage working ahead of the next.

The embedder is the slowest part, so the others are arranged around it: while one batch is embedded, the next
is read and the one before is written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

import numpy as np

from deskmind.database import Database
from deskmind.errors import DeskmindError, StorageFullError, UnavailableError
from deskmind.governance.privacy import Mentions, Suppression
from deskmind.governance.redaction import Redactor
from deskmind.knowledge.chunking import chunk
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.ingest.closing import close_ingest
from deskmind.knowledge.ingest.redacting import masked_document, masked_facts, suppressed_document
from deskmind.knowledge.ingest.store import PreparedDocument, PreparedFile, fail_file, store_files, weights_of
from deskmind.knowledge.loading import LoadLimits, load
from deskmind.knowledge.measures import count_chunks, count_files, ingesting
from deskmind.knowledge.sentences import split_units
from deskmind.observability import logger, span
from deskmind.scope import Scope

__all__ = ["IngestPipeline", "Progress"]

_log = logger("deskmind.ingest")
_FETCH_BYTES = 4 * 2**20
_FETCH_FILES = 32
_EMBED_CHUNKS = 256

_INGEST = (
    "SELECT ingest_id, source_id, acl_id, created_by FROM ingests WHERE tenant_id = %s AND ingest_id = %s"
)

_PENDING = """
SELECT ordinal, external_id, uri, name, media_type, metadata, content, content_hash, acl_id FROM (
    SELECT *, sum(octet_length(content)) OVER (ORDER BY ordinal) AS bytes, row_number() OVER (ORDER BY ordinal) AS n
      FROM ingest_files
     WHERE tenant_id = %s AND ingest_id = %s AND state = 'pending' AND ordinal > %s AND ordinal <= %s) f
 WHERE (bytes <= %s AND n <= %s) OR n = 1 ORDER BY ordinal
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest is: files finished of all files."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class _Ingest:
    ingest_id: UUID
    source_id: UUID
    acl_id: UUID
    created_by: UUID


@dataclass(frozen=True, slots=True)
class _File:
    ordinal: int
    external_id: str
    uri: str
    name: str
    media_type: str | None
    metadata: dict[str, str]
    content: bytes
    content_hash: bytes
    acl_id: UUID | None


class IngestPipeline:
    """Works off the pending files of one ingest; may be interrupted at any instant and run again."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder | None,
        *,
        limits: LoadLimits,
        pipeline: str,
        masking: Redactor | None = None,
        suppression: Suppression,
    ) -> None:
        """A pipeline.

        Args:
            database: where staged files are and documents go.
            embedder: None for words alone.
            limits: on what a file may be.
            pipeline: name of the way documents are made.
            masking: masks texts before they are stored and embedded; they are stored as they are when left out.
            suppression: knows who was erased; their mentions are masked in any case.
        """
        self._database = database
        self._embedder = embedder
        self._limits = limits
        self._pipeline = pipeline
        self._masking = masking
        self._suppression = suppression

    async def run(self, scope: Scope, ingest_id: UUID, *, first: int = 0, last: int = 2**31 - 1) -> None:
        """Process the pending files with ``first`` ≤ ordinal ≤ ``last``.

        Raises:
            StorageFullError: the database has no space; what was stored is intact and the rest stays pending.
            UnavailableError: the database or the embedder does not answer; as above.
        """
        async with self._database.transaction(scope) as connection:
            cursor = await connection.execute(_INGEST, (scope.tenant_id, ingest_id))
            row = await cursor.fetchone()
        if row is None:
            _log.warning("ingest.gone", ingest_id=str(ingest_id))
            return
        ingest = _Ingest(*row)
        while await self._pass(scope, ingest, first, last):
            _log.info("ingest.again", ingest_id=str(ingest_id), reason="somebody was erased meanwhile")
        async with self._database.transaction(scope) as connection:
            await close_ingest(connection, scope, ingest_id)
        async with self._database.transaction(scope) as connection:  # what comes next is planned with it
            await connection.execute("SELECT refresh_statistics()")

    async def _pass(self, scope: Scope, ingest: _Ingest, first: int, last: int) -> bool:
        """Whether some are left: what was masked before somebody was erased is not stored, and loaded again."""
        prepared: asyncio.Queue[list[PreparedFile] | None] = asyncio.Queue(maxsize=2)
        embedded: asyncio.Queue[list[PreparedFile] | None] = asyncio.Queue(maxsize=2)
        try:
            async with asyncio.TaskGroup() as stages:
                preparing = stages.create_task(self._prepare(scope, ingest, first, last, prepared))
                stages.create_task(self._embed(prepared, embedded))
                writing = stages.create_task(self._write(scope, ingest, embedded))
        except ExceptionGroup as group:
            if (known := group.subgroup(DeskmindError)) is None:
                raise
            raise _first(known) from group
        return preparing.result() or writing.result()

    async def _prepare(
        self,
        scope: Scope,
        ingest: _Ingest,
        first: int,
        last: int,
        out: asyncio.Queue[list[PreparedFile] | None],
    ) -> bool:
        """Whether a file that failed is left to be loaded again."""
        batch: list[PreparedFile] = []
        left = False
        async for files in self._pending(scope, ingest, first, last):
            marks, erased = await self._suppression.marked()
            for file in files:
                try:
                    with ingesting("load"):
                        batch.append(await asyncio.to_thread(self._load, file, erased, marks))
                except DeskmindError as error:
                    if isinstance(error, UnavailableError | StorageFullError):
                        raise
                    problem = json.loads(erased.masked(json.dumps(error.problem())))
                    async with self._suppression.writing(scope) as (connection, version):
                        if version == marks:
                            await fail_file(connection, scope, ingest.ingest_id, file.ordinal, problem)
                            count_files("failed")
                        left |= version != marks
                if _chunks(batch) >= _EMBED_CHUNKS:
                    await out.put(batch)
                    batch = []
        if batch:
            await out.put(batch)
        await out.put(None)
        return left

    async def _embed(
        self, source: asyncio.Queue[list[PreparedFile] | None], out: asyncio.Queue[list[PreparedFile] | None]
    ) -> None:
        while (batch := await source.get()) is not None:
            await out.put(await self._with_embeddings(batch))
        await out.put(None)

    async def _write(
        self, scope: Scope, ingest: _Ingest, source: asyncio.Queue[list[PreparedFile] | None]
    ) -> bool:
        """Whether files are left that were masked before somebody was erased."""
        left = False
        space = self._embedder.space.name if self._embedder is not None else None
        while (batch := await source.get()) is not None:
            with ingesting("store"), span("ingest.store"):
                async with self._suppression.writing(scope) as (connection, marks):
                    fresh = [file for file in batch if file.marks == marks]
                    stored = await store_files(
                        connection, scope, ingest, fresh, pipeline=self._pipeline, space=space
                    )
            left |= len(fresh) < len(batch)
            count_files("stored", len(stored))
            count_chunks(_chunks(stored))
        return left

    async def _pending(
        self, scope: Scope, ingest: _Ingest, first: int, last: int
    ) -> AsyncGenerator[list[_File]]:
        after = first - 1
        while True:
            async with self._database.transaction(scope) as connection:
                cursor = await connection.execute(
                    _PENDING, (scope.tenant_id, ingest.ingest_id, after, last, _FETCH_BYTES, _FETCH_FILES)
                )
                files = [_File(*row) for row in await cursor.fetchall()]
            if not files:
                return
            yield files
            after = files[-1].ordinal

    def _load(self, file: _File, erased: Mentions, marks: str) -> PreparedFile:
        documents = load(file.content, name=file.name, media_type=file.media_type, limits=self._limits)
        facts = file.metadata
        name, uri = map(erased.masked, (file.external_id, file.uri))
        if self._masking is not None:
            documents = [masked_document(document, self._masking) for document in documents]
            facts = masked_facts(facts, self._masking)
        if erased:
            documents = [suppressed_document(document, erased) for document in documents]
            facts = {erased.masked(name): erased.masked(value) for name, value in facts.items()}
        several = len(documents) > 1
        prepared: list[PreparedDocument] = []
        for number, document in enumerate(documents, 1):
            chunks = chunk(document)
            external_id = f"{name}#record-{number}" if several else name
            sentences = [[unit.text for unit in split_units(part.text)] for part in chunks]
            prepared.append(PreparedDocument(external_id, document, chunks, weights_of(chunks), sentences))
        return PreparedFile(
            file.ordinal,
            name,
            uri,
            file.content_hash,
            facts,
            tuple(prepared),
            file.acl_id,
            staged_as=file.external_id,
            marks=marks,
        )

    async def _with_embeddings(self, batch: list[PreparedFile]) -> list[PreparedFile]:
        if self._embedder is None:
            return batch
        documents = [document for file in batch for document in file.documents]
        texts = [part.embed_text for document in documents for part in document.chunks]
        texts += [text for document in documents for sentences in document.sentences for text in sentences]
        with ingesting("embed"), span("ingest.embed"):
            vectors = await self._embedder.embed_documents(texts)
        return _distribute(batch, vectors)


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = cast("Exception", error.exceptions[0])
    return error


def _chunks(batch: Sequence[PreparedFile]) -> int:
    return sum(len(document.chunks) for file in batch for document in file.documents)


def _distribute(batch: Sequence[PreparedFile], vectors: np.typing.NDArray[np.float32]) -> list[PreparedFile]:
    """Hand each document its rows: first come all chunks, then all sentences."""
    rows = iter(np.split(vectors, np.cumsum(_lengths(batch))[:-1]))
    with_chunks = [
        [replace(document, embeddings=next(rows)) for document in file.documents] for file in batch
    ]
    return [
        replace(
            file,
            documents=tuple(
                replace(document, sentence_embeddings=[next(rows) for _ in document.sentences])
                for document in documents
            ),
        )
        for file, documents in zip(batch, with_chunks, strict=True)
    ]


def _lengths(batch: Sequence[PreparedFile]) -> list[int]:
    documents = [document for file in batch for document in file.documents]
    chunks = [len(document.chunks) for document in documents]
    return chunks + [len(sentences) for document in documents for sentences in document.sentences]
