"""Writing whole documents: the old version goes and the new one comes in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector, SparseVector
from psycopg import sql
from psycopg.types.json import Jsonb

from deskmind.database import Connection
from deskmind.knowledge.ingest.closing import close_ingest
from deskmind.knowledge.ingest.locking import lock_to_write
from deskmind.knowledge.lexical import DIMENSIONS, document_weights
from deskmind.knowledge.models import Chunk, LoadedDocument
from deskmind.scope import Scope
from deskmind.webhooks import publish

__all__ = [
    "OF_FILE",
    "PreparedDocument",
    "PreparedFile",
    "fail_file",
    "remove_documents",
    "replace_chunks",
    "store_files",
    "supersede",
    "weights_of",
]

_PENDING = """
SELECT ordinal FROM ingest_files WHERE tenant_id = %s AND ingest_id = %s AND state = 'pending' AND ordinal = ANY (%s)
   FOR UPDATE
"""

_WAITING = """
WITH RECURSIVE waiting(ingest_id) AS (
    (SELECT f.ingest_id FROM ingest_files f
      WHERE f.tenant_id = %(tenant)s AND f.state = 'pending' ORDER BY f.ingest_id LIMIT 1)
    UNION ALL SELECT (SELECT f.ingest_id FROM ingest_files f
                       WHERE f.tenant_id = %(tenant)s AND f.state = 'pending' AND f.ingest_id > w.ingest_id
                       ORDER BY f.ingest_id LIMIT 1)
      FROM waiting w WHERE w.ingest_id IS NOT NULL)
SELECT i.ingest_id FROM waiting w JOIN ingests i ON i.tenant_id = %(tenant)s AND i.ingest_id = w.ingest_id
 WHERE i.source_id = %(source)s AND i.ingest_id IS DISTINCT FROM %(newer)s
"""
"""One look into the index for each ingest that waits, however many files it has."""

_SUPERSEDE = """
UPDATE ingest_files f SET state = 'unchanged', content = NULL
 WHERE f.tenant_id = %s AND f.ingest_id = ANY (%s) AND f.state = 'pending' AND %s ? f.external_id RETURNING f.ingest_id
"""
"""An object is searched by halves for each file that waits; an array, name by name."""

OF_FILE = """
LATERAL (SELECT d.* FROM documents d
          WHERE d.tenant_id = %(tenant)s AND d.source_id = %(source)s AND d.external_id = f.name
         UNION ALL SELECT d.* FROM documents d
          WHERE d.tenant_id = %(tenant)s AND d.source_id = %(source)s
            AND d.external_id >= (f.name || '#record-') COLLATE "C" AND d.external_id < (f.name || '#record.') COLLATE "C") d
"""
"""The documents ``d`` of a file ``f.name``: its own, or one for each of its records; by index, however many the source has."""

_REMOVE = f"""
DELETE FROM documents WHERE tenant_id = %(tenant)s
   AND document_id = ANY (ARRAY (SELECT d.document_id FROM unnest(%(names)s::text[]) f(name), {OF_FILE}))
"""
"""An array is made once; a joined choice could be made anew for each document."""

_DOCUMENTS = """
INSERT INTO documents (tenant_id, source_id, created_by, pipeline, acl_id, document_id, external_id, uri, title,
                       media_type, metadata, content_hash, body, chunk_count, version)
SELECT %s, %s, %s, %s, d.* FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[],
    %s::bytea[], %s::text[], %s::integer[], %s::integer[]) d
"""

_CHUNKS = """
INSERT INTO chunks (tenant_id, chunk_id, document_id, ordinal, headings, body, start_offset, end_offset)
SELECT %s, c.id, c.document, c.ordinal,
       coalesce((SELECT array_agg(h) FROM jsonb_array_elements_text(c.headings) h), '{}'), c.body, c.s, c.e
  FROM unnest(%s::uuid[], %s::uuid[], %s::integer[], %s::jsonb[], %s::text[], %s::integer[], %s::integer[])
    c(id, document, ordinal, headings, body, s, e)
"""

_LEXICAL = """
INSERT INTO lexical (tenant_id, chunk_id, document_id, terms, weights)
SELECT %s, l.id, l.document, l.terms::integer[], l.weights FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::sparsevec[])
    l(id, document, terms, weights)
"""

_EMBEDDINGS = """
INSERT INTO {table} (tenant_id, chunk_id, document_id, embedding, sentences)
SELECT %s, e.* FROM unnest(%s::uuid[], %s::uuid[], %s::halfvec[], %s::bytea[]) e
"""

_VERSIONS = f"""
SELECT d.external_id, max(d.version) FROM unnest(%(names)s::text[]) f(name), {OF_FILE} GROUP BY d.external_id
"""

_FINISH = """
UPDATE ingest_files f SET state = 'stored', content = NULL, documents = d.documents, chunks = d.chunks
  FROM unnest(%s::integer[], %s::integer[], %s::integer[]) d(ordinal, documents, chunks)
 WHERE f.tenant_id = %s AND f.ingest_id = %s AND f.ordinal = d.ordinal
