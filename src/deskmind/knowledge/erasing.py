"""Documents as a personal store: mentions are masked and the document's chunks and vectors made anew."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from psycopg.types.json import Jsonb

from deskmind.database import Connection, Database
from deskmind.governance.privacy.catalogue import DATA_MAP, Holding
from deskmind.governance.privacy.mentions import ERASED, Mentions
from deskmind.governance.privacy.stores import Counts, Subject
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.engine import EngineRoom
from deskmind.knowledge.ingest.store import PreparedDocument, replace_chunks, weights_of
from deskmind.knowledge.models import Chunk, LoadedDocument
from deskmind.knowledge.sentences import split_units

__all__ = ["KnowledgeStore"]

_BATCH = 50
_TABLES = (
    "documents",
    "chunks",
    "lexical",
    "lexical_statistics",
    "embeddings_*",
    "knowledge_versions",
    "sources",
)

_CANDIDATES = """
SELECT document_id FROM documents
 WHERE tenant_id = %s AND document_id > %s
   AND (normalize(body, NFC) ~ %s
        OR normalize(title || ' ' || uri || ' ' || external_id || ' ' || metadata::text, NFC) ~ %s)
 ORDER BY document_id LIMIT %s
"""
_DOCUMENTS = """
SELECT document_id, external_id, uri, title, media_type, metadata, body, version FROM documents
 WHERE tenant_id = %s AND document_id = ANY (%s)
"""
_CHUNKS = """
SELECT document_id, ordinal, headings, start_offset, end_offset FROM chunks
 WHERE tenant_id = %s AND document_id = ANY (%s) ORDER BY document_id, ordinal
"""
_CHANGE = """
UPDATE documents SET external_id = %s, uri = %s, title = %s, metadata = %s, body = %s, updated_at = now()
 WHERE tenant_id = %s AND document_id = %s AND version = %s
"""
_HELD = """
SELECT d.document_id FROM documents d JOIN privacy_holds h ON h.tenant_id = d.tenant_id AND h.principal_id = d.created_by
 WHERE d.tenant_id = %s AND d.document_id = ANY (%s) AND h.released_at IS NULL
"""
_OWN = """
SELECT title, uri, media_type, created_at, metadata, body AS text FROM documents
 WHERE tenant_id = %s AND created_by = %s ORDER BY created_at, document_id
