"""Hybrid retrieval for one scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from uuid import UUID

import numpy as np
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from deskmind.database import Connection
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.lexical import query_terms
from deskmind.knowledge.models import Passage
from deskmind.knowledge.ranking import Query, fuse
from deskmind.knowledge.retrieval.filters import SearchFilter
from deskmind.observability import span

__all__ = ["Retriever"]

_PASSAGES = """
SELECT c.chunk_id, c.document_id, d.title, d.uri, c.headings, c.body, c.start_offset, c.end_offset, d.metadata, {sentences}
  FROM unnest(%(chunks)s::uuid[]) wanted(id)
 CROSS JOIN LATERAL (SELECT * FROM chunks WHERE tenant_id = %(tenant)s AND chunk_id = wanted.id OFFSET 0) c
 CROSS JOIN LATERAL (
    SELECT * FROM documents WHERE tenant_id = %(tenant)s AND document_id = c.document_id
       AND document_id >= c.document_id OFFSET 0) d
"""
# the second condition on document_id leads the planner to the primary key, whatever it believes of a new tenant's size

_SENTENCES = """
  LEFT JOIN LATERAL (SELECT * FROM {table} WHERE tenant_id = %(tenant)s AND chunk_id = wanted.id OFFSET 0) e ON true
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
        with span(f"embeddings {self._embedder.space.model}", kind="client"):
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
            scores = await self._candidates_of(connection, query, vector, filter)
            ranked = fuse(
                {chunk: dense for chunk, (dense, _) in scores.items() if dense is not None},
                {chunk: lexical for chunk, (_, lexical) in scores.items() if lexical},
            )[:limit]
            rows = await self._rows(connection, tenant_id, ranked)
            return _passages(ranked, scores, rows, self._sentence_scores(rows, vector))

    async def _rows(
        self, connection: Connection, tenant_id: UUID, ranked: Sequence[tuple[str, float]]
    ) -> dict[str, TupleRow]:
        """Texts and packed vectors of sentences, by chunk, in one round trip; what may not be seen is missing."""
        parameters = {"tenant": tenant_id, "chunks": [UUID(chunk) for chunk, _ in ranked]}
        statement = sql.SQL(_PASSAGES).format(sentences=sql.SQL("NULL::bytea"))
        if self._embedder is not None:
            table = sql.Identifier(f"embeddings_{self._embedder.space.name}")
            statement = sql.SQL(_PASSAGES + _SENTENCES).format(sentences=sql.SQL("e.sentences"), table=table)
        cursor = await connection.execute(statement, parameters, binary=True)
        return {str(row[0]): row for row in await cursor.fetchall()}

    def _sentence_scores(
        self, rows: Mapping[str, TupleRow], vector: HalfVector | None
    ) -> dict[str, tuple[float, ...]]:
        """The similarity of each passage's sentences to the query, all in one product."""
        packed = {chunk: row[9] for chunk, row in rows.items() if row[9]}
        if vector is None or self._embedder is None or not packed:
            return {}
        matrix = np.frombuffer(b"".join(packed.values()), dtype="<f2").astype(np.float32)
        scores = (
            matrix.reshape(-1, self._embedder.space.dimensions) @ vector.to_numpy().astype(np.float32)
        ).tolist()
        width = 2 * self._embedder.space.dimensions
        ends = list(accumulate(len(vectors) // width for vectors in packed.values()))
        return {
            chunk: tuple(scores[start:end])
            for chunk, start, end in zip(packed, [0, *ends], ends, strict=False)
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


def _passages(
    ranked: Sequence[tuple[str, float]],
    scores: Mapping[str, tuple[float | None, float | None]],
    rows: Mapping[str, TupleRow],
    sentences: Mapping[str, tuple[float, ...]],
) -> list[Passage]:
    return [
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
            dense=scores[chunk][0],
            lexical=scores[chunk][1],
            metadata=row[8],
            sentence_scores=sentences.get(chunk, ()),
        )
        for chunk, score in ranked
        if (row := rows.get(chunk)) is not None
    ]
