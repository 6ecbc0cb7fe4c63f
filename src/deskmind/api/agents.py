"""Runs of agents under ``/v1/agents/runs``, and what they propose under ``/v1/approvals``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from deskmind.api.cursors import After, Before, Next, next_of, place_of
from deskmind.api.schemas import Amount, Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["RunBody", "add_agents", "add_approvals"]

_ToolName = Annotated[str, Path(pattern=r"^(\*|[A-Za-z0-9_-]{1,64})$", description="`*` is all of them")]
_SEEN = "that was looked at: 409 when somebody has changed the values since"

RunState = Literal["queued", "running", "waiting", "done", "failed", "cancelled"]


class RunBody(BaseModel):
    """A run of an agent."""

    run_id: UUID
    agent: str
    state: RunState
    output: Any = Field(description="null until it is done")
    problem: str = Field(description="code of the error that ended it")
    remedy: str
    tainted: bool = Field(description="whether it has read texts that others wrote")
    steps: int
    tool_calls: int
    tokens: int
    cost: Amount = Field(description="US dollars")
    seconds: float
    started_at: datetime
    ended_at: datetime | None


class RunList(BaseModel):
    """Runs, newest first."""

    runs: list[RunBody]
    next: Next


class StepBody(BaseModel):
    """A row of the transcript."""

    kind: Literal["request", "response", "result"]
    tool: str
    outcome: str
    text: str
    at: datetime


class EffectBody(BaseModel):
    """A write."""

    tool: str
    state: Literal["claimed", "applied", "absent", "unknown"]


class RunDetailsBody(BaseModel):
    """A run with its transcript and its writes."""

    run: RunBody
    prompt: str
    steps: list[StepBody]
    effects: list[EffectBody]


class ChangeBody(BaseModel):
    """One field, now and as proposed."""

    field: str
    before: Any
    after: Any


class EditBody(BaseModel):
    """What an approver changed."""

    by: UUID
    at: datetime
    before: dict[str, Any]
    after: dict[str, Any]


class ProposalBody(BaseModel):
    """A write, or a question, that waits for a person."""

    proposal_id: UUID
    run_id: UUID
    agent: str
    tool: str
    kind: Literal["write", "question"]
    arguments: dict[str, Any]
    changes: list[ChangeBody]
    reason: str = Field(description="why a person is asked")
    needed: int
    approvals: int
    state: Literal["open", "approved", "rejected", "expired", "withdrawn"]
    answer: str
    made_at: datetime
    expires_at: datetime
    revision: int = Field(description="how often an approver has changed the values")
    edits: list[EditBody]
    escalated_at: datetime | None = Field(description="when it was announced again")


class ProposalList(BaseModel):
    """Proposals, the oldest first."""

    proposals: list[ProposalBody]
    next: str | None = Field(description="give it as `after` for the next page; null on the last one")


class ApproveRequest(Body):
    """Letting it pass."""

    answer: str = Field("", max_length=4000, description="to a question; to a write, a note")
    revision: int | None = Field(None, ge=0, description=_SEEN)


class RejectRequest(Body):
    """Forbidding it."""

    reason: str = Field("", max_length=4000, description="told to the agent")
    lasting: bool = Field(False, description="refuse the same call to every agent from now on")
    revision: int | None = Field(None, ge=0, description=_SEEN)


class EditRequest(Body):
    """Changing what is proposed, and approving that."""

    values: dict[str, Any] = Field(description="by the names of the tool's parameters", min_length=1)
    reason: str = Field("", max_length=4000, description="a note")


class BlockBody(BaseModel):
    """What is forbidden beyond one run."""

    kind: Literal["call", "agent"]
    subject: str
    tool: str
    agent: str
    reason: str
    at: datetime
    until: datetime | None = Field(description="null is for good")


class BlockList(BaseModel):
    """Blocks, the newest first."""

    blocks: list[BlockBody]


class StopRequest(Body):
    """Why a tool is stopped."""

    reason: str = Field("", max_length=500, description="told to whoever is refused it")


class StoppedBody(BaseModel):
    """A tool that is stopped."""

    tool: str = Field(description="`*` is all of them")
    reason: str


class StoppedList(BaseModel):
    """Stopped tools, by name."""

    stopped: list[StoppedBody]


def add_agents(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_runs(routes, asker)
    _add_blocks(routes, asker)
    _add_switches(routes, asker)


def _add_runs(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["agents"]
    missing: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such run"}}

    @routes.get("/agents/runs", operation_id="listAgentRuns", tags=tags, summary="Runs, newest first")
    async def runs(
        state: RunState | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Before = None,
        desk: Desk = asker,
    ) -> RunList:
        found = await desk.agents.list(state=state, limit=limit, before=place_of(before))
        return RunList.model_validate(
            {"runs": [one.as_dict() for one in found], "next": next_of(found, limit)}
        )

    @routes.get(
        "/agents/runs/{run_id}",
        operation_id="getAgentRun",
        tags=tags,
        responses=missing,
        summary="A run with its transcript and its writes",
    )
    async def run(run_id: UUID, desk: Desk = asker) -> RunDetailsBody:
        return RunDetailsBody.model_validate((await desk.agents.show(run_id)).as_dict())

    @routes.post(
        "/agents/runs/{run_id}/cancel",
        operation_id="cancelAgentRun",
        tags=tags,
        status_code=204,
        responses={**missing, 409: {"model": Problem, "description": "it has ended"}},
        summary="End a run: nothing more is begun",
    )
    async def cancel(run_id: UUID, desk: Desk = asker) -> None:
        await desk.agents.cancel(run_id)


def _add_blocks(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["agents"]

    @routes.get(
        "/agents/blocks",
        operation_id="listAgentBlocks",
        tags=tags,
        summary="What agents may not do beyond one run, the newest first",
    )
    async def blocks(desk: Desk = asker) -> BlockList:
        return BlockList.model_validate({"blocks": [one.as_dict() for one in await desk.agents.blocks()]})

    @routes.delete(
        "/agents/blocks/{subject}",
        operation_id="liftAgentBlock",
        tags=tags,
        status_code=204,
        responses={404: {"model": Problem, "description": "no such block"}},
        summary="Lift a block; for admins",
    )
    async def lift(subject: str, desk: Desk = asker) -> None:
        await desk.agents.lift(subject)


def _add_switches(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["agents"]

    @routes.get(
        "/agents/stopped",
        operation_id="listStoppedTools",
        tags=tags,
        summary="The tools that agents may not call now, and why",
    )
    async def stopped(desk: Desk = asker) -> StoppedList:
        found = await desk.agents.stopped_tools()
        return StoppedList(stopped=[StoppedBody(tool=tool, reason=reason) for tool, reason in found.items()])

    @routes.put(
        "/agents/stopped/{tool}",
        operation_id="stopTool",
        tags=tags,
        status_code=204,
        summary="Stop a tool, or with * all of them, for the tenant's agents from their next call on; for admins",
    )
    async def stop(tool: _ToolName, body: StopRequest, desk: Desk = asker) -> None:
        await desk.agents.stop_tool(tool, reason=body.reason)

    @routes.delete(
        "/agents/stopped/{tool}",
        operation_id="allowTool",
        tags=tags,
        status_code=204,
        summary="Allow what was stopped; for admins",
    )
    async def allow(tool: _ToolName, desk: Desk = asker) -> None:
        await desk.agents.allow_tool(tool)


def add_approvals(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["approvals"]
    missing: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such proposal"}}
    decided: dict[int | str, dict[str, Any]] = {
        **missing,
        409: {"model": Problem, "description": "it is decided or expired"},
    }

    @routes.get(
        "/approvals",
        operation_id="listApprovals",
        tags=tags,
        summary="What waits for a person, the oldest first; for technicians",
    )
    async def proposals(
        waiting: Annotated[bool, Query(description="false adds what is decided")] = True,
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
        after: After = None,
        desk: Desk = asker,
    ) -> ProposalList:
        found = await desk.approvals.list(waiting=waiting, limit=limit, after=place_of(after))
        return ProposalList.model_validate(
            {"proposals": [one.as_dict() for one in found], "next": next_of(found, limit)}
        )

    @routes.get(
        "/approvals/{proposal_id}",
        operation_id="getApproval",
        tags=tags,
        responses=missing,
        summary="A proposal with its difference",
    )
    async def proposal(proposal_id: UUID, desk: Desk = asker) -> ProposalBody:
        return ProposalBody.model_validate((await desk.approvals.show(proposal_id)).as_dict())

    @routes.post(
        "/approvals/{proposal_id}/approve",
        operation_id="approve",
        tags=tags,
        responses=decided,
        summary="Let a proposal pass, or answer a question; never one of one's own run",
    )
    async def approve(proposal_id: UUID, body: ApproveRequest, desk: Desk = asker) -> ProposalBody:
        found = await desk.approvals.approve(proposal_id, answer=body.answer, revision=body.revision)
        return ProposalBody.model_validate(found.as_dict())

    @routes.post(
        "/approvals/{proposal_id}/reject",
        operation_id="reject",
        tags=tags,
        responses=decided,
        summary="Forbid a proposal; the run goes on and is told",
    )
    async def reject(proposal_id: UUID, body: RejectRequest, desk: Desk = asker) -> ProposalBody:
        found = await desk.approvals.reject(
            proposal_id, reason=body.reason, lasting=body.lasting, revision=body.revision
        )
        return ProposalBody.model_validate(found.as_dict())

    @routes.post(
        "/approvals/{proposal_id}/edit",
        operation_id="editApproval",
        tags=tags,
        responses=decided,
        summary="Change what is proposed and approve that; never of one's own run",
    )
    async def edit(proposal_id: UUID, body: EditRequest, desk: Desk = asker) -> ProposalBody:
        found = await desk.approvals.edit(proposal_id, body.values, reason=body.reason)
        return ProposalBody.model_validate(found.as_dict())
