"""Server processes are shared by every desk: what SQL of one leaves in a process does nothing to the next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection

from deskmind.app import Deskmind
from deskmind.desk import Desk

_WARM = 8


@pytest.fixture
async def narrow(app: Deskmind, desk_home: Path) -> AsyncIterator[Deskmind]:
    """A second application on the same server whose desks all take turns in one server process."""
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        answer={"threshold": 0.0},
        database={"pool_min": 1, "pool_max": 1},
    ) as started:
        yield started


@pytest.fixture
async def mallory(operator: Desk, narrow: Deskmind) -> Desk:
    await operator.principals.add_user("mallory")
    await operator.knowledge.add("hidden.md", b"# Hidden\n\nCOLLEAGUE-SECRET", groups=["hr"])
    return await narrow.desk(tenant=operator.scope.tenant, user="mallory")


async def _titles(desk: Desk) -> set[str]:
    return {item.title for item in await desk.knowledge.documents()}


async def _poison(connection: AsyncConnection[Any]) -> None:
    """Replace the statement that brings the token by one that also tells it; take the names of later ones."""
    cursor = await connection.execute("SELECT name, statement FROM pg_prepared_statements", prepare=False)
    for name, statement in await cursor.fetchall():
        if "deskmind.scope" in statement:
            await connection.execute(f"DEALLOCATE {name}".encode(), prepare=False)
            await connection.execute(
                f"PREPARE {name}(text, text, text) AS {statement}, pg_notify('loot', $1)".encode(),
                prepare=False,
            )
    for number in range(100, 150):
        await connection.execute(
            f"PREPARE _pg3_{number} AS SELECT pg_notify('loot', body) FROM documents".encode(), prepare=False
        )


async def test_statements_prepared_by_one_are_not_run_by_the_next(
    operator: Desk, narrow: Deskmind, mallory: Desk
) -> None:
    victim = await narrow.desk(tenant=operator.scope.tenant)
    for _ in range(_WARM):
        await victim.knowledge.documents()
    async with await AsyncConnection.connect(narrow.database.endpoints.app, autocommit=True) as thief:
        await thief.execute("LISTEN loot")
        async with narrow.database.transaction(mallory.scope) as connection:
            await _poison(connection)
        for _ in range(_WARM):
            assert await _titles(victim) == {"Hidden"}
        await thief.execute("SELECT pg_notify('loot', 'the end')")
        told = [note.payload async for note in thief.notifies(timeout=60, stop_after=1)]
    assert told == ["the end"]
