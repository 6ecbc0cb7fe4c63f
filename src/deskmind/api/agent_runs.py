"""Running agents that are not stored, and going on with runs, under ``/v1/agents/runs``."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from deskmind.agents import Limits
from deskmind.api.addresses import place
from deskmind.api.agents import RunBody
from deskmind.api.schemas import Problem
from deskmind.api.stored_agents import StartedBody
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["add_agent_runs"]

_TAGS: list[Any] = ["agents"]
_FAILED: dict[int | str, dict[str, Any]] = {
    502: {"model": Problem, "description": "waited for, it did not come to its end"}
}


class AgentRunRequest(Body):
    """An agent as it is described here, and what is wanted of it."""

    prompt: str = Field(min_length=1, max_length=100_000)
    instructions: str = Field(min_length=1, max_length=100_000, description="for the model")
    model: str = Field(min_length=1, max_length=200, description="the configured name")
    name: str = Field(
        "http", pattern=r"^[a-z][a-z0-9_.-]{0,79}$", description="for people, audit and metrics"
    )
    tools: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list, max_length=100, description="names of those that the service knows"
    )
    untrusted: str = Field("", max_length=100_000, description="text that others wrote")
    steps: int = Field(20, ge=1, le=200, description="most replies of the model")
    wait: bool = Field(False, description="run it here and answer when it is done, or waits for a person")


def add_agent_runs(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""

    @routes.post(
        "/agents/runs",
        operation_id="startAgentRun",
        tags=_TAGS,
        status_code=202,
        responses={404: {"model": Problem, "description": "no such model"}, **_FAILED},
        summary="Begin a run of an agent that is described here; a worker does it, unless it is waited for",
    )
    async def start(
        body: AgentRunRequest, request: Request, response: Response, desk: Desk = asker
    ) -> StartedBody:
        agent = desk.agent(
            body.name,
            instructions=body.instructions,
            model=body.model,
            tools=body.tools,
            limits=Limits(steps=body.steps),
        )
        begun = await (agent.run if body.wait else agent.start)(body.prompt, untrusted=body.untrusted)
        run_id = begun if isinstance(begun, UUID) else begun.run_id
        response.headers["Location"] = place(request, f"/agents/runs/{run_id}")
        run = None if isinstance(begun, UUID) else RunBody.model_validate(begun.as_dict())
        return StartedBody(run_id=run_id, run=run)

    @routes.post(
        "/agents/runs/{run_id}/resume",
        operation_id="resumeAgentRun",
        tags=_TAGS,
        responses={
            202: {"model": RunBody, "description": "not waited for: a worker goes on with it"},
            404: {"model": Problem, "description": "no such run of yours"},
            409: {"model": Problem, "description": "a worker has it, or it has ended"},
            **_FAILED,
        },
        summary="Go on with a run of one's own here, until it is done or waits for a person",
    )
    async def resume(
        run_id: UUID,
        request: Request,
        response: Response,
        wait: Annotated[
            bool, Query(description="false leaves it to a worker, and answers with the run as it stands")
        ] = True,
        desk: Desk = asker,
    ) -> RunBody:
        if wait:
            return RunBody.model_validate((await desk.agents.resume(run_id)).as_dict())
        response.status_code = 202
        response.headers["Location"] = place(request, f"/agents/runs/{run_id}")
        return RunBody.model_validate((await desk.agents.requeue(run_id)).as_dict())
