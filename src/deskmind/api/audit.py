"""The audit log under ``/v1/audit``: searching it, its proofs, and carrying it away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from deskmind.api.cursors import Before, Next, next_of, place_of
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body, Moment
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.governance.audit import AuditEvent, Checkpoint, VerifyKey
from deskmind.governance.audit.service import AuditFilter

__all__ = ["add_audit"]

_NDJSON = "application/x-ndjson"
_UNSEALED: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "no such event, or nothing was sealed yet"}
}
Text = Annotated[str | None, Query(max_length=200)]


class EventBody(BaseModel):
    """One recorded act."""

    event_id: UUID
    occurred_at: datetime
    principal: str
    action: str = Field(examples=["documents.read"])
    resource: str
    outcome: str = Field(examples=["allowed"])
    correlation_id: str = Field(description="the request's id")
    details: dict[str, Any]
    decision: str = Field(description="what allowed or refused it", examples=["role:operator"])
    address: str = Field(description="from which network address", examples=["192.0.2.7"])

    @classmethod
    def of(cls, event: AuditEvent) -> EventBody:
        """From an event."""
        return cls.model_validate(event, from_attributes=True)


class EventList(BaseModel):
    """Events, newest first."""

    events: list[EventBody]
    next: Next


class CheckpointBody(BaseModel):
    """The log at one time, signed."""

    origin: str = Field(examples=["deskmind/6f1d7c52-3b0a-4c64-9d0e-2f6f3a1b8c11"])
    size: int = Field(description="events", examples=[1200])
    root: str = Field(description="of the Merkle tree, in hex")
    at: datetime
    note: str = Field(
        description="the signed note; keep it where nobody who can write the database can write"
    )

    @classmethod
    def of(cls, found: Checkpoint) -> CheckpointBody:
        """From a checkpoint."""
        return cls(origin=found.origin, size=found.size, root=found.root.hex(), at=found.at, note=found.note)


class ProofBody(BaseModel):
    """That an event stands in the log."""

    proof: str = Field(description="for `python -m deskmind.governance.audit.verify`")
    position: int = Field(description="in the log, from 0")
    checkpoint: CheckpointBody


class VerifyRequest(Body):
    """What the log is compared with."""

    keys: list[Annotated[str, Field(max_length=500)]] = Field(
        default_factory=list,
        max_length=20,
        description="public keys from elsewhere; without them those that the database names",
        examples=[[]],
    )
    checkpoints: list[Annotated[str, Field(max_length=5_000)]] = Field(
        default_factory=list, max_length=100, description="notes that were kept elsewhere", examples=[[]]
    )


class FindingBody(BaseModel):
    """Something that does not hold."""

    kind: str = Field(examples=["root"])
    message: str


class VerifyReport(BaseModel):
    """What the log showed."""

    holds: bool
    origin: str = Field(description="which log", examples=["deskmind/6f1d7c52-3b0a-4c64-9d0e-2f6f3a1b8c11"])
    events: int
    covered: int = Field(description="by the newest checkpoint that holds")
    kept: int = Field(description="checkpoints from elsewhere that it was compared with")
    findings: list[FindingBody] = Field(examples=[[]])


class ForgetPerson(Body):
    """Whose key is destroyed."""

    person: str = Field(min_length=1, max_length=200, description="name, or the id of the user")


class ForgottenPerson(BaseModel):
    """What became of it."""

    destroyed: bool = Field(description="whether the log named such a person")


def add_audit(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_reading(routes, asker)
    _add_proving(routes, asker)
    _add_export(routes, asker)
    _add_forgetting(routes, asker)


def _add_reading(routes: APIRouter, asker: Any) -> None:
    @routes.get(
        "/audit/events",
        operation_id="searchAuditEvents",
        tags=["audit"],
        summary="Who did what: the events that fit, newest first; for operators and auditors",
    )
    async def search(
        desk: Desk = asker,
        action: Annotated[str | None, Query(max_length=200, description="what it begins with")] = None,
        principal: Text = None,
        resource: Text = None,
        outcome: Text = None,
        request_id: Text = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        before: Before = None,
    ) -> EventList:
        only = AuditFilter(action, principal, resource, outcome, request_id, since, until)
        found = await desk.audit_log.search(only, limit=limit, before=place_of(before))
        return EventList(events=[EventBody.of(event) for event in found], next=next_of(found, limit))


def _add_proving(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["audit"]

    @routes.get(
        "/audit/events/{event_id}/proof",
        operation_id="proveAuditEvent",
        tags=tags,
        responses=_UNSEALED,
        summary="The proof that an event is in the log, for who holds the public key",
    )
    async def prove(event_id: UUID, desk: Desk = asker) -> ProofBody:
        found = await desk.audit_log.prove(event_id)
        return ProofBody(
            proof=str(found), position=found.position, checkpoint=CheckpointBody.of(found.checkpoint)
        )

    @routes.get(
        "/audit/checkpoint",
        operation_id="getAuditCheckpoint",
        tags=tags,
        responses=_UNSEALED,
        summary="The newest checkpoint, to be kept elsewhere",
    )
    async def checkpoint(desk: Desk = asker) -> CheckpointBody:
        found = await desk.audit_log.checkpoint()
        if found is None:
            raise NotFoundError("Nothing was sealed yet.", remedy="Services and workers seal by themselves.")
        return CheckpointBody.of(found)

    @routes.post(
        "/audit/verify",
        operation_id="verifyAudit",
        tags=tags,
        summary="Compare the log with its checkpoints, and with those that were kept elsewhere",
    )
    async def verify(body: VerifyRequest, desk: Desk = asker) -> VerifyReport:
        try:
            keys = [VerifyKey.parse(key) for key in body.keys]
            kept = [Checkpoint.parse(note) for note in body.checkpoints]
        except ValueError as error:
            raise InvalidRequestError("A key or a checkpoint cannot be read.", why=f"{error}.") from None
        report = await desk.audit_log.verify(keys, kept=kept)
        return VerifyReport(
            holds=report.holds,
            origin=report.origin,
            events=report.events,
            covered=report.covered,
            kept=report.kept,
            findings=[FindingBody(kind=one.kind, message=one.message) for one in report.findings],
        )


def _add_export(routes: APIRouter, asker: Any) -> None:
    @routes.get(
        "/audit/export",
        operation_id="exportAudit",
        tags=["audit"],
        response_class=StreamingResponse,
        responses={
            200: {"content": {_NDJSON: {"schema": {"type": "string"}}}, "description": "lines of JSON"}
        },
        summary="All sealed events: a bundle that is checked without a database, or with people by name",
    )
    async def export(desk: Desk = asker, form: Literal["bundle", "readable"] = "bundle") -> StreamingResponse:
        lines = desk.audit_log.export() if form == "bundle" else _readable(desk)
        first = await anext(lines, b"")
        return StreamingResponse(_resumed(first, lines), media_type=_NDJSON)


def _add_forgetting(routes: APIRouter, asker: Any) -> None:
    @routes.post(
        "/audit/forget",
        operation_id="forgetAuditPerson",
        tags=["audit"],
        summary="Destroy the key of a person whom the log names, for good: the log stays whole; for operators",
    )
    async def forget(body: ForgetPerson, desk: Desk = asker) -> ForgottenPerson:
        return ForgottenPerson(destroyed=await desk.audit_log.forget(body.person))


async def _readable(desk: Desk) -> AsyncIterator[bytes]:
    async for event in desk.audit_log.events():
        yield EventBody.of(event).model_dump_json().encode() + b"\n"


async def _resumed(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What is wrong with the request is known before the first line."""
    yield first
    async for lines in rest:
        yield lines
