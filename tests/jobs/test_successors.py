"""What fails, or whose end cannot be written, keeps nothing that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from tests.jobs.conftest import Work, pauses_of, row_of, rows_of

from deskmind.app import Deskmind
from deskmind.errors import UnavailableError
from deskmind.jobs.retrying import ATTEMPTS
from deskmind.scope import Scope

_REFUSED = """
CREATE SEQUENCE {name};
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN PERFORM nextval('{schema}.{name}'); RAISE 'refused for a test'; END $$;
CREATE TRIGGER {name} BEFORE DELETE ON procrastinate_jobs FOR EACH ROW WHEN (OLD.task_name = '{task}')
    EXECUTE FUNCTION {name}();
"""
_TAKEN_AGAIN = "DROP TRIGGER {name} ON procrastinate_jobs; DROP FUNCTION {name}(); DROP SEQUENCE {name}"


@asynccontextmanager
async def _working(app: Deskmind) -> AsyncIterator[None]:
    """A worker of this process, as long as the block."""
    stop = asyncio.Event()
    working = asyncio.create_task(app.jobs.work(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(working, 60)


async def _fails() -> None:
    raise UnavailableError("The vendor answered 503.")


async def test_a_job_that_fails_leaves_the_work_to_its_successor(own_app: Deskmind, scope: Scope) -> None:
    work, lock = Work(own_app), uuid4().hex
    work.then = _fails
    await work.queue(scope, own_app, lock)
    async with _working(own_app), asyncio.timeout(60):
        await work.at_work.wait()
        await work.queue(scope, own_app, lock)
        work.go_on.set()
        while await rows_of(own_app, work):
            await asyncio.sleep(0.05)
    assert work.begun == 2


async def test_the_successor_begins_no_sooner_than_the_job_would_have(
    own_app: Deskmind, scope: Scope
) -> None:
    """A vendor that is overloaded is left alone for a while; that somebody else wants the same changes nothing."""
    work, lock = Work(own_app), uuid4().hex

    async def fails() -> None:
        work.go_on.clear()
        await _fails()

    work.then = fails
    await work.queue(scope, own_app, lock)
    async with _working(own_app), asyncio.timeout(60):
        await work.at_work.wait()
        await work.queue(scope, own_app, lock)
        work.go_on.set()
        while await pauses_of(own_app, work) != [True]:
            await asyncio.sleep(0.05)
        work.go_on.set()
        while await rows_of(own_app, work):
            await asyncio.sleep(0.05)
    assert work.begun == 2


async def test_a_job_whose_end_could_not_be_written_is_found_by_its_own_process(
    own_app: Deskmind, scope: Scope
) -> None:
    """Its worker lives on, so that nobody else would ever look for it."""
    work, admin = Work(own_app), own_app.database.endpoints.admin
    named = {"name": f"refused_{uuid4().hex[:8]}", "schema": own_app.database.endpoints.schema}
    assert admin is not None
    async with await psycopg.AsyncConnection.connect(
        admin, autocommit=True, options=f"-c search_path={named['schema']}"
    ) as connection:
        await connection.execute(_REFUSED.format(**named, task=work.task).encode())
        await work.queue(scope, own_app)
        async with _working(own_app), asyncio.timeout(60):
            work.go_on.set()
            refused = f"SELECT is_called FROM {named['name']}".encode()
            while await (await connection.execute(refused)).fetchone() != (True,):
                await asyncio.sleep(0.05)
            assert (await row_of(own_app, work))[2] == "doing"
            await connection.execute(_TAKEN_AGAIN.format(**named).encode())
            while await rows_of(own_app, work):
                await asyncio.sleep(0.05)
    assert work.begun >= 2


async def test_what_its_workers_end_cuts_short_is_no_attempt(
    running_home: Path, own_app: Deskmind, scope: Scope
) -> None:
    """However often a job that takes long is met by the end of its worker, it is not given up for it."""
    async with Deskmind.open(
        home=running_home, knowledge={"embedder": "hashing"}, jobs={"shutdown_timeout": 0.05}
    ) as hasty:
        work = Work(hasty)
        await work.queue(scope, own_app)
        for _ in range(ATTEMPTS + 2):
            work.at_work.clear()
            async with _working(hasty):
                await asyncio.wait_for(work.at_work.wait(), 60)
        assert await rows_of(own_app, work) == [("todo", 0)]
        work.go_on.set()
        await asyncio.wait_for(hasty.jobs.drain(), 60)
    assert work.begun == ATTEMPTS + 3
    assert await rows_of(own_app, work) == []