"""


@dataclass(frozen=True, slots=True)
class _Masked:
    """A document with its mentions masked, and its chunks cut where they were."""

    document_id: UUID
    version: int
    external_id: str
    uri: str
    metadata: Mapping[str, Any]
    document: LoadedDocument
    chunks: Sequence[Chunk]


class KnowledgeStore:
    """The tenant's documents, whoever added them."""

    name = "knowledge"

    def __init__(self, database: Database, room: EngineRoom) -> None:
        """Documents.

        Args:
            database: where they are.
            room: of the embedder.
        """
        self._database = database
        self._room = room

    def declare(self) -> Sequence[Holding]:
        """The entries of its tables."""
        return [holding for holding in DATA_MAP if holding.store in _TABLES]

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        """The person's own documents with their text, and which others mention them."""
        rows: list[dict[str, Any]] = []
        async with self._database.transaction(subject.scope) as connection:
            cursor = await connection.execute(_OWN, (subject.scope.tenant_id, subject.principal_id))
            names = [column.name for column in cursor.description or ()]
            rows += [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
        async for batch in self._batches(subject):
            rows += [
                {"mentioned_in": row[3], "uri": row[2], "passages": passages}
                for row in batch
                if (passages := _around(subject.mentions, row[6]))
            ]
        return rows

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> Counts:
        """Mask mentions, some documents in each transaction; documents of one's own lose their owner, or go."""
        counts: Counter[str] = Counter()
        if subject.principal_id is not None:
            counts.update(await self._own(subject, dry_run=dry_run))
        async for batch in self._batches(subject):
            masked = await self._masked(subject, batch)
            counts["masked"] += len(masked) if dry_run else await self._replace(subject, masked)
        return {name: count for name, count in counts.items() if count}

    async def _own(self, subject: Subject, *, dry_run: bool) -> dict[str, int]:
        tenant_id, person = subject.scope.tenant_id, subject.principal_id
        async with self._database.transaction(subject.scope) as connection:
            await connection.execute("SET LOCAL statement_timeout = 0")
            if subject.owned == "delete" and not dry_run:
                await connection.execute("SELECT lock_knowledge()")
                cursor = await connection.execute(
                    "DELETE FROM documents WHERE tenant_id = %s AND created_by = %s", (tenant_id, person)
                )
                gone = {"erased": cursor.rowcount}
            else:
                cursor = await connection.execute(
                    "SELECT privacy_detach('documents', %s, %s, %s)", (person, subject.alias, dry_run)
                )
                row = await cursor.fetchone()
                count = int(row[0]) if row else 0
                gone = {"erased" if subject.owned == "delete" else "pseudonymised": count}
            cursor = await connection.execute(
                "SELECT privacy_detach('sources', %s, %s, %s)", (person, subject.alias, dry_run)
            )
            row = await cursor.fetchone()
            return {**gone, "sources": int(row[0]) if row else 0}

    async def _batches(self, subject: Subject) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Documents that may mention the person, by their id: O(texts of the tenant)."""
        if (pattern := subject.pattern) is None:
            return
        tenant_id, after = subject.scope.tenant_id, UUID(int=0)
        while True:
            async with self._database.transaction(subject.scope) as connection:
                await connection.execute("SET LOCAL statement_timeout = 0")
                cursor = await connection.execute(
                    _CANDIDATES, (tenant_id, after, pattern.loose, pattern.loose, _BATCH)
                )
                ids = [row[0] for row in await cursor.fetchall()]
                if not ids:
                    return
                cursor = await connection.execute(_DOCUMENTS, (tenant_id, ids))
                rows = await cursor.fetchall()
            yield rows
            after = ids[-1]

    async def _masked(self, subject: Subject, rows: Sequence[tuple[Any, ...]]) -> list[_Masked]:
        """Those of the documents that mention the person; whose owner is under a legal hold, stay as they are."""
        async with self._database.transaction(subject.scope) as connection:
            found = (subject.scope.tenant_id, [row[0] for row in rows])
            held = {
                document_id for (document_id,) in await (await connection.execute(_HELD, found)).fetchall()
            }
            rows = [row for row in rows if row[0] not in held]
            cursor = await connection.execute(_CHUNKS, found)
            pieces: dict[UUID, list[tuple[Any, ...]]] = {}
            for document_id, *piece in await cursor.fetchall():
                pieces.setdefault(document_id, []).append(tuple(piece))
        made = await asyncio.to_thread(
            lambda: [_mask(subject.mentions, row, pieces.get(row[0], [])) for row in rows]
        )
        return [document for document in made if document is not None]

    async def _replace(self, subject: Subject, masked: Sequence[_Masked]) -> int:
        if not masked:
            return 0
        embedder = (await self._room.engine()).embedder
        prepared = await _prepared(masked, embedder)
        changed = 0
        async with self._database.transaction(subject.scope) as connection:
            await connection.execute("SELECT lock_knowledge()")
            for made, document in zip(masked, prepared, strict=True):
                if await _change(connection, subject.scope.tenant_id, made):
                    await replace_chunks(
                        connection,
                        subject.scope.tenant_id,
                        made.document_id,
                        document,
                        space=embedder.space.name if embedder is not None else None,
                    )
                    changed += 1
        return changed


async def _change(connection: Connection, tenant_id: UUID, made: _Masked) -> bool:
    """Whether the document is still the one that was read; a newer one was masked on its way in."""
    cursor = await connection.execute(
        _CHANGE,
        (
            made.external_id,
            made.uri,
            made.document.title,
            Jsonb(dict(made.metadata)),
            made.document.text,
            tenant_id,
            made.document_id,
            made.version,
        ),
    )
    return cursor.rowcount == 1


def _mask(mentions: Mentions, row: tuple[Any, ...], pieces: Sequence[tuple[Any, ...]]) -> _Masked | None:
    document_id, external_id, uri, title, media_type, metadata, body, version = row
    spans = [(start, end) for start, end, _ in mentions.find(body)]
    text, moved = _without(body, spans)
    facts = {mentions.masked(name): mentions.masked(str(value)) for name, value in metadata.items()}
    names = tuple(map(mentions.masked, (external_id, uri, title)))
    headings = [tuple(map(mentions.masked, piece[1])) for piece in pieces]
    untouched = names == (external_id, uri, title) and facts == metadata and not spans
    if untouched and all(masked == tuple(piece[1]) for masked, piece in zip(headings, pieces, strict=True)):
        return None
    chunks = [
        _chunk(number, names[2], text, under, moved(start), moved(end))
        for (number, _, start, end), under in zip(pieces, headings, strict=True)
    ]
    document = LoadedDocument(names[2], text, (), media_type, facts)
    return _Masked(document_id, version, names[0], names[1], facts, document, chunks)


def _chunk(number: int, title: str, text: str, headings: tuple[str, ...], start: int, end: int) -> Chunk:
    body = text[start:end]
    return Chunk(number, body, headings, start, end, f"{' > '.join((title, *headings))}\n{body}")


def _without(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, Any]:
    """The text with the spans masked, and where its places have moved; one inside a span moves behind the mask."""
    starts = [start for start, _ in spans]
    parts: list[str] = []
    behind: list[tuple[int, int]] = []
    last = length = 0
    for start, end in spans:
        parts += (text[last:start], ERASED)
        length += start - last + len(ERASED)
        behind.append((end, length))
        last = end

    def moved(place: int) -> int:
        number = bisect_right(starts, place - 1) - 1
        if number < 0:
            return place
        end, new_end = behind[number]
        return new_end + max(place - end, 0)

    return "".join([*parts, text[last:]]), moved


async def _prepared(masked: Sequence[_Masked], embedder: Embedder | None) -> list[PreparedDocument]:
    made: list[PreparedDocument] = []
    for document in masked:
        sentences = [[unit.text for unit in split_units(part.text)] for part in document.chunks]
        weights = await asyncio.to_thread(weights_of, document.chunks)
        if embedder is None:
            made.append(
                PreparedDocument(document.external_id, document.document, document.chunks, weights, sentences)
            )
            continue
        texts = [part.embed_text for part in document.chunks] + [text for some in sentences for text in some]
        vectors = await embedder.embed_documents(texts)
        cuts = np.cumsum([len(document.chunks), *map(len, sentences)])[:-1]
        chunks, *units = np.split(vectors, cuts)
        made.append(
            PreparedDocument(
                document.external_id, document.document, document.chunks, weights, sentences, chunks, units
            )
        )
    return made


def _around(mentions: Mentions, text: str, reach: int = 80) -> list[str]:
    """The mentions with what stands beside them, which is what an export may show of a document of somebody else."""
    return [text[max(start - reach, 0) : end + reach] for start, end, _ in mentions.find(text)]
