"""Jobs that tell how far they are, and what becomes of their rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.jobs import defer
from deskmind.jobs.taking_over import Settle
from deskmind.scope import Scope


class Work:
    """A job that tells when it is begun, and goes on when it may."""

    def __init__(self, app: Deskmind, given_up: Settle | None = None) -> None:
        self.task = f"test.{uuid4().hex}"
        self.begun = 0
        self.at_work = asyncio.Event()
        self.go_on = asyncio.Event()
        self.then: Callable[[], Awaitable[None]] | None = None
        app.jobs.register(self.task, "test", self.run, given_up=given_up)

    async def run(self, arguments: Mapping[str, str]) -> None:
        """What the queue calls."""
        del arguments
        self.begun += 1
        self.at_work.set()
        await self.go_on.wait()
        if self.then is not None:
            then, self.then = self.then, None
            await then()

    async def queue(self, scope: Scope, app: Deskmind, lock: str = "") -> None:
        """Have it done."""
        async with app.database.transaction(scope) as connection:
            arguments = {"tenant_id": str(scope.tenant_id), "one": uuid4().hex}
            await defer(connection, "test", self.task, lock or uuid4().hex, arguments)


@pytest.fixture
async def scope(own_app: Deskmind) -> Scope:
    name = f"jobs-{uuid4().hex[:8]}"
    await own_app.tenants.create(name)
    return (await own_app.desk(tenant=name)).scope


@pytest.fixture
async def other(running_home: Path, own_app: Deskmind) -> AsyncIterator[Deskmind]:
    """Another process's application, as far as the queue can tell."""
    del own_app
    async with Deskmind.open(home=running_home, knowledge={"embedder": "hashing"}) as started:
        yield started


async def tell_the_queue(app: Deskmind, *statements: str) -> None:
    async with await psycopg.AsyncConnection.connect(app.database.endpoints.jobs) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def row_of(app: Deskmind, work: Work) -> tuple[int, int, str]:
    async with await psycopg.AsyncConnection.connect(app.database.endpoints.jobs) as connection:
        cursor = await connection.execute(
            "SELECT id, worker_id, status::text FROM procrastinate_jobs WHERE task_name = %s", (work.task,)
        )
        row = await cursor.fetchone()
        assert row is not None
        return row


async def rows_of(app: Deskmind, work: Work) -> list[tuple[str, int]]:
    """State and attempts of its jobs."""
    async with await psycopg.AsyncConnection.connect(app.database.endpoints.jobs) as connection:
        cursor = await connection.execute(
            "SELECT status::text, attempts FROM procrastinate_jobs WHERE task_name = %s ORDER BY id",
            (work.task,),
        )
        return await cursor.fetchall()


async def pauses_of(app: Deskmind, work: Work) -> list[bool]:
    """Of each of its jobs, whether it was to wait for a time after it was queued, or put back, last."""
    async with await psycopg.AsyncConnection.connect(app.database.endpoints.jobs) as connection:
        cursor = await connection.execute(
            "SELECT coalesce(scheduled_at > (SELECT max(at) FROM procrastinate_events e WHERE e.job_id = j.id"
            " AND e.type IN ('deferred', 'deferred_for_retry')), false)"
            "  FROM procrastinate_jobs j WHERE task_name = %s ORDER BY id",
            (work.task,),
        )
        return [paused for (paused,) in await cursor.fetchall()]