"""


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document ready to be stored.

    Attributes:
        external_id: unique in its source.
        document: as loaded.
        chunks: its chunks.
        weights: lexical weights of each chunk.
        sentences: texts of each chunk's quotable units.
        embeddings: ``[n, d]``, a row a chunk; None without an embedder.
        sentence_embeddings: for each chunk ``[m, d]``, a row a unit.
    """

    external_id: str
    document: LoadedDocument
    chunks: Sequence[Chunk]
    weights: Sequence[Mapping[int, float]]
    sentences: Sequence[Sequence[str]] = ()
    embeddings: NDArray[np.float32] | None = None
    sentence_embeddings: Sequence[NDArray[np.float32]] = ()


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A staged file with its documents.

    Attributes:
        staged_as: its name when it was staged; ``external_id`` mentions nobody who was erased since.
        marks: the version of who was erased when it was masked, see ``Suppression.version``.
    """

    ordinal: int
    external_id: str
    uri: str
    content_hash: bytes
    metadata: Mapping[str, str]
    documents: tuple[PreparedDocument, ...]
    acl_id: UUID | None = None
    staged_as: str = ""
    marks: str = ""


def weights_of(chunks: Sequence[Chunk]) -> list[dict[int, float]]:
    """The lexical weights of each chunk."""
    return [document_weights(chunk.embed_text) for chunk in chunks]


async def store_files(
    connection: Connection,
    scope: Scope,
    ingest: Any,
    files: Sequence[PreparedFile],
    *,
    pipeline: str,
    space: str | None,
) -> list[PreparedFile]:
    """Replace the documents of ``files`` and mark them stored, in the caller's transaction.

    Returns:
        Those that were stored; others were superseded meanwhile.
    """
    await lock_to_write(connection)
    cursor = await connection.execute(
        _PENDING, (scope.tenant_id, ingest.ingest_id, [file.ordinal for file in files])
    )
    pending = {ordinal for (ordinal,) in await cursor.fetchall()}
    files = [file for file in files if file.ordinal in pending]
    if not files:
        return []
    names = list({name for file in files for name in (file.external_id, file.staged_as) if name})
    of_files = {"tenant": scope.tenant_id, "source": ingest.source_id, "names": names}
    cursor = await connection.execute(_VERSIONS, of_files)
    versions: dict[str, int] = dict(await cursor.fetchall())
    await connection.execute(_REMOVE, of_files)
    pairs = [(file, document, uuid4()) for file in files for document in file.documents]
    await connection.execute(
        _DOCUMENTS,
        (
            scope.tenant_id,
            ingest.source_id,
            scope.principal_id,
            pipeline,
            [file.acl_id or ingest.acl_id for file, _, _ in pairs],
            [document_id for _, _, document_id in pairs],
            [prepared.external_id for _, prepared, _ in pairs],
            [file.uri for file, _, _ in pairs],
            [prepared.document.title for _, prepared, _ in pairs],
            [prepared.document.media_type for _, prepared, _ in pairs],
            [Jsonb({**prepared.document.metadata, **file.metadata}) for file, prepared, _ in pairs],
            [file.content_hash for file, _, _ in pairs],
            [prepared.document.text for _, prepared, _ in pairs],
            [len(prepared.chunks) for _, prepared, _ in pairs],
            [versions.get(prepared.external_id, 0) + 1 for _, prepared, _ in pairs],
        ),
    )
    await _store_chunks(connection, scope.tenant_id, [(prepared, id_) for _, prepared, id_ in pairs], space)
    await connection.execute(
        _FINISH,
        (
            [file.ordinal for file in files],
            [len(file.documents) for file in files],
            [sum(len(document.chunks) for document in file.documents) for file in files],
            scope.tenant_id,
            ingest.ingest_id,
        ),
    )
    for _, prepared, document_id in pairs:
        told = {
            "document_id": document_id,
            "version": versions.get(prepared.external_id, 0) + 1,
            "ingest_id": ingest.ingest_id,
        }
        link = f"/v1/documents/{document_id}"
        await publish(connection, scope, "document.stored", told, link=link)
    return files


async def supersede(
    connection: Connection,
    scope: Scope,
    source_id: UUID,
    external_ids: Sequence[str],
    *,
    newer: UUID | None = None,
) -> None:
    """Have files that still wait to be stored be left out: there is newer news. The caller holds ``lock_knowledge``.

    Whoever stages holds it too, so that what waits is older than what comes now.

    Args:
        connection: a transaction in the scope.
        scope: whose files.
        source_id: of the files.
        external_ids: their names.
        newer: the ingest that brings the news; its own files are left alone.
    """
    given = {"tenant": scope.tenant_id, "source": source_id, "newer": newer}
    cursor = await connection.execute(_WAITING, given)
    waiting = [ingest_id for (ingest_id,) in await cursor.fetchall()]
    if not waiting:
        return
    names = Jsonb(dict.fromkeys(external_ids))
    cursor = await connection.execute(_SUPERSEDE, (scope.tenant_id, waiting, names))
    for ingest_id in {ingest_id for (ingest_id,) in await cursor.fetchall()}:
        await close_ingest(connection, scope, ingest_id)


async def remove_documents(
    connection: Connection, scope: Scope, source_id: UUID, external_ids: Sequence[str]
) -> None:
    """Remove the documents of files, those that still wait included, in the caller's transaction."""
    await lock_to_write(connection)
    await supersede(connection, scope, source_id, external_ids)
    of_files = {"tenant": scope.tenant_id, "source": source_id, "names": list(external_ids)}
    cursor = await connection.execute(f"{_REMOVE} RETURNING document_id", of_files)
    for (document_id,) in await cursor.fetchall():
        await publish(connection, scope, "document.deleted", {"document_id": document_id})


