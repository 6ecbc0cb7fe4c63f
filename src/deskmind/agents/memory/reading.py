"""Texts made comparable: vectors by the knowledge base's embedder, words by its stems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from uuid import UUID

from pgvector import HalfVector, SparseVector

from deskmind.agents.memory.store import Reading, outdated, store_reading
from deskmind.database import Database
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.lexical import DIMENSIONS, document_weights
from deskmind.scope import Scope

__all__ = ["read_question", "read_shared_anew", "read_texts", "store_anew"]

_AT_ONCE = 500


async def read_texts(embedder: Embedder | None, texts: Sequence[str]) -> list[Reading]:
    """Memories to be found."""
    if embedder is None or not texts:
        return [Reading("", None, _terms(text)) for text in texts]
    vectors = await embedder.embed_documents(texts)
    return [
        Reading(embedder.space.name, HalfVector(vector), _terms(text))
        for text, vector in zip(texts, vectors, strict=True)
    ]


async def read_question(embedder: Embedder | None, text: str) -> Reading:
    """What is looked for."""
    if embedder is None:
        return Reading("", None, _terms(text))
    return Reading(embedder.space.name, HalfVector(await embedder.embed_query(text)), _terms(text))


async def store_anew(
    database: Database, scope: Scope, embedder: Embedder | None, found: Sequence[tuple[UUID, str]]
) -> None:
    """Make vectors and words of memories anew, such as those that an erasure has masked."""
    if not found:
        return
    readings = await read_texts(embedder, [text for _, text in found])
    async with database.transaction(scope) as connection:
        for (memory_id, text), reading in zip(found, readings, strict=True):
            await store_reading(connection, scope, memory_id, text, reading)


async def read_shared_anew(database: Database, operator: Scope, embedder: Embedder | None) -> int:
    """The same for those of groups and of the tenant, which their readers may not change; how many."""
    space = embedder.space.name if embedder is not None else ""
    async with database.transaction(operator) as connection:
        found = await outdated(connection, operator, space, _AT_ONCE)
    await store_anew(database, operator, embedder, found)
    return len(found)


def _terms(text: str) -> SparseVector:
    weights = document_weights(text)
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return SparseVector({term - 1: weight / length for term, weight in weights.items()}, DIMENSIONS)
