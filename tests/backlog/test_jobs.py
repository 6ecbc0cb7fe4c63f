"""What works in the background, for the operators of its tenant and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from psycopg import errors as pg

from deskmind.app import Deskmind
from deskmind.backlog import Job
from deskmind.desk import Desk
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.knowledge.ingest.staging import StagedFile, Stager
from deskmind.scope import EVERYONE


async def _staged(operator: Desk, *names: str) -> Job:
    """The job of an upload that no worker has begun."""
    stager = Stager(operator.database, operator.scope, pipeline="test")
    files = [StagedFile(name, name, name, b"# Fee\n\nThe parking fee is 40 euros.") for name in names]
    await stager.stage(files, source="uploads", acl=[[EVERYONE]])
    (job, *_) = await operator.jobs.list(task="knowledge.ingest")
    return job


async def test_jobs_are_listed_newest_first_with_what_they_are_about(operator: Desk) -> None:
    training = await operator.triage.retrain(embed=False)
    await operator.principals.add_user("leaver")
    erasure = await operator.privacy.request_erasure("leaver")
    newest, oldest = await operator.jobs.list()
    assert (newest.task, oldest.task) == ("privacy.erase", "triage.train")
    assert (newest.state, oldest.state, oldest.attempts) == ("waiting", "waiting", 0)
    assert newest.about is not None
    assert (newest.about.kind, newest.about.id) == ("erasure", erasure.erasure_id)
    assert newest.progress is not None
    assert (newest.progress.done, newest.progress.unit) == (0, "stores")
    assert newest.progress.total > 5
    assert oldest.about is not None
    assert (oldest.about.kind, oldest.about.id) == ("training", training.training_id)
    assert oldest.queued_at is not None

    assert await operator.jobs.list(limit=1) == [newest]
    assert await operator.jobs.list(limit=1, before=newest.job_id) == [oldest]
    assert await operator.jobs.list(before=oldest.job_id) == []
    assert await operator.jobs.list(task="triage.train") == [oldest]
    assert await operator.jobs.list(state="running") == []
    assert await operator.jobs.get(oldest.job_id) == oldest
    assert "tenant_id" not in newest.as_dict()
    await operator.jobs.cancel(oldest.job_id)


async def test_a_training_that_is_cancelled_has_failed_and_another_can_be_asked_for(operator: Desk) -> None:
    asked = await operator.triage.retrain(embed=False)
    (job,) = await operator.jobs.list()
    assert job.cancellable
    await operator.jobs.cancel(job.job_id)
    found = await operator.triage.training(asked.training_id)
    assert (found.state, "cancelled" in found.problem) == ("failed", True)
    assert await operator.jobs.list() == []
    with pytest.raises(NotFoundError):
        await operator.jobs.cancel(job.job_id)
    again = await operator.triage.retrain(embed=False)
    assert (again.training_id != asked.training_id, again.state) == (True, "waiting")
    (job,) = await operator.jobs.list()
    await operator.jobs.cancel(job.job_id)
    events = [event for event in await operator.audit() if event.action == "jobs.cancel"]
    assert [event.details["task"] for event in events] == ["triage.train"] * 2


async def test_an_upload_that_is_cancelled_leaves_no_content(operator: Desk) -> None:
    job = await _staged(operator, "a.md", "b.md")
    assert job.progress is not None
    assert (job.progress.done, job.progress.total, job.progress.unit) == (0, 2, "files")
    await operator.jobs.cancel(job.job_id)
    assert job.about is not None
    report = await operator.knowledge.ingest_report(job.about.id)
    assert report is not None
    assert (report.state, report.count("failed"), report.count("pending")) == ("done", 2, 0)
    assert report.failures[0].problem is not None
    assert report.failures[0].problem["remedy"] == "Send the file again."
    async with operator.database.transaction(operator.scope) as connection:
        cursor = await connection.execute("SELECT count(*) FROM ingest_files WHERE content IS NOT NULL")
        assert await cursor.fetchone() == (0,)


async def test_what_has_begun_cannot_be_cancelled(operator: Desk, app: Deskmind) -> None:
    job = await _staged(operator, "a.md")
    async with operator.database.transaction(operator.scope) as connection:
        await connection.execute("SELECT lock_knowledge()")  # which whoever stores documents waits for
        working = asyncio.create_task(app.jobs.drain())
        while (found := await operator.jobs.get(job.job_id)).state != "running":
            await asyncio.sleep(0.01)
        assert (found.cancellable, found.begun_at is not None) == (False, True)
        with pytest.raises(ConflictError, match="does not wait"):
            await operator.jobs.cancel(job.job_id)
    await working
    with pytest.raises(NotFoundError):
        await operator.jobs.get(job.job_id)
    assert job.about is not None
    report = await operator.knowledge.ingest_report(job.about.id)
    assert report is not None
    assert report.count("stored") == 1


async def test_what_would_be_queued_again_says_what_to_do_instead(operator: Desk) -> None:
    await operator.principals.add_user("leaver")
    await operator.privacy.request_erasure("leaver")
    (job,) = await operator.jobs.list()
    assert not job.cancellable
    with pytest.raises(ConflictError) as raised:
        await operator.jobs.cancel(job.job_id)
    assert "legal hold" in raised.value.remedy
    assert [one.job_id for one in await operator.jobs.list()] == [job.job_id]


async def test_another_tenants_jobs_do_not_exist(
    operator: Desk, app: Deskmind, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    job = await _staged(operator, "a.md")
    stranger = await app.desk(tenant=await new_tenant())
    assert await stranger.jobs.list() == []
    for act in (stranger.jobs.get(job.job_id), stranger.jobs.cancel(job.job_id)):
        with pytest.raises(NotFoundError):
            await act
    await operator.jobs.cancel(job.job_id)


async def test_only_operators_see_jobs_also_in_sql(operator: Desk, app: Deskmind) -> None:
    job = await _staged(operator, "a.md")
    await operator.principals.add_user("tech")
    await operator.access.grant("technician", user="tech")
    tech = await app.desk(tenant=operator.scope.tenant, user="tech")
    for act in (tech.jobs.list(), tech.jobs.get(job.job_id), tech.jobs.cancel(job.job_id)):
        with pytest.raises(PermissionDeniedError):
            await act
    async with tech.database.transaction(tech.scope) as connection:
        cursor = await connection.execute("SELECT * FROM tenant_jobs(NULL, NULL, NULL, NULL, 10)")
        assert await cursor.fetchall() == []
    with pytest.raises(pg.InsufficientPrivilege):
        async with tech.database.transaction(tech.scope) as connection:
            await connection.execute("SELECT cancel_job(%s)", (job.job_id,))
    await operator.jobs.cancel(job.job_id)


async def test_a_state_that_there_is_not_is_refused(operator: Desk) -> None:
    with pytest.raises(InvalidRequestError, match="no state 'done'"):
        await operator.jobs.list(state="done")  # type: ignore[arg-type]
