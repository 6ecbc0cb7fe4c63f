"""Privacy under ``/v1/privacy``: what is kept of people, its export and erasure, legal holds, receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from deskmind.api.addresses import place
from deskmind.api.cursors import Before, Next, next_of, place_of
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError
from deskmind.governance.privacy import Holding
from deskmind.governance.privacy.erasures import Erasure
from deskmind.governance.privacy.holds import Hold

__all__ = ["add_privacy"]

Identifier = Annotated[str, Field(min_length=1, max_length=200)]


class Person(Body):
    """Who it is about."""

    subject: Identifier = Field(
        description="user name or id; without an account an e-mail address or full name"
    )
    also: list[Identifier] = Field(default_factory=list, max_length=50, description="further identifiers")


class EraseRequest(Person):
    """Who is to be erased."""

    owned: Literal["redact", "delete"] = Field("redact", description="what becomes of documents of theirs")
    dry_run: bool = False


class HoldRequest(Body):
    """On whom a hold is placed; on everyone without ``subject``."""

    subject: Identifier | None = None
    also: list[Identifier] = Field(default_factory=list, max_length=50)
    reason: str = Field(
        min_length=1, max_length=500, pattern=r"\S", description="a reference to the case, naming nobody"
    )


class HoldingBody(BaseModel):
    """One store of the data map."""

    store: str
    kind: str
    personal: str
    purpose: str
    kept: str
    exported: str
    erased: str

    @classmethod
    def of(cls, holding: Holding) -> HoldingBody:
        """From an entry."""
        return cls.model_validate(holding, from_attributes=True)


class DataMapBody(BaseModel):
    """The data map."""

    stores: list[HoldingBody]


class ExportBody(BaseModel):
    """What is kept of a person."""

    format: str
    subject: str
    made_at: datetime
    stores: dict[str, list[dict[str, Any]]]


class ErasurePlan(BaseModel):
    """What a dry run found: how much would go, by store and what becomes of it."""

    state: Literal["dry-run"] = "dry-run"
    stores: dict[str, dict[str, int]]


class ErasureBody(BaseModel):
    """An erasure as it stands."""

    erasure_id: UUID
    state: Literal["waiting", "done"]
    stores: dict[str, dict[str, int]]
    requested_at: datetime | None = None
    completed_at: datetime | None = None
    replays: UUID | None = None
    receipt: str = Field("", description="signed, naming nobody; empty while it waits")

    @classmethod
    def of(cls, erasure: Erasure) -> ErasureBody:
        """From an erasure."""
        return cls.model_validate({**erasure.as_dict(), "receipt": erasure.receipt})


class ErasureList(BaseModel):
    """Erasures, newest first."""

    erasures: list[ErasureBody]
    next: Next


class HoldBody(BaseModel):
    """A legal hold."""

    hold_id: UUID
    everyone: bool
    reason: str
    placed_at: datetime
    released_at: datetime | None

    @classmethod
    def of(cls, hold: Hold) -> HoldBody:
        """From a hold."""
        return cls.model_validate(hold, from_attributes=True)


class HoldList(BaseModel):
    """Holds, oldest first."""

    holds: list[HoldBody]


class ReceiptRequest(Body):
    """A receipt that is to be checked."""

    receipt: str = Field(min_length=1, max_length=200_000, description="its whole text")


class ReceiptBody(BaseModel):
    """Whether this installation signed a receipt, and what it states."""

    holds: bool
    problem: str = Field(description="why it does not hold")
    statement: dict[str, Any] | None = Field(description="null where it does not hold")


class ReadmittedBody(BaseModel):
    """How many marks of the person were forgotten."""

    marks: int


class RemovedBody(BaseModel):
    """A retention policy that ran."""

    store: str
    days: int
    removed: int = Field(description="rows")
    ran_at: datetime


class RemovedList(BaseModel):
    """The policies that ran."""

    removed: list[RemovedBody]


def add_privacy(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    _add_persons(routes, asker)
    _add_returning(routes, asker)


def _add_returning(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["privacy"]

    @routes.post(
        "/privacy/receipts/verify",
        operation_id="verifyReceipt",
        tags=tags,
        summary="Check that this installation signed the receipt of an erasure",
    )
    async def verify_receipt(body: ReceiptRequest, desk: Desk = asker) -> ReceiptBody:
        try:
            found = await desk.privacy.verify_receipt(body.receipt)
        except InvalidRequestError as error:
            return ReceiptBody(holds=False, problem=error.what, statement=None)
        return ReceiptBody(holds=True, problem="", statement=dict(found.statement))

    @routes.post(
        "/privacy/readmissions",
        operation_id="readmitPerson",
        tags=tags,
        responses={404: {"model": Problem, "description": "nobody of these identifiers was erased"}},
        summary="Let a person who was erased be added and taken in again",
    )
    async def readmit_person(body: Person, desk: Desk = asker) -> ReadmittedBody:
        return ReadmittedBody(marks=await desk.privacy.readmit(body.subject, also=body.also))

    @routes.post(
        "/privacy/retention",
        operation_id="applyRetention",
        tags=tags,
        summary="Remove what is older than the retention policies say, now; workers do it each hour",
    )
    async def apply_retention(desk: Desk = asker) -> RemovedList:
        return RemovedList.model_validate({"removed": [ran.as_dict() for ran in await desk.privacy.retain()]})


def _add_persons(routes: APIRouter, asker: Any) -> None:
    tags: list[Any] = ["privacy"]
    on_hold: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "a legal hold stands"}}
    unknown: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "not known"}}

    @routes.get("/privacy/map", operation_id="showDataMap", tags=tags, summary="The data map")
    async def show_map(desk: Desk = asker) -> DataMapBody:
        return DataMapBody(stores=[HoldingBody.of(holding) for holding in await desk.privacy.map()])

    @routes.post(
        "/privacy/export",
        operation_id="exportPerson",
        tags=tags,
        summary="What is kept of a person",
        responses=unknown,
    )
    async def export_person(body: Person, desk: Desk = asker) -> ExportBody:
        found = await desk.privacy.export(body.subject, also=body.also)
        return ExportBody.model_validate(found.as_dict())

    @routes.post(
        "/privacy/erasures",
        operation_id="erasePerson",
        tags=tags,
        status_code=202,
        summary="Have a person erased by a worker; poll the erasure",
        response_model=ErasureBody,
        responses={
            200: {"model": ErasurePlan, "description": "of a dry run: what would go"},
            **on_hold,
            **unknown,
        },
    )
    async def erase_person(
        body: EraseRequest, request: Request, response: Response, desk: Desk = asker
    ) -> ErasureBody | JSONResponse:
        if body.dry_run:
            counts = await desk.privacy.plan(body.subject, also=body.also, owned=body.owned)
            stores = {store: dict(found) for store, found in counts.items()}
            return JSONResponse(ErasurePlan(stores=stores).model_dump())
        asked = await desk.privacy.request_erasure(body.subject, also=body.also, owned=body.owned)
        response.headers["Location"] = place(request, f"/privacy/erasures/{asked.erasure_id}")
        return ErasureBody.of(asked)

    @routes.get(
        "/privacy/erasures", operation_id="listErasures", tags=tags, summary="Erasures with their receipts"
    )
    async def list_erasures(
        desk: Desk = asker, limit: Annotated[int, Query(ge=1, le=200)] = 50, before: Before = None
    ) -> ErasureList:
        found = await desk.privacy.erasures(limit=limit, before=place_of(before))
        return ErasureList(erasures=[ErasureBody.of(item) for item in found], next=next_of(found, limit))

    @routes.get(
        "/privacy/erasures/{erasure_id}",
        operation_id="getErasure",
        tags=tags,
        summary="One erasure as it stands",
        responses=unknown,
    )
    async def get_erasure(erasure_id: UUID, desk: Desk = asker) -> ErasureBody:
        return ErasureBody.of(await desk.privacy.erasure(erasure_id))

    @routes.post(
        "/privacy/holds",
        operation_id="placeHold",
        tags=tags,
        status_code=201,
        summary="Place a legal hold",
        responses=unknown,
    )
    async def place_hold(body: HoldRequest, desk: Desk = asker) -> HoldBody:
        return HoldBody.of(await desk.privacy.hold(body.subject, body.reason, also=body.also))

    @routes.get("/privacy/holds", operation_id="listHolds", tags=tags, summary="Legal holds that stand")
    async def list_holds(desk: Desk = asker, released: bool = False) -> HoldList:
        return HoldList(holds=[HoldBody.of(hold) for hold in await desk.privacy.holds(released=released)])

    @routes.delete(
        "/privacy/holds/{hold_id}",
        operation_id="releaseHold",
        tags=tags,
        status_code=204,
        summary="Release a legal hold",
        responses={**unknown, 409: {"model": Problem, "description": "released before"}},
    )
    async def release_hold(hold_id: UUID, desk: Desk = asker) -> Response:
        await desk.privacy.release(hold_id)
        return Response(status_code=204)
