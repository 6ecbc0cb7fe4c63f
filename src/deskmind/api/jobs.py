"""``/v1/jobs``: what works in the background for the tenant, and how far it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from deskmind.api.addresses import place
from deskmind.api.schemas import Problem
from deskmind.backlog import Job, JobState, Subject
from deskmind.desk import Desk

__all__ = ["add_jobs"]

_LARGEST = 2**63 - 1
JobId = Annotated[int, Path(ge=1, le=_LARGEST)]
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "no such job, or it is done"}
}
_PLACES = {
    "ingest": "ingests",
    "training": "triage/trainings",
    "erasure": "privacy/erasures",
    "connection": "connectors",
    "proposal": "approvals",
    "write": "writes",
    "webhook": "webhooks",
}
"""Where to see what a job works on; a run's place depends on its kind, which its job does not say."""


class SubjectBody(BaseModel):
    """What a job works on."""

    kind: str = Field(examples=["training"])
    id: UUID
    name: str = Field(description="of a connection")
    href: str = Field(
        description="where to see how far it is and what came of it",
        examples=["/v1/triage/trainings/6f1d7c52-3b0a-4c64-9d0e-2f6f3a1b8c11"],
    )

    @classmethod
    def of(cls, about: Subject, base: str) -> SubjectBody:
        """As the interface shows it."""
        where = _PLACES.get(about.kind, "")
        href = f"{base}/{where}/{quote(about.name or str(about.id), safe='')}" if where else ""
        return cls(kind=about.kind, id=about.id, name=about.name, href=href)


class ProgressBody(BaseModel):
    """How far it is."""

    done: int = Field(examples=[120])
    total: int = Field(examples=[500])
    unit: Literal["files", "stores", "kinds"]


class JobBody(BaseModel):
    """A unit of background work that is not done."""

    job_id: int = Field(examples=[4711])
    queue: str = Field(examples=["triage"])
    task: str = Field(examples=["triage.train"])
    state: JobState = Field(description="failed: tried as often as jobs are, and given up")
    attempts: int
    queued_at: datetime | None
    begun_at: datetime | None
    due_at: datetime | None = Field(description="before which no worker takes it")
    about: SubjectBody | None
    progress: ProgressBody | None = Field(description="null where it cannot be told")
    cancellable: bool

    @classmethod
    def of(cls, job: Job, base: str) -> JobBody:
        """As the interface shows it."""
        about = None if job.about is None else SubjectBody.of(job.about, base)
        return cls.model_validate({**job.as_dict(), "about": about})


class JobList(BaseModel):
    """One page, the newest first; ``next`` continues it."""

    jobs: list[JobBody]
    next: int | None = Field(description="give it as `before`; null on the last page")


def add_jobs(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["jobs"]

    @routes.get(
        "/jobs",
        operation_id="listJobs",
        tags=tags,
        summary="What works in the background for the tenant and is not done, newest first; for operators",
    )
    async def jobs(
        request: Request,
        desk: Desk = asker,
        state: JobState | None = None,
        task: Annotated[
            str | None, Query(min_length=1, max_length=128, description="such as knowledge.ingest")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[
            int | None, Query(ge=1, le=_LARGEST, description="`next` of the page before")
        ] = None,
    ) -> JobList:
        found = await desk.jobs.list(state=state, task=task, limit=limit, before=before)
        following = found[-1].job_id if len(found) == limit else None
        base = place(request)
        return JobList(jobs=[JobBody.of(one, base) for one in found], next=following)

    @routes.get(
        "/jobs/{job_id}",
        operation_id="getJob",
        tags=tags,
        responses=_UNKNOWN,
        summary="A job that is not done, and how far it is; for operators",
    )
    async def job(job_id: JobId, request: Request, desk: Desk = asker) -> JobBody:
        return JobBody.of(await desk.jobs.get(job_id), place(request))

    @routes.post(
        "/jobs/{job_id}/cancel",
        operation_id="cancelJob",
        tags=tags,
        status_code=204,
        responses={
            **_UNKNOWN,
            409: {"model": Problem, "description": "it has begun, or its kind cannot be cancelled"},
        },
        summary="Cancel a job that waits; for operators",
    )
    async def cancel(job_id: JobId, desk: Desk = asker) -> Response:
        await desk.jobs.cancel(job_id)
        return Response(status_code=204)
