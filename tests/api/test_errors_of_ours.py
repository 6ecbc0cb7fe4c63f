"""What a client sees when something fails inside."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from deskmind import api
from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.events import Sent, server_sent_events
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import DatabaseUnavailableError, DeskmindError

Serve = Callable[[FastAPI], AbstractAsyncContextManager[str]]


@pytest.fixture
async def broken(app: Deskmind, serving: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service two of whose routes fail."""
    service: FastAPI = api.create_app(app=app)

    @service.get("/boom")
    async def boom() -> None:
        raise ZeroDivisionError("the secret of the house")

    @service.get("/down")
    async def down() -> None:
        raise DatabaseUnavailableError("PostgreSQL does not answer.", remedy="Wait a minute.")

    async with serving(service) as address, httpx.AsyncClient(base_url=address) as client:
        yield client


async def test_an_unexpected_error_has_the_request_id_and_no_detail(broken: httpx.AsyncClient) -> None:
    response = await broken.get("/boom", headers={"X-Request-ID": "ticket-4712"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == "ticket-4712"
    assert response.json()["request_id"] == "ticket-4712"
    assert "secret" not in response.text
    assert "ZeroDivision" not in response.text


async def test_an_unexpected_error_does_not_end_the_service(broken: httpx.AsyncClient) -> None:
    await broken.get("/boom")
    assert (await broken.get("/healthz")).status_code == 200


async def test_a_part_that_does_not_answer_is_temporary(broken: httpx.AsyncClient) -> None:
    response = await broken.get("/down")
    assert response.status_code == 503
    assert response.json()["type"] == "urn:deskmind:problem:database-unavailable"
    assert response.json()["remedy"] == "Wait a minute."


async def test_a_stream_that_fails_ends_with_the_problem() -> None:
    async def failing() -> AsyncIterator[Sent]:
        yield Sent("delta", "1", {"text": "The token "})
        raise DatabaseUnavailableError("PostgreSQL does not answer.")

    events = [event async for event in server_sent_events(failing())]
    assert events[0] == 'id: 1\nevent: delta\ndata: {"text": "The token "}\n\n'
    assert events[1].startswith("event: problem\ndata: ")
    problem = json.loads(events[1].split("data: ")[1])
    assert problem["status"] == 503


async def test_a_mounted_router_leaves_errors_to_its_host(operator: Desk) -> None:
    async def desk_for(_: Request) -> Desk:
        return operator

    host = FastAPI(telemetry=UNWATCHED)
    host.include_router(api.router(desk_for=desk_for, prefix="/desk"))

    @host.exception_handler(DeskmindError)
    async def render(_: Request, error: DeskmindError) -> PlainTextResponse:
        return PlainTextResponse(f"sorry: {error.what}", status_code=error.status)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://test") as client:
        response = await client.get(f"/desk/documents/{uuid4()}")
    assert response.status_code == 404
    assert response.text.startswith("sorry: ")
