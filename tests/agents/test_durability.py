"""Workers that die or stand still: the run goes on elsewhere, and its effect is there once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from tests.agents.conftest import Brain, wants
from tests.agents.worker import note_tool

from deskmind.agents.journal import Journal
from deskmind.agents.run import Step
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ConflictError, LeaseLostError
from deskmind.jobs.retrying import ATTEMPTS
from deskmind.sandbox.models import ModelSandbox

pytestmark = pytest.mark.chaos

_WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What the world outside has: one line for each effect."""
    file = tmp_path / "outside"
    file.touch()
    return file


@pytest.fixture
async def taker(
    desk_home: Path, modelled: Deskmind, sandbox: ModelSandbox, outside: Path
) -> AsyncIterator[Deskmind]:
    """An application that takes over soon."""
    del modelled
    deployment = {
        "model": "echo",
        "base_url": f"{sandbox.base_url}/v1",
        "api_key": "sandbox-key",
        "name": "taker",
    }
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        models={"fast": {"deployments": [deployment], "retries": 0}},
        jobs={"stalled_after": 1.0},
        agents={"approvals": [{"approval": "auto"}]},
    ) as app:
        app.register_tool(note_tool(outside))
        yield app


@pytest.fixture
async def run_id(taker: Deskmind, ann: Desk, brain: Brain) -> UUID:
    """A run that is queued: one write, then an answer."""
    brain.says(wants("note", text="restarted"), "all done")
    desk = await taker.desk(tenant=ann.scope.tenant, user="ann")
    return await desk.agent("noter", instructions="Note it.", tools=["note"], model="fast").start("Note it.")


@pytest.fixture
def worker(
    desk_home: Path, sandbox: ModelSandbox, outside: Path
) -> Callable[[str], AbstractAsyncContextManager[Process]]:
    """Starts a worker that stands still at a place, and waits until it does."""

    @asynccontextmanager
    async def start(halt: str) -> AsyncIterator[Process]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(_WORKER), str(desk_home), f"{sandbox.base_url}/v1", str(outside), halt),
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, "PYTHONPATH": str(_WORKER.parents[2])},
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(60):
                assert (await process.stdout.readline()).decode().strip() == halt
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    return start


async def _taken_over(taker: Deskmind, desk: Desk, run_id: UUID) -> str:
    """Have the taker work until the run is over; its state."""
    async with asyncio.timeout(60):
        while (state := (await desk.agents.show(run_id)).run.state) in ("queued", "running"):
            await taker.jobs.drain()
            await taker.background.recover_runs()
            await asyncio.sleep(0.05)
    return state


@pytest.mark.parametrize("halt", ["before", "after"])
async def test_a_killed_workers_run_goes_on_elsewhere_and_its_effect_is_there_once(
    taker: Deskmind,
    ann: Desk,
    run_id: UUID,
    worker: Callable[..., AbstractAsyncContextManager[Process]],
    outside: Path,
    brain: Brain,
    halt: str,
) -> None:
    async with worker(halt) as process:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert await _taken_over(taker, ann, run_id) == "done"
    assert len(outside.read_text().split()) == 1
    details = await ann.agents.show(run_id)
    assert (details.run.output, [one.state for one in details.effects]) == ("all done", ["applied"])
    assert len(brain.asked) == 2  # the reply that was written down was not asked for again


async def test_a_run_that_kills_its_workers_is_given_up(
    taker: Deskmind,
    ann: Desk,
    run_id: UUID,
    worker: Callable[..., AbstractAsyncContextManager[Process]],
    outside: Path,
) -> None:
    """It was the last of many. Nobody queues it again, as is done with what is merely left behind."""
    async with await psycopg.AsyncConnection.connect(taker.database.endpoints.jobs) as connection:
        await connection.execute(
            "UPDATE procrastinate_jobs SET attempts = %s WHERE args->>'run_id' = %s", (ATTEMPTS, str(run_id))
        )
    async with worker("before") as process:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with asyncio.timeout(60):
        while (await ann.agents.show(run_id)).run.state in ("queued", "running"):
            await taker.jobs.drain()
            await asyncio.sleep(0.05)
    await taker.background.recover_runs()
    await taker.jobs.drain()
    run = (await ann.agents.show(run_id)).run
    assert (run.state, run.problem, run.remedy) == ("failed", "worker-died", "stop")
    assert outside.read_text() == ""


