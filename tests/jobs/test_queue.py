"""Draining to the end, and whose jobs are taken over."""

from __future__ import annotations

import asyncio
import logging

import pytest
from procrastinate.jobs import Job
from tests.jobs.conftest import Work, row_of, tell_the_queue

from deskmind.app import Deskmind
from deskmind.errors import ConflictError
from deskmind.jobs.retrying import Retrying
from deskmind.scope import Scope

_DEAD = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
_STRUCK_OFF = "DELETE FROM procrastinate_workers"


async def test_what_a_running_job_queues_is_drained_too(
    own_app: Deskmind, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when it does so after the worker has found nothing more and only waits for it."""
    first, second = Work(own_app), Work(own_app)
    second.go_on.set()
    first.then = lambda: second.queue(scope, own_app)
    await first.queue(scope, own_app)
    with caplog.at_level(logging.INFO, "procrastinate"):
        draining = asyncio.create_task(own_app.jobs.drain())
        async with asyncio.timeout(60):
            while not any(getattr(one, "action", "") == "stop_worker" for one in caplog.records):
                await asyncio.sleep(0.01)
        assert (first.begun, second.begun) == (1, 0)
        first.go_on.set()
        await asyncio.wait_for(draining, 60)
    assert second.begun == 1


async def test_a_drain_ends_while_others_are_at_work(
    own_app: Deskmind, other: Deskmind, scope: Scope
) -> None:
    work = Work(own_app)
    await work.queue(scope, own_app)
    draining = asyncio.create_task(own_app.jobs.drain())
    await asyncio.wait_for(work.at_work.wait(), 60)
    await asyncio.wait_for(other.jobs.drain(), 60)
    assert not draining.done()
    work.go_on.set()
    await asyncio.wait_for(draining, 60)
    assert work.begun == 1


@pytest.mark.parametrize("told", [(_DEAD,), (_DEAD, _STRUCK_OFF)], ids=["late", "struck off"])
async def test_a_process_never_takes_over_its_own_job(
    own_app: Deskmind, scope: Scope, told: tuple[str, ...]
) -> None:
    """Its event loop was late, so that its worker gave no sign of life, or was even struck off by another's."""
    work = Work(own_app)
    await work.queue(scope, own_app)
    draining = asyncio.create_task(own_app.jobs.drain())
    await asyncio.wait_for(work.at_work.wait(), 60)
    await tell_the_queue(own_app, *told)
    await asyncio.wait_for(own_app.jobs.drain(), 60)
    assert work.begun == 1
    work.go_on.set()
    await asyncio.wait_for(draining, 60)
    assert work.begun == 1


async def test_another_process_takes_it_over(own_app: Deskmind, other: Deskmind, scope: Scope) -> None:
    work, again = Work(own_app), Work(other)
    other.jobs.register(work.task, "test", again.run)
    again.go_on.set()
    await work.queue(scope, own_app)
    draining = asyncio.create_task(own_app.jobs.drain())
    await asyncio.wait_for(work.at_work.wait(), 60)
    await tell_the_queue(own_app, _DEAD)
    await asyncio.wait_for(other.jobs.drain(), 60)
    assert again.begun == 1
    work.go_on.set()
    await asyncio.wait_for(draining, 60)


async def test_who_looked_too_early_puts_nothing_back(
    own_app: Deskmind, other: Deskmind, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look and its act another has put the job back, and a third is at work on it."""
    work = Work(own_app)
    await work.queue(scope, own_app)
    draining = asyncio.create_task(own_app.jobs.drain())
    await asyncio.wait_for(work.at_work.wait(), 60)
    job_id, worker_id, _ = await row_of(own_app, work)
    looked = {"queue": "test", "task_name": work.task, "lock": None, "queueing_lock": None}
    seen = Job(id=job_id, worker_id=worker_id - 1, **looked)

    async def stalled(*_: object, **__: object) -> list[Job]:
        return [seen]

    monkeypatch.setattr("procrastinate.manager.JobManager.get_stalled_jobs", stalled)
    await asyncio.wait_for(other.jobs.drain(), 60)
    assert await row_of(own_app, work) == (job_id, worker_id, "doing")
    work.go_on.set()
    await asyncio.wait_for(draining, 60)


def _job(attempts: int) -> Job:
    return Job(id=1, queue="test", task_name="t", lock=None, queueing_lock=None, attempts=attempts)


def test_a_job_comes_back_sooner_where_the_error_says_so() -> None:
    def at(error: Exception, attempts: int = 1) -> float | None:
        decision = Retrying().get_retry_decision(exception=error, job=_job(attempts))
        return None if decision is None or decision.retry_at is None else decision.retry_at.timestamp()

    plain = at(ConflictError("It is held."))
    sooner, later = (at(ConflictError("It is held.", retry_after=after)) for after in (0.0, 900.0))
    assert plain is not None
    assert sooner is not None
    assert later is not None
    assert sooner < plain
    assert later < plain + 600
    assert at(ConflictError("It is held.", retry_after=0.0), attempts=5) is None