async def replace_chunks(
    connection: Connection,
    tenant_id: UUID,
    document_id: UUID,
    prepared: PreparedDocument,
    *,
    space: str | None,
) -> None:
    """Give a stored document other chunks, in the caller's transaction, which holds ``lock_knowledge``."""
    tables = ["lexical", "chunks"]
    cursor = await connection.execute("SELECT name FROM embedding_spaces")
    tables[:0] = [f"embeddings_{row[0]}" for row in await cursor.fetchall()]
    for table in tables:
        await connection.execute(
            sql.SQL("DELETE FROM {} WHERE tenant_id = %s AND document_id = %s").format(sql.Identifier(table)),
            (tenant_id, document_id),
        )
    await _store_chunks(connection, tenant_id, [(prepared, document_id)], space)


async def fail_file(
    connection: Connection, scope: Scope, ingest_id: UUID, ordinal: int, problem: dict[str, Any]
) -> None:
    """Mark one file that waits as failed, with the reason; what was stored of it before stays."""
    await connection.execute(
        "UPDATE ingest_files SET state = 'failed', content = NULL, problem = %s"
        " WHERE tenant_id = %s AND ingest_id = %s AND ordinal = %s AND state = 'pending'",
        (Jsonb(problem), scope.tenant_id, ingest_id, ordinal),
    )


async def _store_chunks(
    connection: Connection,
    tenant_id: UUID,
    documents: Sequence[tuple[PreparedDocument, UUID]],
    space: str | None,
) -> None:
    rows = [(chunk, document_id, uuid4()) for prepared, document_id in documents for chunk in prepared.chunks]
    if not rows:
        return
    ids = [chunk_id for _, _, chunk_id in rows]
    owners = [document_id for _, document_id, _ in rows]
    await connection.execute(
        _CHUNKS,
        (
            tenant_id,
            ids,
            owners,
            [chunk.ordinal for chunk, _, _ in rows],
            [Jsonb(list(chunk.headings)) for chunk, _, _ in rows],
            [chunk.text for chunk, _, _ in rows],
            [chunk.start for chunk, _, _ in rows],
            [chunk.end for chunk, _, _ in rows],
        ),
    )
    weights = [weights for prepared, _ in documents for weights in prepared.weights]
    await connection.execute(
        _LEXICAL,
        (
            tenant_id,
            ids,
            owners,
            ["{" + ",".join(map(str, item)) + "}" for item in weights],
            [_sparse(item) for item in weights],
        ),
    )
    if space is not None:
        vectors = [row for prepared, _ in documents for row in _vectors(prepared)]
        await connection.execute(
            sql.SQL(_EMBEDDINGS).format(table=sql.Identifier(f"embeddings_{space}")),
            (
                tenant_id,
                ids,
                owners,
                [HalfVector(vector) for vector in vectors],
                [
                    matrix.astype("<f2").tobytes()
                    for prepared, _ in documents
                    for matrix in prepared.sentence_embeddings
                ],
            ),
        )


def _vectors(prepared: PreparedDocument) -> NDArray[np.float32]:
    if prepared.embeddings is None or len(prepared.embeddings) != len(prepared.chunks):
        raise RuntimeError("a chunk lacks its embedding")
    return prepared.embeddings


def _sparse(weights: Mapping[int, float]) -> SparseVector:
    return SparseVector({term - 1: weight for term, weight in weights.items()}, DIMENSIONS)
