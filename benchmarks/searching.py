"""Search in a table of 100,000 chunks of 50 uneven tenants: latency, and recall against comparing every vector.

The vectors are mixtures of a few hundred real ones, so that neighbours exist; texts are random words, so that terms
are as common and as rare as in real text (Zipf).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector, SparseVector
from psycopg import sql
from psycopg.types.json import Jsonb

from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.evaluation.measures import percentile
from deskmind.knowledge.embedding import LocalEmbedder
from deskmind.knowledge.ingest.staging import ensure_source, intern_acl
from deskmind.knowledge.lexical import DIMENSIONS, document_weights, query_terms

_TOPICS = 400
_CHUNKS_A_DOCUMENT = 5
_QUERIES = 60
_SHARES = {"visible-0.25": 0.0025, "visible-1": 0.01, "visible-10": 0.1}

Matrix = NDArray[np.float32]


@dataclass
class Filled:
    """What was stored for a tenant: vectors, ids, and the audience of each chunk."""

    name: str
    vectors: Matrix
    ids: list[UUID]
    audiences: list[str]


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    total = 10_000 if quick else 100_000
    random = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as home:
        embedder = LocalEmbedder.load(Path(home) / "models")
        topics = await embedder.embed_documents(_phrases(random, _TOPICS))
        async with Deskmind.open(home=home, embedder=embedder) as app:
            sizes = _sizes(total)
            filled = [
                await _fill(app, f"bench-{number}", size, topics, random) for number, size in enumerate(sizes)
            ]
            rows: list[dict[str, Any]] = []
            for number in _measured(sizes):
                rows += await _measure(app, filled[number], embedder, topics, random)
    return rows


def _sizes(total: int) -> list[int]:
    """50 tenants: one of 30 %, one of 10 %, the rest falling off."""
    shares = np.array([0.30, 0.10] + [0.60 * weight for weight in _falling(48)])
    return [max(20, int(share * total)) for share in shares]


def _falling(count: int) -> list[float]:
    weights = 1 / np.arange(1, count + 1)
    return list(weights / weights.sum())


def _measured(sizes: Sequence[int]) -> list[int]:
    """The largest, the second, a middle and the smallest tenant."""
    order = sorted(range(len(sizes)), key=lambda number: -sizes[number])
    return [order[0], order[1], order[2], order[len(order) // 2], order[-1]]


def _phrases(random: np.random.Generator, count: int) -> list[str]:
    words = ["vpn", "printer", "password", "invoice", "laptop", "scanner", "server", "backup", "mail", "access", "badge",
             "network", "screen", "update", "licence", "travel", "payroll", "database", "certificate", "phone"]  # fmt: skip
    return [" ".join(random.choice(words, size=6)) for _ in range(count)]


def _mix(random: np.random.Generator, topics: Matrix, count: int) -> Matrix:
    """Points near topics, as chunks of one subject are near each other."""
    first, second = random.integers(0, len(topics), size=(2, count))
    noise = random.normal(scale=0.03, size=(count, topics.shape[1]))
    mixed = topics[first] * 0.7 + topics[second] * 0.5 + noise
    return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)


async def _fill(app: Deskmind, name: str, size: int, topics: Matrix, random: np.random.Generator) -> Filled:
    await app.tenants.create(name)
    desk = await app.desk(tenant=name)
    await desk.principals.add_user("sees-all", groups=["rest", *_SHARES])
    for group in _SHARES:
        await desk.principals.add_user(group, groups=[group])
    vectors = _mix(random, topics, size)
    filled = Filled(name, vectors, [uuid4() for _ in range(size)], [])
    engine = await app.engine()
    assert engine.embedder is not None
    space = engine.embedder.space.name
    acls = await _acls(desk)
    for start in range(0, size, 2_000):
        await _store(space, desk, filled, start, min(size, start + 2_000), acls, random)
    async with desk.database.transaction(desk.scope) as connection:
        await connection.execute("SELECT refresh_statistics()")
    return filled


async def _acls(desk: Desk) -> dict[str, UUID]:
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT name, principal_id FROM principals WHERE kind = 'group'")
        groups: dict[str, UUID] = dict(await cursor.fetchall())
        return {name: await intern_acl(connection, [[group]]) for name, group in groups.items()}


async def _store(
    space: str,
    desk: Desk,
    filled: Filled,
    start: int,
    end: int,
    acls: dict[str, UUID],
    random: np.random.Generator,
) -> None:
    tenant = desk.scope.tenant_id
    documents: list[UUID] = []
    audiences: list[str] = []
    for _ in range(start, end, _CHUNKS_A_DOCUMENT):
        documents.append(uuid4())
        audiences.append(_audience(random))
    owners = [documents[place // _CHUNKS_A_DOCUMENT] for place in range(end - start)]
    filled.audiences += [audiences[place // _CHUNKS_A_DOCUMENT] for place in range(end - start)]
    texts = [
        " ".join(f"word{number}" for number in random.zipf(1.3, size=60) % 50_000) for _ in range(end - start)
    ]
    weights = [document_weights(text) for text in texts]
    ids = filled.ids[start:end]
    count = len(documents)
    async with desk.database.transaction(desk.scope) as connection:
        source = await ensure_source(connection, desk.scope, "bench")
        await connection.execute(
            "INSERT INTO documents (tenant_id, source_id, created_by, pipeline, media_type, content_hash, body, metadata,"
            " document_id, external_id, uri, title, acl_id, chunk_count)"
            " SELECT %s, %s, %s, 'bench', 'text/plain', '', '', %s, d, d::text, d::text, 'bench', a, %s"
            " FROM unnest(%s::uuid[], %s::uuid[]) x(d, a)",
            (tenant, source, desk.scope.principal_id, Jsonb({}), _CHUNKS_A_DOCUMENT, documents,
             [acls[audiences[place]] for place in range(count)]),
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO chunks (tenant_id, chunk_id, document_id, ordinal, headings, body, start_offset, end_offset)"
            " SELECT %s, c, d, 0, '{}', b, 0, length(b) FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) x(c, d, b)",
            (tenant, ids, owners, texts),
        )
        await connection.execute(
            "INSERT INTO lexical (tenant_id, chunk_id, document_id, terms, weights)"
            " SELECT %s, c, d, t::integer[], w FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::sparsevec[]) x(c, d, t, w)",
            (tenant, ids, owners, ["{" + ",".join(map(str, item)) + "}" for item in weights],
             [SparseVector({term - 1: weight for term, weight in item.items()}, DIMENSIONS) for item in weights]),
        )  # fmt: skip
        packed = [vector.astype("<f2").tobytes() * 3 for vector in filled.vectors[start:end]]
        await connection.execute(
            sql.SQL(
                "INSERT INTO {} (tenant_id, chunk_id, document_id, embedding, sentences)"
                " SELECT %s, x.* FROM unnest(%s::uuid[], %s::uuid[], %s::halfvec[], %s::bytea[]) x"
            ).format(sql.Identifier(f"embeddings_{space}")),
            (tenant, ids, owners, [HalfVector(vector) for vector in filled.vectors[start:end]], packed),
        )


def _audience(random: np.random.Generator) -> str:
    draw = random.random()
    for name, share in _SHARES.items():
        if draw < share:
            return name
        draw -= share
    return "rest"


async def _measure(
    app: Deskmind, filled: Filled, embedder: LocalEmbedder, topics: Matrix, random: np.random.Generator
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for user in ("sees-all", *_SHARES):
        desk = await app.desk(tenant=filled.name, user=user)
        visible = np.array([user == "sees-all" or audience == user for audience in filled.audiences])
        if not visible.any():
            continue
        queries = _mix(random, topics, _QUERIES)
        recall = [await _recall(desk, filled, visible, query, embedder) for query in queries]
        milliseconds: list[float] = []
        for phrase in _phrases(random, _QUERIES):
            text = phrase + " " + " ".join(f"word{number}" for number in random.zipf(1.3, size=6) % 50_000)
            started = time.perf_counter()
            await desk.knowledge.search(text)
            milliseconds.append((time.perf_counter() - started) * 1000)
        rows.append(
            {
                "case": f"tenant of {len(filled.ids):,}, {int(visible.sum()):,} visible ({user})",
                "recall_at_10": round(float(np.mean(recall)), 4),
                "p50_ms": round(percentile(milliseconds, 50), 1),
                "p95_ms": round(percentile(milliseconds, 95), 1),
            }
        )
    return rows


async def _recall(
    desk: Desk, filled: Filled, visible: NDArray[np.bool_], query: Matrix, embedder: LocalEmbedder
) -> float:
    """Share of the ten nearest visible chunks that the search function brings among its ten nearest."""
    similarity = np.where(visible, filled.vectors.astype(np.float16).astype(np.float32) @ query, -2)
    depth = min(10, int(visible.sum()))
    exact = {str(filled.ids[place]) for place in np.argsort(-similarity)[:depth]}
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute(
            sql.SQL("SELECT chunk_id FROM {}(%s, %s, NULL, 50) ORDER BY dense DESC LIMIT %s").format(
                sql.Identifier(f"search_{embedder.space.name}")
            ),
            (HalfVector(query), query_terms("word1 word2"), depth),
        )
        found = {str(row[0]) for row in await cursor.fetchall()}
    return len(exact & found) / depth
