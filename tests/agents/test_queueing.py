"""Queued runs: each tenant's turn comes, too many are refused, what failed in passing is tried again, nothing is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import AsyncConnection, sql
from tests.agents.conftest import Brain, wants

from deskmind.agents import Agent
from deskmind.agents.jobs import run_job
from deskmind.agents.journal import Journal
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ConflictError, LimitExceededError, ModelUnavailableError
from deskmind.sandbox.models import ModelSandbox, Reply


@pytest.fixture
async def calm(running_home: Path, sandbox: ModelSandbox) -> AsyncIterator[Deskmind]:
    """An application whose queues hold this file's jobs alone."""
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": "sandbox-key"}
    async with Deskmind.open(
        home=running_home,
        knowledge={"embedder": "none"},
        models={"fast": {"deployments": [deployment], "retries": 0}},
        agents={"most_queued": 30},
    ) as app:
        yield app


async def _desk(app: Deskmind, tenant: str) -> Desk:
    await app.tenants.create(tenant)
    return await app.desk(tenant=tenant)


def _agent(desk: Desk) -> Agent[str]:
    return desk.agent("helper", instructions="Help.", model="fast", tools=["ask_person"])


async def _forget_jobs(app: Deskmind) -> None:
    """As if they had been lost."""
    assert app.database.endpoints.admin is not None
    schema = sql.Identifier(app.database.endpoints.schema)
    async with await AsyncConnection.connect(app.database.endpoints.admin) as connection:
        await connection.execute(sql.SQL("SET search_path = {}").format(schema))
        await connection.execute("DELETE FROM procrastinate_jobs")


async def test_a_tenants_first_runs_do_not_wait_for_all_of_anothers(calm: Deskmind, brain: Brain) -> None:
    brain.obeys = lambda request: Reply(text="done")
    busy, quiet = [await _desk(calm, name) for name in ("busy", "quiet")]
    for number in range(30):
        await _agent(busy).start(f"busy {number}")
    with pytest.raises(LimitExceededError) as refused:
        await _agent(busy).start("one too many")
    assert refused.value.details["retry_after"] > 0
    for number in range(3):
        await _agent(quiet).start(f"quiet {number}")
    await calm.jobs.drain()
    served = [request["messages"][-1]["content"] for request in brain.asked]
    places = [served.index(f"quiet {number}") for number in range(3)]
    assert len(served) == 33
    assert max(places) < 10  # in turn, with two at once
    first_come = [served.index(f"busy {number}") for number in range(30)]
    assert all(abs(place - sorted(first_come)[number]) <= 4 for number, place in enumerate(first_come))


async def test_what_failed_for_something_that_may_be_over_is_tried_again(
    calm: Deskmind, brain: Brain, sandbox: ModelSandbox
) -> None:
    brain.says("here I am")
    desk = await _desk(calm, "passing")
    run_id = await _agent(desk).start("Help.")
    job = {"tenant_id": str(desk.scope.tenant_id), "run_id": str(run_id)}
    sandbox.faults.add("server_error", times=1)
    with pytest.raises(ModelUnavailableError):  # so that the job is tried again
        await run_job(calm, calm.database, job)
    assert (await desk.agents.show(run_id)).run.remedy == "retry"
    await run_job(calm, calm.database, job)
    run = (await desk.agents.show(run_id)).run
    assert (run.state, run.output, run.problem) == ("done", "here I am", "")


async def test_a_run_that_is_held_is_tried_again_when_its_lease_is_over(calm: Deskmind) -> None:
    desk = await _desk(calm, "held")
    run_id = await _agent(desk).start("Help.")
    await Journal.take(calm.database, desk.scope, run_id, lease=300.0, emit=lambda event: None)
    with pytest.raises(ConflictError) as held:
        await run_job(calm, calm.database, {"tenant_id": str(desk.scope.tenant_id), "run_id": str(run_id)})
    assert 0 < held.value.details["retry_after"] <= 300
    operator = await calm.desk(tenant=desk.scope.tenant)
    assert [one for one in await operator.audit() if one.outcome == "denied"] == []


async def test_a_decision_is_not_lost_with_its_job(calm: Deskmind, brain: Brain) -> None:
    brain.says(wants("ask_person", question="Which?"), "thanks")
    desk = await _desk(calm, "lost")
    run_id = await _agent(desk).start("Help.")
    await calm.jobs.drain()
    (proposal,) = await desk.approvals.list()
    await desk.approvals.approve(proposal.proposal_id, answer="the blue one")
    await _forget_jobs(calm)
    await calm.jobs.drain()
    assert await _state(desk, run_id) == "waiting"
    await calm.background.recover_runs()
    await calm.jobs.drain()
    assert await _state(desk, run_id) == "done"
    await calm.background.recover_runs()
    assert (await calm.jobs.depth())["todo"] == 0


async def _state(desk: Desk, run_id: UUID) -> str:
    return (await desk.agents.show(run_id)).run.state
