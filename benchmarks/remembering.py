"""Recall among memories: time by how many a user has, and what other users' memories of the same tenant add.

Vectors of 384 dimensions by words, as the tests have them; the time does not depend on what is in them. ``server_ms`` is the
processor time of the server process that answers, so that it says the same on a busy machine.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from deskmind import Deskmind
from deskmind.agents.memory import Draft
from deskmind.agents.memory import store as rows
from deskmind.agents.memory.reading import read_question, read_texts
from deskmind.agents.memory.store import Owner
from deskmind.desk import Desk
from deskmind.evaluation.measures import percentile
from deskmind.knowledge.embedding import HashingEmbedder

_QUERIES = 40
_THINGS = ("printer", "laptop", "badge", "tunnel", "mailbox", "monitor", "scanner", "phone")


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    most = 1_000 if quick else 10_000
    embedder = HashingEmbedder(384)
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home, embedder=embedder) as app:
            await app.tenants.create("bench")
            admin = await app.desk(tenant="bench")
            desks: dict[str, Desk] = {}
            for name, count in (("few", most // 100), ("some", most // 10), ("many", most)):
                await admin.principals.add_user(name)
                desks[name] = await app.desk(tenant="bench", user=name)
                await _fill(desks[name], embedder, count)
            sizes = {"few": most // 100, "some": most // 10, "many": most}
            return [await _measured(desks[name], embedder, size) for name, size in sizes.items()]


async def _fill(desk: Desk, embedder: HashingEmbedder, count: int) -> None:
    texts = [
        f"The {_THINGS[number % 8]} number {number} is in room {number % 97}." for number in range(count)
    ]
    readings = await read_texts(embedder, texts)
    owner = Owner("user", desk.scope.principal_id)
    async with desk.database.transaction(desk.scope) as connection:
        for text, reading in zip(texts, readings, strict=True):
            await rows.add_memory(connection, desk.scope, uuid4(), owner, Draft(text), reading)


async def _measured(desk: Desk, embedder: HashingEmbedder, size: int) -> dict[str, Any]:
    question = await read_question(embedder, "In which room is the printer number 7?")
    kinds: Sequence[Any] = ("semantic", "procedural", "episodic")
    async with desk.database.transaction(desk.scope) as connection:
        pid = connection.info.backend_pid
        await rows.nearest(connection, desk.scope, question, kinds=kinds, least=0.15, limit=200)
        before = _processor_seconds(pid)
        for _ in range(_QUERIES):
            await rows.nearest(connection, desk.scope, question, kinds=kinds, least=0.15, limit=200)
        server = (_processor_seconds(pid) - before) / _QUERIES
    walls: list[float] = []
    process = time.process_time()
    for _ in range(_QUERIES):
        began = time.perf_counter()
        await desk.memories.recall("In which room is the printer number 7?")
        walls.append((time.perf_counter() - began) * 1000)
    return {
        "case": f"recall among {size:,} memories of a user",
        "server_ms": round(server * 1000, 2),
        "server_us_a_memory": round(server * 1e6 / size, 2),
        "process_ms": round((time.process_time() - process) / _QUERIES * 1000, 2),
        "p50_ms": round(percentile(walls, 50), 2),
        "p95_ms": round(percentile(walls, 95), 2),
    }


def _processor_seconds(pid: int) -> float:
    """Of one server process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
