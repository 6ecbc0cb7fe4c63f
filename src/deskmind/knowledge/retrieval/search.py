"""Hybrid retrieval for one scope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from uuid import UUID

import numpy as np
from opentelemetry.trace import Span
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
from deskmind.knowledge.retrieval.passages import PassageText, read_passages
from deskmind.knowledge.told import note_candidates
from deskmind.observability import names, span
from deskmind.observability.content import capture_text

__all__ = ["Retriever"]


_DATA_SOURCE = "deskmind"
_RETRIEVAL = {names.OPERATION_NAME: names.OPERATION_RETRIEVAL, names.DATA_SOURCE_ID: _DATA_SOURCE}


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
        with retrieving("embed"):
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
        with span(f"retrieval {_DATA_SOURCE}", kind="client", **_RETRIEVAL) as current:
            capture_text(current, names.RETRIEVAL_QUERY_TEXT, query.text)
            with retrieving("lexical" if vector is None else "vector"):
                scores = await self._candidates_of(connection, query, vector, filter)
            ranked = fuse(
                {chunk: dense for chunk, (dense, _) in scores.items() if dense is not None},
                {chunk: lexical for chunk, (_, lexical) in scores.items() if lexical},
            )[:limit]
            if current.is_recording():
                _describe(current, ranked, len(scores))
            space = self._embedder.space.name if self._embedder is not None else None
            chunks = [UUID(chunk) for chunk, _ in ranked]
            texts = await read_passages(connection, tenant_id, chunks, space=space)
            sentences = self._sentence_scores(texts, vector)
            found = [
                texts[chunk].as_passage(score, *scores[chunk], sentences.get(chunk, ()))
                for chunk, score in ranked
                if chunk in texts
            ]
        note_candidates(scores, len(ranked), len(found))
        return found

    def _sentence_scores(
        self, texts: Mapping[str, PassageText], vector: HalfVector | None
    ) -> dict[str, tuple[float, ...]]:
        """The similarity of each passage's sentences to the query, all in one product."""
        packed = {chunk: text.sentences for chunk, text in texts.items() if text.sentences}
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


def _describe(current: Span, ranked: Sequence[tuple[str, float]], candidates: int) -> None:
    """What was found, by identifiers and scores."""
    found = [{"id": chunk, "score": round(score, 4)} for chunk, score in ranked]
    current.set_attribute(names.RETRIEVAL_DOCUMENTS, json.dumps(found))
    current.set_attribute("deskmind.candidates", candidates)
    current.set_attribute("deskmind.results", len(ranked))
