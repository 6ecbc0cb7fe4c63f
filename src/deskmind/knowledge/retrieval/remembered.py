"""Rankings found before, by question, knowledge and access; the texts are read under row-level security each time.

A ranking is remembered under what the transaction that uses it sees: the version of the tenant's knowledge, which changes
with every document that is added, changed or removed, and the access lists that the asker satisfies. So one that is
found is as fresh as a search. Should it ever name more than the asker may see, row-level security would hide it, and the
search is made anew.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from deskmind.cache import Cache, JsonCodec
from deskmind.database import Connection
from deskmind.knowledge.models import Passage
from deskmind.knowledge.ranking import Query
from deskmind.knowledge.retrieval.filters import SearchFilter
from deskmind.knowledge.retrieval.passages import read_passages
from deskmind.scope import Scope

__all__ = ["Found", "RankedChunk", "RememberedRankings"]

_RANKING = "1"
"""Changes when the same question on the same knowledge is ranked otherwise."""


@dataclass(frozen=True, slots=True)
class RankedChunk:
    """A passage without its text."""

    chunk_id: str
    score: float
    dense: float | None
    lexical: float | None
    sentence_scores: tuple[float, ...]


@functools.cache
def _codec() -> JsonCodec[list[RankedChunk]]:
    """Made once, at first use: to make it costs as much as a search."""
    return JsonCodec(list[RankedChunk])


@dataclass(frozen=True, slots=True)
class Found:
    """The best passages, and whether their ranking was remembered; one made anew with what it may be remembered under."""

    passages: list[Passage]
    key: str | None = None
    ranking: Sequence[Passage] = ()
    recalled: bool = False


class RememberedRankings:
    """A tenant's rankings. Nothing is loaded through the cache: a load could outlive the transaction that it reads in."""

    def __init__(self, cache: Cache, scope: Scope, *, seconds: float, method: str) -> None:
        """Rankings of one way of searching.

        Args:
            cache: where they are.
            scope: whose tenant.
            seconds: how long one is kept; 0 keeps none.
            method: what else the order depends on: embedding space, reranker, number of candidates.
        """
        self._tenant_id = scope.tenant_id
        self._method = method
        self._rankings = (
            cache.scoped(
                scope.tenant_id,
                "rankings",
                codec=_codec(),
                ttl=seconds,
                refresh_at=None,
            )
            if seconds
            else None
        )

    async def find(
        self,
        connection: Connection,
        query: Query,
        search: Callable[[Connection], Awaitable[list[Passage]]],
        *,
        limit: int,
        depth: int,
        filter: SearchFilter | None,  # noqa: A002
    ) -> Found:
        """The best passages for a query as the transaction sees them.

        Args:
            connection: a transaction in the asker's scope.
            query: the analysed question.
            search: makes the ranking when none is remembered, ``depth`` passages long.
            limit: how many passages are wanted.
            depth: how many are ranked.
            filter: conditions on the documents.
        """
        key = await self._key(connection, query, depth, filter)
        if key is not None:
            passages = await self._recall(connection, key, limit)
            if passages is not None:
                return Found(passages, recalled=True)
        ranking = await search(connection)
        return Found(ranking[:limit], key, ranking)

    async def keep(self, found: Found) -> None:
        """Remember a ranking made anew; after its transaction, so that no connection waits for a shared tier."""
        if found.key is None or self._rankings is None:
            return
        ranked = [
            RankedChunk(item.chunk_id, item.score, item.dense, item.lexical, item.sentence_scores)
            for item in found.ranking
        ]
        await self._rankings.offer(found.key, ranked)

    async def _key(
        self,
        connection: Connection,
        query: Query,
        depth: int,
        filter: SearchFilter | None,  # noqa: A002
    ) -> str | None:
        """Under what this transaction may find and keep a ranking; None when the tenant has no documents."""
        if self._rankings is None:
            return None
        cursor = await connection.execute("SELECT knowledge_view()")
        row = await cursor.fetchone()
        if row is None or row[0] is None:
            return None
        conditions = filter.as_json() if filter is not None else None
        return json.dumps([_RANKING, row[0], self._method, query.text, depth, conditions], sort_keys=True)

    async def _recall(self, connection: Connection, key: str, limit: int) -> list[Passage] | None:
        """The best passages of a ranking, read in the transaction; None when they are not all there to be read."""
        ranked = await self._rankings.get(key) if self._rankings is not None else None
        if ranked is None:
            return None
        best = ranked[:limit]
        texts = await read_passages(connection, self._tenant_id, [UUID(item.chunk_id) for item in best])
        if len(texts) < len(best):
            return None
        return [
            texts[item.chunk_id].as_passage(item.score, item.dense, item.lexical, item.sentence_scores)
            for item in best
        ]
