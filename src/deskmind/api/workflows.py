"""Workflows and their schedules under ``/v1/workflows``, their runs under ``/v1/runs``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from deskmind.api.addresses import place
from deskmind.api.cursors import Before, Next, next_of, place_of
from deskmind.api.events import Sent, described_events, event_stream
from deskmind.api.limits.admission import listens
from deskmind.api.schemas import Amount, Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

if TYPE_CHECKING:
    from deskmind.agents.workflows import RunEvent

__all__ = ["add_workflows"]

_State = Literal["queued", "running", "waiting", "paused", "done", "failed", "cancelled"]
_Trigger = Literal["time", "ticket.created", "ticket.updated", "sla.at_risk", "webhook"]


class WorkflowBody(BaseModel):
    """A workflow that can be run."""

    name: str
    version: int
    description: str
    input: dict[str, Any] = Field(description="JSON schema")


class WorkflowList(BaseModel):
    """Workflows, by name."""

    workflows: list[WorkflowBody]


class StartWorkflow(Body):
    """A run to be begun."""

    input: dict[str, Any] = Field(default_factory=dict)
    untrusted: bool = Field(False, description="whether others wrote the input")


class RunIdBody(BaseModel):
    """A new run."""

    run_id: UUID


class WorkflowRunBody(BaseModel):
    """A run of a workflow."""

    run_id: UUID
    workflow: str
    version: int
    state: _State
    input: dict[str, Any]
    output: Any = Field(description="null until it is done")
    problem: str = Field(description="code of the error that ended it")
    tainted: bool = Field(description="whether it has read texts that others wrote")
    parent_id: UUID | None = Field(description="the run whose step it is")
    forked_from: UUID | None
    wake_at: datetime | None = Field(description="when it goes on, where it waits for a time")
    tokens: int
    cost: Amount = Field(description="US dollars")
    started_at: datetime
    ended_at: datetime | None


class WorkflowRunList(BaseModel):
    """Runs, newest first."""

    runs: list[WorkflowRunBody]
    next: Next


class WorkflowStepBody(BaseModel):
    """A step."""

    path: str
    name: str
    kind: Literal["step", "tool", "agent", "workflow", "sleep", "undo"]
    state: Literal["running", "done", "failed"]
    attempts: int
    child_id: UUID | None = Field(description="the run that it is")
    value: Any
    problem: str
    reason: str
    began_at: datetime
    ended_at: datetime | None


class WorkflowRunDetailsBody(BaseModel):
    """A run with its steps."""

    run: WorkflowRunBody
    steps: list[WorkflowStepBody]


class ForkRequest(Body):
    """From where on to do a run anew."""

    step: int = Field(ge=1, description="the first step to be done anew")


class ReplayBody(BaseModel):
    """What a replay came to."""

    steps: int
    complete: bool
    output: Any


class ScheduleRequest(Body):
    """What is to begin a workflow: times, or an event of a connected system."""

    name: str = Field(max_length=63)
    workflow: str = Field(max_length=63)
    input: dict[str, Any] = Field(default_factory=dict)
    cron: str = Field("", max_length=200, description="five fields")
    zone: str = Field("UTC", max_length=100)
    on: Literal["ticket.created", "ticket.updated", "sla.at_risk", "webhook"] | None = None
    connection: str = Field("", max_length=63)
    minutes: int = Field(60, ge=1, le=10_080)


class ScheduleBody(BaseModel):
    """What begins a workflow."""

    schedule_id: UUID
    name: str
    workflow: str
    input: dict[str, Any]
    event: _Trigger
    cron: str
    zone: str
    connection: str | None
    minutes: int
    enabled: bool
    next_at: datetime | None
    problem: str
    created_at: datetime


class ScheduleList(BaseModel):
    """Schedules, by name."""

    schedules: list[ScheduleBody]


_NO_RUN: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such run"}}
_ENDED: dict[int | str, dict[str, Any]] = {
    **_NO_RUN,
    409: {"model": Problem, "description": "its state does not allow it"},
}


def add_workflows(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_schedules(routes, asker)
    _add_catalogue(routes, asker)
    _add_reading(routes, asker)
    _add_steering(routes, asker)


def _add_catalogue(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["workflows"]

    @routes.get("/workflows", operation_id="listWorkflows", tags=tags, summary="Workflows that can be run")
    async def workflows(desk: Desk = asker) -> WorkflowList:
        found = await desk.workflows.all()
        return WorkflowList.model_validate({"workflows": [one.as_dict() for one in found]})

    @routes.post(
        "/workflows/{name}/runs",
        operation_id="startWorkflow",
        tags=tags,
        status_code=202,
        responses={404: {"model": Problem, "description": "no such workflow"}},
        summary="Have a worker run a workflow",
    )
    async def start(
        name: str, body: StartWorkflow, request: Request, response: Response, desk: Desk = asker
    ) -> RunIdBody:
        run_id = await desk.workflows.start(name, body.input, untrusted=body.untrusted)
        response.headers["Location"] = place(request, f"/runs/{run_id}")
        return RunIdBody(run_id=run_id)


def _add_schedules(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["workflows"]
    missing: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such schedule"}}

    @routes.get(
        "/workflows/schedules",
        operation_id="listSchedules",
        tags=tags,
        summary="What begins workflows by itself; for operators",
    )
    async def schedules(desk: Desk = asker) -> ScheduleList:
        found = await desk.schedules.all()
        return ScheduleList.model_validate({"schedules": [one.as_dict() for one in found]})

    @routes.post(
        "/workflows/schedules",
        operation_id="addSchedule",
        tags=tags,
        status_code=201,
        responses={
            404: {"model": Problem, "description": "no such workflow or connection"},
            409: {"model": Problem, "description": "the name is taken"},
        },
        summary="Have a workflow begin at times or on events",
    )
    async def add(body: ScheduleRequest, desk: Desk = asker) -> ScheduleBody:
        found = await desk.schedules.add(
            body.name,
            body.workflow,
            body.input,
            cron=body.cron,
            zone=body.zone,
            on=body.on,
            connection=body.connection,
            minutes=body.minutes,
        )
        return ScheduleBody.model_validate(found.as_dict())

    @routes.delete(
        "/workflows/schedules/{name}",
        operation_id="removeSchedule",
        tags=tags,
        status_code=204,
        responses=missing,
        summary="Remove a schedule; its runs stay",
    )
    async def remove(name: str, desk: Desk = asker) -> None:
        await desk.schedules.remove(name)

    @routes.post(
        "/workflows/schedules/{name}/enable",
        operation_id="enableSchedule",
        tags=tags,
        status_code=204,
        responses=missing,
        summary="Let a schedule begin runs again; what was due meanwhile is passed over",
    )
    async def enable(name: str, desk: Desk = asker) -> None:
        await desk.schedules.enable(name)

    @routes.post(
        "/workflows/schedules/{name}/disable",
        operation_id="disableSchedule",
        tags=tags,
        status_code=204,
        responses=missing,
        summary="Have a schedule begin nothing",
    )
    async def disable(name: str, desk: Desk = asker) -> None:
        await desk.schedules.enable(name, enabled=False)


def _add_reading(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["workflows"]

    @routes.get("/runs", operation_id="listRuns", tags=tags, summary="Runs of workflows, newest first")
    async def runs(
        workflow: Annotated[str | None, Query(max_length=63)] = None,
        state: _State | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Before = None,
        desk: Desk = asker,
    ) -> WorkflowRunList:
        found = await desk.workflows.runs(
            workflow=workflow, state=state, limit=limit, before=place_of(before)
        )
        return WorkflowRunList.model_validate(
            {"runs": [one.as_dict() for one in found], "next": next_of(found, limit)}
        )

    @routes.get(
        "/runs/{run_id}",
        operation_id="getRun",
        tags=tags,
        responses=_NO_RUN,
        summary="A run with its steps",
    )
    async def run(run_id: UUID, desk: Desk = asker) -> WorkflowRunDetailsBody:
        return WorkflowRunDetailsBody.model_validate((await desk.workflows.show(run_id)).as_dict())

    @routes.get(
        "/runs/{run_id}/events",
        operation_id="followRun",
        tags=tags,
        response_class=StreamingResponse,
        responses={
            **_NO_RUN,
            **described_events(step=WorkflowStepBody, run=WorkflowRunBody),
        },
        summary="What happened in a run and what happens, as server-sent events until it has ended",
    )
    async def events(
        run_id: UUID,
        request: Request,
        desk: Desk = asker,
        last_event_id: Annotated[
            str | None, Header(max_length=100_000, description="go on after the event of this id")
        ] = None,
    ) -> Response:
        listens(request.scope, desk)
        found = desk.workflows.events(run_id, after=last_event_id or "")
        return await event_stream(_told(found), request.receive)


def _add_steering(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["workflows"]

    @routes.post(
        "/runs/{run_id}/pause",
        operation_id="pauseRun",
        tags=tags,
        status_code=204,
        responses=_ENDED,
        summary="Begin no further step",
    )
    async def pause(run_id: UUID, desk: Desk = asker) -> None:
        await desk.workflows.pause(run_id)

    @routes.post(
        "/runs/{run_id}/resume",
        operation_id="resumeRun",
        tags=tags,
        status_code=204,
        responses=_ENDED,
        summary="Have a worker go on with a paused run",
    )
    async def resume(run_id: UUID, desk: Desk = asker) -> None:
        await desk.workflows.unpause(run_id)

    @routes.post(
        "/runs/{run_id}/cancel",
        operation_id="cancelRun",
        tags=tags,
        status_code=204,
        responses=_ENDED,
        summary="End a run and those below it",
    )
    async def cancel(run_id: UUID, desk: Desk = asker, undo: bool = False) -> None:
        await desk.workflows.cancel(run_id, undo=undo)

    @routes.post(
        "/runs/{run_id}/fork",
        operation_id="forkRun",
        tags=tags,
        status_code=202,
        responses=_NO_RUN,
        summary="Do a run anew from a step on, as a new run",
    )
    async def fork(
        run_id: UUID, body: ForkRequest, request: Request, response: Response, desk: Desk = asker
    ) -> RunIdBody:
        forked = await desk.workflows.fork(run_id, body.step)
        response.headers["Location"] = place(request, f"/runs/{forked}")
        return RunIdBody(run_id=forked)

    @routes.post(
        "/runs/{run_id}/replay",
        operation_id="replayRun",
        tags=tags,
        responses=_ENDED,
        summary="Whether the workflow still does the recorded steps; nothing is done",
    )
    async def replay(
        run_id: UUID,
        version: Annotated[
            int | None, Query(ge=1, le=2**31 - 1, description="of the workflow, instead of the run's")
        ] = None,
        desk: Desk = asker,
    ) -> ReplayBody:
        found = await desk.workflows.replay(run_id, version=version)
        return ReplayBody(steps=found.steps, complete=found.complete, output=found.output)


async def _told(events: AsyncIterator[RunEvent]) -> AsyncIterator[Sent]:
    """``step`` and ``run`` events."""
    async for event in events:
        name, shown = ("run", event.run.as_dict()) if event.step is None else ("step", event.step.as_dict())
        yield Sent(name, event.place, shown)
