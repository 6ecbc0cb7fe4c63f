"""Hybrid retrieval for one scope."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from pgvector import HalfVector
from psycopg import sql
from psycopg.types.json import Jsonb

from deskmind.database import Connection
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.lexical import query_terms
from deskmind.knowledge.measures import retrieving
from deskmind.knowledge.models import Passage
from deskmind.knowledge.ranking import Query, fuse
from deskmind.knowledge.retrieval.filters import SearchFilter
from deskmind.observability import span

__all__ = ["Retriever"]

_PASSAGES = """
SELECT c.chunk_id, c.document_id, d.title, d.uri, c.headings, c.body, c.start_offset, c.end_offset, d.metadata
  FROM unnest(%(chunks)s::uuid[]) wanted(id)
 CROSS JOIN LATERAL (SELECT * FROM chunks WHERE tenant_id = %(tenant)s AND chunk_id = wanted.id OFFSET 0) c
 CROSS JOIN LATERAL (
    SELECT * FROM documents WHERE tenant_id = %(tenant)s AND document_id = c.document_id
       AND document_id >= c.document_id OFFSET 0) d
"""
# the second condition on document_id leads the planner to the primary key, whatever it believes of a new tenant's size

_SENTENCES = """
SELECT e.chunk_id, e.sentences
  FROM unnest(%(chunks)s::uuid[]) wanted(id)
 CROSS JOIN LATERAL (SELECT * FROM {table} WHERE tenant_id = %(tenant)s AND chunk_id = wanted.id OFFSET 0) e
"""


class Retriever:
    """Finds the passages of the documents a scope may see.

    The candidates come from definer functions that apply scope and access lists themselves; the texts are
    then read under row-level security, which would hide anything those had let through.
    """

    def __init__(self, embedder: Embedder | None, *, candidates: int = 50) -> None:
        self._embedder = embedder
        self._candidates = candidates

    async def embed(self, query: Query) -> HalfVector | None:
        """The query's vector, None without an embedder. Apart, so that no connection is held meanwhile."""
        if self._embedder is None:
            return None
        with retrieving("embed"), span(f"embeddings {self._embedder.space.model}", kind="client"):
            return HalfVector(await self._embedder.embed_query(query.text))

    async def search(
        self,
        connection: Connection,
        tenant_id: UUID,
        query: Query,
        vector: HalfVector | None,
        *,
        limit: int,
        filter: SearchFilter | None = None,  # noqa: A002
    ) -> list[Passage]:
        """The best passages, best first.

        Args:
            connection: a transaction in the asker's scope.
            tenant_id: the scope's tenant; row-level security decides regardless of it.
            query: the analysed question.
            vector: from ``embed``.
            limit: how many at most.
            filter: conditions on the documents.
        """
        with span("retrieval deskmind", kind="client"):
            with retrieving("lexical" if vector is None else "vector"):
                scores = await self._candidates_of(connection, query, vector, filter)
            ranked = fuse(
                {chunk: dense for chunk, (dense, _) in scores.items() if dense is not None},
                {chunk: lexical for chunk, (_, lexical) in scores.items() if lexical},
            )[:limit]
            sentences = await self._sentences(connection, tenant_id, ranked, vector)
            return await self._read(connection, tenant_id, ranked, scores, sentences)

    async def _sentences(
        self,
        connection: Connection,
        tenant_id: UUID,
        ranked: Sequence[tuple[str, float]],
        vector: HalfVector | None,
    ) -> dict[str, tuple[float, ...]]:
        """The similarity of each passage's sentences to the query."""
        if vector is None or self._embedder is None:
            return {}
        space = self._embedder.space
        cursor = await connection.execute(
            sql.SQL(_SENTENCES).format(table=sql.Identifier(f"embeddings_{space.name}")),
            {"tenant": tenant_id, "chunks": [UUID(chunk) for chunk, _ in ranked]},
            binary=True,
        )
        query = vector.to_numpy().astype(np.float32)
        return {
            str(chunk): tuple(
                (
                    np.frombuffer(packed, dtype="<f2").reshape(-1, space.dimensions).astype(np.float32)
                    @ query
                ).tolist()
            )
            for chunk, packed in await cursor.fetchall()
        }

    async def _candidates_of(
        self,
        connection: Connection,
        query: Query,
        vector: HalfVector | None,
        filter: SearchFilter | None,  # noqa: A002
    ) -> dict[str, tuple[float | None, float | None]]:
        conditions = filter.as_json() if filter is not None else None
        narrowed = Jsonb(conditions) if conditions is not None else None
        terms = query_terms(query.text)
        if vector is None or self._embedder is None:
            cursor = await connection.execute(
                "SELECT * FROM search_lexical(%s, %s, %s)", (terms, narrowed, self._candidates)
            )
        else:
            cursor = await connection.execute(
                sql.SQL("SELECT * FROM {}(%s, %s, %s, %s)").format(
                    sql.Identifier(f"search_{self._embedder.space.name}")
                ),
                (vector, terms, narrowed, self._candidates),
            )
        return {str(row[0]): (row[2], row[3]) for row in await cursor.fetchall()}

    async def _read(
        self,
        connection: Connection,
        tenant_id: UUID,
        ranked: Sequence[tuple[str, float]],
        scores: dict[str, tuple[float | None, float | None]],
        sentences: dict[str, tuple[float, ...]],
    ) -> list[Passage]:
        cursor = await connection.execute(
            _PASSAGES, {"tenant": tenant_id, "chunks": [UUID(chunk) for chunk, _ in ranked]}
        )
        rows = {str(row[0]): row for row in await cursor.fetchall()}
        passages: list[Passage] = []
        for chunk, score in ranked:
            row = rows.get(chunk)
            if row is None:
                continue
            dense, lexical = scores[chunk]
            passages.append(
                Passage(
                    chunk_id=chunk,
                    document_id=str(row[1]),
                    title=row[2],
                    uri=row[3],
                    headings=tuple(row[4]),
                    text=row[5],
                    start=row[6],
                    end=row[7],
                    score=score,
                    dense=dense,
                    lexical=lexical,
                    metadata=row[8],
                    sentence_scores=sentences.get(chunk, ()),
                )
            )
        return passages
