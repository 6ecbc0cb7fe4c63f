"""``/v1/writes``: changes of connected systems, proposed, sent once, and settled."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from deskmind.api.cursors import Before, Next, next_of, place_of
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["add_writes"]

_State = Literal["proposed", "sending", "applied", "absent", "uncertain", "rejected"]
_Act = Literal["create", "comment", "update", "assign", "transition", "attach", "publish"]
_FILE = "application/octet-stream"


class WriteRequest(Body):
    """What is to be written."""

    act: _Act
    target: str = Field("", max_length=500, description="the record; empty to create one")
    values: dict[str, Any] = Field(
        default_factory=dict,
        description="of the act, see the vendor's page; of a file name, content_type, size and digest (SHA-256 in hex)",
    )


class ResolveRequest(Body):
    """What a person has seen at the vendor."""

    written: bool


class WriteChange(BaseModel):
    """One field in the vendor's terms."""

    field: str
    before: Any
    after: Any


class WriteBody(BaseModel):
    """A write and what became of it."""

    write_id: UUID
    connection: str = Field(description="its name; empty for a connector of the application's own")
    run_id: UUID | None = Field(description="of the agent that proposed it")
    principal_id: UUID | None = Field(
        description="who proposed it, or whose run did; null for a command on the service's machine"
    )
    decided_by: UUID | None = Field(description="who had it sent, or rejected it")
    vendor: str
    act: _Act
    target: str
    target_key: str
    changes: list[WriteChange]
    state: _State = Field(
        description="absent: the vendor does not have it, it may be sent again; uncertain: a person has to look"
    )
    epoch: int = Field(description="how often somebody began to send it")
    written_id: str = Field(description="the vendor's id of what was written")
    url: str
    version: str
    differing: list[str] = Field(description="fields that the vendor holds otherwise than proposed")
    problem: str = Field(description="code of the last error")
    made_at: datetime
    claimed_at: datetime | None
    settled_at: datetime | None
    looks: int = Field(description="how often a worker has looked for it since it was sent")
    look_at: datetime | None = Field(description="when a worker looks again")
    handed_at: datetime | None = Field(description="since when workers leave it to a person")
    at_work: bool = Field(description="whether somebody may still be sending it")


class WriteList(BaseModel):
    """Writes, newest first."""

    writes: list[WriteBody]
    next: Next


def add_writes(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_proposing(routes, asker)
    _add_deciding(routes, asker)


def _add_proposing(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["writes"]
    unknown: dict[int | str, dict[str, Any]] = {
        404: {"model": Problem, "description": "no such connection"},
        502: {"model": Problem, "description": "the vendor refuses, or its answer cannot be used"},
    }
    missing: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such write"}}

    @routes.post(
        "/connectors/{name}/writes",
        operation_id="proposeWrite",
        tags=tags,
        status_code=201,
        responses=unknown,
        summary="What would be written, as a difference in the vendor's terms; nothing is sent; for operators",
    )
    async def propose(name: str, body: WriteRequest, desk: Desk = asker) -> WriteBody:
        found = await desk.writes.propose(name, body.act, body.target, body.values)
        return WriteBody.model_validate(found.as_dict())

    @routes.get(
        "/writes",
        operation_id="listWrites",
        tags=tags,
        summary="Writes of people and agents, newest first; for operators",
    )
    async def writes(
        state: Annotated[list[_State] | None, Query(max_length=6)] = None,
        connection: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        before: Before = None,
        desk: Desk = asker,
    ) -> WriteList:
        found = await desk.writes.list(
            states=state or (), connection=connection, limit=limit, before=place_of(before)
        )
        return WriteList.model_validate(
            {"writes": [one.as_dict() for one in found], "next": next_of(found, limit)}
        )

    @routes.get(
        "/writes/{write_id}",
        operation_id="getWrite",
        tags=tags,
        responses=missing,
        summary="A write with its difference and what became of it",
    )
    async def write(write_id: UUID, desk: Desk = asker) -> WriteBody:
        return WriteBody.model_validate((await desk.writes.show(write_id)).as_dict())


def _add_deciding(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["writes"]
    decided: dict[int | str, dict[str, Any]] = {
        404: {"model": Problem, "description": "no such write"},
        409: {"model": Problem, "description": "it is not waiting, or the record has changed since"},
        502: {"model": Problem, "description": "the vendor refuses, or it is not known whether it was done"},
    }

    @routes.post(
        "/writes/{write_id}/send",
        operation_id="sendWrite",
        tags=tags,
        responses=decided,
        summary="Send a write once and read it back; the body is the file that is attached, none for other acts",
        openapi_extra={
            "requestBody": {
                "required": False,
                "content": {_FILE: {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def send(write_id: UUID, request: Request, desk: Desk = asker) -> WriteBody:
        with tempfile.NamedTemporaryFile(prefix="deskmind-") as file:
            async for piece in request.stream():
                file.write(piece)
            file.flush()
            found = await desk.writes.send(write_id, content=Path(file.name))
        return WriteBody.model_validate(found.as_dict())

    @routes.post(
        "/writes/{write_id}/reject",
        operation_id="rejectWrite",
        tags=tags,
        responses=decided,
        summary="Decide that a write is not sent",
    )
    async def reject(write_id: UUID, desk: Desk = asker) -> WriteBody:
        return WriteBody.model_validate((await desk.writes.reject(write_id)).as_dict())

    @routes.post(
        "/writes/{write_id}/reconcile",
        operation_id="reconcileWrite",
        tags=tags,
        responses=decided,
        summary="Ask the vendor what became of a write whose outcome is not known",
    )
    async def reconcile(write_id: UUID, desk: Desk = asker) -> WriteBody:
        return WriteBody.model_validate((await desk.writes.reconcile(write_id)).as_dict())

    @routes.post(
        "/writes/{write_id}/resolve",
        operation_id="resolveWrite",
        tags=tags,
        responses=decided,
        summary="Say what a person has seen at the vendor of a write that is uncertain",
    )
    async def resolve(write_id: UUID, body: ResolveRequest, desk: Desk = asker) -> WriteBody:
        found = await desk.writes.resolve(write_id, written=body.written)
        return WriteBody.model_validate(found.as_dict())