async def test_a_worker_that_wakes_up_after_it_was_taken_over_does_nothing(
    taker: Deskmind,
    ann: Desk,
    run_id: UUID,
    worker: Callable[..., AbstractAsyncContextManager[Process]],
    outside: Path,
) -> None:
    desk = await taker.desk(tenant=ann.scope.tenant, user="ann")
    async with worker("before") as process:
        process.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(60):
            while True:
                try:
                    run = await desk.agents.resume(run_id)
                    break
                except ConflictError:  # its lease has not run out yet
                    await asyncio.sleep(0.05)
        assert (run.state, len(outside.read_text().split())) == ("done", 1)
        process.send_signal(signal.SIGCONT)
        said, _ = await asyncio.wait_for(process.communicate(b"\n"), 60)
    assert said.decode().strip() == "over"
    assert len(outside.read_text().split()) == 1
    assert (await ann.agents.show(run_id)).run == run


async def test_a_reply_whose_commit_was_not_heard_of_is_there_once(taker: Deskmind, ann: Desk) -> None:
    """The connection broke after the server had written it: the same, sent again, is found there."""
    agent = ann.agent("noter", instructions="Note it.", model="fast")
    run_id = await agent.start("Note it.")
    journal = await Journal.take(taker.database, ann.scope, run_id, lease=300.0, emit=lambda event: None)
    said = {"parts": [{"part_kind": "text", "content": "all done"}], "kind": "response"}
    await journal.replied([], said, tokens=3, cost=None)
    journal._position -= 1
    await journal.write(steps=(Step(-1, "response", "", "", said, datetime.now(UTC)),))
    assert [step.text for step in (await ann.agents.show(run_id)).steps] == ["all done"]
    async with taker.database.transaction(ann.scope) as connection:
        await connection.execute(
            "UPDATE agent_runs SET epoch = epoch + 1 WHERE tenant_id = %s AND run_id = %s",
            (ann.scope.tenant_id, run_id),
        )
    with pytest.raises(LeaseLostError):
        await journal.write(steps=(Step(-1, "response", "", "", said, datetime.now(UTC)),))


async def test_a_decision_queues_the_run(taker: Deskmind, ann: Desk, ben: Desk, brain: Brain) -> None:
    brain.says(wants("ask_person", question="Which?"), "thanks")
    desk = await taker.desk(tenant=ann.scope.tenant, user="ann")
    agent = desk.agent("asker", instructions="Ask.", tools=["ask_person"], model="fast")
    run_id = await agent.start("Fix it.")
    await taker.jobs.drain()
    assert (await ann.agents.show(run_id)).run.state == "waiting"
    (proposal,) = await ben.approvals.list()
    await ben.approvals.approve(proposal.proposal_id, answer="the blue one")
    await taker.jobs.drain()
    assert (await ann.agents.show(run_id)).run.output == "thanks"


async def test_a_run_keeps_the_bounds_it_was_begun_with(
    taker: Deskmind, ann: Desk, admin: Desk, brain: Brain
) -> None:
    """The agent that acts for a user has lost its role while the run was queued: the run may do no more."""
    await admin.principals.add_user("bot")
    await admin.access.grant("service", user="bot")
    desk = await (await taker.desk(tenant=ann.scope.tenant, user="bot")).acting_for("ann")
    run_id = await desk.agent("helper", instructions="Help.", model="fast").start("Help.")
    await admin.access.revoke("service", user="bot")
    taker.authority.forget(ann.scope.tenant_id)
    await taker.jobs.drain()
    run = (await ann.agents.show(run_id)).run
    assert (run.state, run.problem, run.remedy) == ("failed", "permission-denied", "stop")
    assert brain.asked == []
