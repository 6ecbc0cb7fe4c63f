"""Stored agents under ``/v1/agents``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from deskmind.agents.definitions import Case
from deskmind.agents.definitions.spec import AgentSpec
from deskmind.api.addresses import place
from deskmind.api.agents import RunBody
from deskmind.api.schemas import UUID_PATTERN, Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["add_stored_agents"]

_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such agent"}}
_TAGS: list[Any] = ["agents"]
LabelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,79}$")]
VersionNumber = Annotated[int, Field(ge=1)]


class AgentSummaryBody(BaseModel):
    """A stored agent in a list."""

    name: str
    description: str
    newest: int
    labels: dict[str, int]


class AgentList(BaseModel):
    """Stored agents, by name."""

    agents: list[AgentSummaryBody]


class AgentVersionBody(BaseModel):
    """One version; it never changes."""

    name: str
    version: int
    labels: list[str]
    content_hash: str
    note: str
    author: str
    created_at: datetime
    agent: dict[str, Any]


class AgentVersionList(BaseModel):
    """Versions, newest first."""

    versions: list[AgentVersionBody]


class DefineRequest(Body):
    """An agent to be kept."""

    agent: AgentSpec
    note: str = Field("", max_length=2000)


class PublishRequest(Body):
    """Which version is put to use."""

    version: VersionNumber | None = Field(None, description="default: the newest")
    label: LabelName = "production"


class TestRequest(Body):
    """Cases for a scripted model."""

    __test__ = False

    cases: list[Case] = Field(min_length=1, max_length=100)
    version: VersionNumber | None = Field(None, description="default: the newest")


class CaseBody(BaseModel):
    """A case and what was otherwise than expected."""

    name: str
    passed: bool
    problems: list[str]


class ReportBody(BaseModel):
    """A version under its cases."""

    agent: str
    version: int
    passed: bool
    cases: list[CaseBody]


class RunAgent(Body):
    """What is wanted of an agent."""

    prompt: str = Field(min_length=1, max_length=100_000)
    untrusted: str = Field("", max_length=100_000, description="text that others wrote")
    version: VersionNumber | None = Field(None, description="default: the label's")
    label: LabelName | None = Field(None, description="default: production")
    conversation: str = Field(
        "", pattern=f"^({UUID_PATTERN})?$", description="id of a conversation to go on with"
    )
    wait: bool = Field(False, description="run it here and answer when it is done, or waits for a person")


class StartedBody(BaseModel):
    """A run that was begun."""

    run_id: UUID
    run: RunBody | None = Field(description="where it was waited for")


def add_stored_agents(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_reading(routes, asker)
    _add_keeping(routes, asker)
    _add_running(routes, asker)


def _add_reading(routes: APIRouter, asker: Any) -> None:
    @routes.get("/agents", operation_id="listAgents", tags=_TAGS, summary="Stored agents, by name")
    async def agents(desk: Desk = asker) -> AgentList:
        found = await desk.stored_agents.list()
        return AgentList.model_validate({"agents": [one.as_dict() for one in found]})

    @routes.get(
        "/agents/{name}",
        operation_id="getAgent",
        tags=_TAGS,
        responses=_MISSING,
        summary="A version of an agent, the published one unless another is named",
    )
    async def agent(
        name: str,
        version: Annotated[int | None, Query(ge=1)] = None,
        label: Annotated[str | None, Query(max_length=80)] = None,
        desk: Desk = asker,
    ) -> AgentVersionBody:
        found = await desk.stored_agents.get(name, version=version, label=label)
        return AgentVersionBody.model_validate(found.as_dict())

    @routes.get(
        "/agents/{name}/versions",
        operation_id="listAgentVersions",
        tags=_TAGS,
        responses=_MISSING,
        summary="All versions of an agent, newest first",
    )
    async def versions(name: str, desk: Desk = asker) -> AgentVersionList:
        found = await desk.stored_agents.versions(name)
        return AgentVersionList.model_validate({"versions": [one.as_dict() for one in found]})


def _add_keeping(routes: APIRouter, asker: Any) -> None:
    @routes.post(
        "/agents",
        operation_id="defineAgent",
        tags=_TAGS,
        status_code=201,
        summary="Keep an agent as a new version",
    )
    async def define(body: DefineRequest, desk: Desk = asker) -> AgentVersionBody:
        saved = await desk.stored_agents.save(body.agent, note=body.note)
        return AgentVersionBody.model_validate(saved.as_dict())

    @routes.post(
        "/agents/{name}/publish",
        operation_id="publishAgent",
        tags=_TAGS,
        responses={**_MISSING, 409: {"model": Problem, "description": "somebody moved the label meanwhile"}},
        summary="Put a version to use",
    )
    async def publish(name: str, body: PublishRequest, desk: Desk = asker) -> AgentVersionBody:
        found = await desk.stored_agents.publish(name, body.version, label=body.label)
        return AgentVersionBody.model_validate(found.as_dict())


def _add_running(routes: APIRouter, asker: Any) -> None:
    @routes.post(
        "/agents/{name}/test",
        operation_id="testAgent",
        tags=_TAGS,
        responses=_MISSING,
        summary="Run cases with a scripted model; nothing is written outside",
    )
    async def test(name: str, body: TestRequest, desk: Desk = asker) -> ReportBody:
        report = await desk.stored_agents.test(name, body.cases, version=body.version)
        return ReportBody.model_validate(report.as_dict())

    @routes.post(
        "/agents/{name}/runs",
        operation_id="runAgent",
        tags=_TAGS,
        status_code=202,
        responses={
            **_MISSING,
            502: {"model": Problem, "description": "waited for, it did not come to its end"},
        },
        summary="Begin a run of a stored agent; a worker does it, unless it is waited for",
    )
    async def start(
        name: str, body: RunAgent, request: Request, response: Response, desk: Desk = asker
    ) -> StartedBody:
        begin = desk.stored_agents.run if body.wait else desk.stored_agents.start
        begun = await begin(
            name,
            body.prompt,
            untrusted=body.untrusted,
            version=body.version,
            label=body.label,
            conversation=body.conversation,
        )
        run_id = begun if isinstance(begun, UUID) else begun.run_id
        response.headers["Location"] = place(request, f"/agents/runs/{run_id}")
        run = None if isinstance(begun, UUID) else RunBody.model_validate(begun.as_dict())
        return StartedBody(run_id=run_id, run=run)
