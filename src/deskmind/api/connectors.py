"""``/v1/connectors``: connected systems, how far they are read, and their calls when something changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from deskmind.api.addresses import place
from deskmind.api.schemas import Problem
from deskmind.connectors.model import Kind
from deskmind.desk import Desk
from deskmind.sync import SyncStatus

__all__ = ["ConnectionBody", "Receive", "add_connectors", "add_webhook"]

Receive = Callable[[UUID, Mapping[str, str], bytes], Awaitable[int]]


class KindBody(BaseModel):
    """One kind of record."""

    kind: str
    records: int
    problems: int
    running: bool
    lag_seconds: float | None
    complete: bool
    error: str
    notes: list[str]
    unmapped: dict[str, int] = Field(
        description="fields without a place in the model, and the records that hold something in each"
    )


class ConnectionBody(BaseModel):
    """How a system is connected."""

    connection_id: UUID
    name: str
    vendor: str
    url: str
    networks: Literal["any", "public"]
    kinds: list[str] = Field(description="the kinds of record that are read; empty for all")
    every_seconds: int
    created_at: datetime


class ProblemBody(BaseModel):
    """A record that could not be read or stored."""

    kind: str
    id: str
    why: str
    found_at: datetime


class ConnectorBody(BaseModel):
    """A connected system and how far it is read; never its credentials."""

    connection_id: UUID
    name: str
    vendor: str
    url: str
    every_seconds: int
    started_at: datetime | None
    finished_at: datetime | None
    complete: bool
    lag_seconds: float | None
    error: str
    waiting_documents: int
    kinds: list[KindBody]
    connection: ConnectionBody
    swept_at: datetime | None
    waiting: int
    unreadable: int
    outdated: int = Field(
        description="records that are to be read again: what they call by name was renamed or is gone"
    )
    problems: list[ProblemBody] = Field(description="the newest")

    @classmethod
    def of(cls, found: SyncStatus) -> ConnectorBody:
        """As the interface shows it."""
        whole = found.as_dict()
        connection = whole["connection"]
        return cls.model_validate({**connection, **whole, "waiting_documents": found.waiting})


class ConnectorList(BaseModel):
    """By name."""

    connectors: list[ConnectorBody]


class RecordList(BaseModel):
    """One page, by id; ``next`` continues it."""

    records: list[dict[str, Any]] = Field(
        description="`id`, `key`, `url`, `version` and the fields of the kind",
        examples=[[{"id": "46d44a", "key": "INC0012001", "title": "The VPN tunnel drops"}]],
    )
    next: str | None = Field(description="give it as `after`; null on the last page")


def add_connectors(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["connectors"]
    unknown: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such connection"}}

    @routes.get(
        "/connectors",
        operation_id="listConnectors",
        tags=tags,
        summary="The connected systems, how far they are read and what is missing; for operators",
    )
    async def connectors(desk: Desk = asker) -> ConnectorList:
        return ConnectorList(connectors=[ConnectorBody.of(one) for one in await desk.sync.status()])

    @routes.get(
        "/connectors/{name}",
        operation_id="getConnector",
        tags=tags,
        responses=unknown,
        summary="A connected system, and how far a run is; for operators",
    )
    async def connector(name: str, desk: Desk = asker) -> ConnectorBody:
        (found,) = await desk.sync.status(name)
        return ConnectorBody.of(found)

    @routes.get(
        "/connectors/{name}/records",
        operation_id="listRecords",
        tags=tags,
        responses=unknown,
        summary="Tickets and other records as they were read from a connected system, by id; for operators",
    )
    async def records(
        name: str,
        kind: Kind,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: Annotated[str, Query(max_length=500)] = "",
        desk: Desk = asker,
    ) -> RecordList:
        found = await desk.sync.records(name, kind, limit=limit, after=after)
        return RecordList(records=found, next=found[-1]["id"] if len(found) == limit else None)

    @routes.post(
        "/connectors/{name}/sync",
        operation_id="syncConnector",
        tags=tags,
        status_code=202,
        responses=unknown,
        summary="Have workers read a connected system now; for operators",
    )
    async def sync(
        name: str,
        request: Request,
        response: Response,
        full: bool = False,
        sweep: Annotated[
            bool, Query(description="look for what is gone at the vendor, even if that was done lately")
        ] = False,
        desk: Desk = asker,
    ) -> ConnectorBody:
        found = await desk.sync.run(name, full=full, sweep=sweep, wait=False)
        response.headers["Location"] = place(request, f"/connectors/{quote(name, safe='')}")
        return ConnectorBody.of(found)


def add_webhook(routes: APIRouter, receive: Receive) -> None:
    """Add the address that connected systems call; their signature stands in for an API key."""

    @routes.post(
        "/connectors/{connection_id}/webhook",
        operation_id="receiveWebhook",
        tags=["connectors"],
        status_code=202,
        response_class=Response,
        summary="A connected system's call: something has changed; signed with the connection's secret",
    )
    async def webhook(connection_id: UUID, request: Request) -> Response:
        await receive(connection_id, request.headers, await request.body())
        return Response(status_code=202)
