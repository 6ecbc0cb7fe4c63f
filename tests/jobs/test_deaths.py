"""Jobs whose workers die."""

from __future__ import annotations

from collections.abc import Mapping

from tests.jobs.conftest import Work, pauses_of, rows_of, tell_the_queue

from deskmind.app import Deskmind
from deskmind.errors import ConflictError
from deskmind.jobs.retrying import ATTEMPTS
from deskmind.scope import Scope
from deskmind.triage.trainings import TRAINING_TASK

_DIED = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL, scheduled_at = NULL WHERE task_name = '{}'"
"""What is left when a worker is killed and struck off."""


async def _dies(app: Deskmind, task: str) -> None:
    """A worker takes it and is killed; another one looks."""
    await tell_the_queue(app, _DIED.format(task))
    await app.jobs.depth()  # opens the connections
    await app.jobs._take_over()


async def _died_often(app: Deskmind, task: str) -> None:
    await tell_the_queue(
        app, f"UPDATE procrastinate_jobs SET attempts = {ATTEMPTS} WHERE task_name = '{task}'"
    )


async def test_what_kills_its_workers_is_given_up(own_app: Deskmind, scope: Scope) -> None:
    """At first it is put back at once: a machine that is restarted is no fault of it."""
    work = Work(own_app)
    await work.queue(scope, own_app)
    for death in range(ATTEMPTS):
        await _dies(own_app, work.task)
        assert await rows_of(own_app, work) == [("todo", death + 1)]
        assert await pauses_of(own_app, work) == [death > 0]
    await _dies(own_app, work.task)
    assert await rows_of(own_app, work) == [("failed", ATTEMPTS + 1)]
    assert (await own_app.jobs.depth())["failed"] == 1
    await tell_the_queue(own_app, f"DELETE FROM procrastinate_jobs WHERE task_name = '{work.task}'")


async def test_what_was_given_up_is_said_once_it_may_be(own_app: Deskmind, scope: Scope) -> None:
    told: list[Mapping[str, str]] = []
    answers: list[Exception] = [ConflictError("It is held."), ZeroDivisionError()]

    async def given_up(arguments: Mapping[str, str]) -> None:
        told.append(arguments)
        raise answers.pop(0)

    work = Work(own_app, given_up)
    await work.queue(scope, own_app)
    await _died_often(own_app, work.task)
    await _dies(own_app, work.task)
    assert await rows_of(own_app, work) == [("doing", ATTEMPTS)]
    await _dies(own_app, work.task)  # an error there does not keep what waits for it
    assert await rows_of(own_app, work) == [("failed", ATTEMPTS + 1)]
    assert [arguments["tenant_id"] for arguments in told] == [str(scope.tenant_id)] * 2
    await tell_the_queue(own_app, f"DELETE FROM procrastinate_jobs WHERE task_name = '{work.task}'")


async def test_a_training_that_kills_its_workers_has_failed(own_app: Deskmind, scope: Scope) -> None:
    desk = await own_app.desk(tenant=scope.tenant)
    asked = await desk.triage.retrain(embed=False)
    await _died_often(own_app, TRAINING_TASK)
    await _dies(own_app, TRAINING_TASK)
    found = await desk.triage.training(asked.training_id)
    assert (found.state, found.problem.partition(":")[0]) == ("failed", "worker-died")
    await tell_the_queue(own_app, f"DELETE FROM procrastinate_jobs WHERE task_name = '{TRAINING_TASK}'")
