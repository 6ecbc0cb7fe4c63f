"""A read says the same whether it is answered straight or by the framework's layers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar

import httpx
import pytest
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.api.conftest import Caller, Serve

from deskmind.api import create_app
from deskmind.api.reading import Reading
from deskmind.api.reads import FOUND, Reads
from deskmind.api.routes import router
from deskmind.app import Deskmind

_OF_THE_MOMENT = {"date", "x-request-id", "ratelimit"}


class Watching:
    """A layer of somebody else's."""

    seen: ClassVar[list[str]] = []

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.seen.append(scope["path"])
        await self._app(scope, receive, send)


@pytest.fixture(scope="module")
async def layered(app: Deskmind, serving: Serve) -> AsyncIterator[str]:
    """The address of a service whose every request goes through all layers, and one more."""
    service = create_app(app=app)
    service.add_middleware(Watching)
    async with serving(service) as address:
        yield address


def _told(answer: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name not in _OF_THE_MOMENT}
    body = answer.json() if answer.content else None
    if answer.status_code >= 400:
        body = {name: value for name, value in body.items() if name not in {"request_id", "checked_at"}}
        del headers["content-length"]
    return answer.status_code, body, headers


_READS: list[tuple[str, dict[str, str], int]] = [
    ("/v1/documents", {}, 200),
    ("/v1/documents?limit=1&limit=2", {}, 200),
    ("/v1/documents?limit=%32&nothing=+", {}, 200),
    ("/v1/documents?limit=0", {}, 422),
    ("/v1/documents?limit=two&after=three", {}, 422),
    ("/v1/documents?limit=", {}, 422),
    ("/v1/documents/{document}", {}, 200),
    ("/v1/documents/{document}", {"Accept-Encoding": "gzip"}, 200),
    ("/v1/documents/{document}", {"If-None-Match": "*"}, 304),
    ("/v1/documents/{document}", {"If-None-Match": '"other"'}, 200),
    ("/v1/documents/00000000-0000-0000-0000-000000000009", {}, 404),
    ("/v1/documents/nothing", {}, 404),
    ("/v1/access/check?permission=knowledge:ask", {}, 200),
    ("/v1/access/check?permission=knowledge:ask&user=", {}, 422),
    ("/v1/access/check?permission=no:such", {}, 422),
    ("/v1/access/check", {}, 422),
    ("/v1/access/review", {}, 403),
    ("/v1/requests?before=x", {}, 422),
    ("/v1/search", {}, 405),
    ("/v1/documents", {"Authorization": "Bearer dk_no"}, 401),
    ("/v1/documents?limit=0", {"Authorization": ""}, 401),
    ("/v1/documents", {"Content-Length": "0"}, 200),
]


async def test_it_says_the_same(caller: Caller, layered: str) -> None:
    await caller.desk.knowledge.add("printing.md", b"Restart the spooler. " * 200)
    (document,) = await caller.desk.knowledge.documents()
    for pattern, headers, status in _READS:
        path = pattern.format(document=document.document_id)
        straight = await caller.client.get(path, headers=headers)
        around = await caller.client.get(layered + path, headers=headers)
        assert (path, straight.status_code) == (path, status)
        assert _told(straight) == _told(around)


async def test_who_adds_a_layer_has_it_around_everything(caller: Caller, layered: str) -> None:
    Watching.seen.clear()
    for path in ("/v1/documents", "/v1/models"):
        assert (await caller.client.get(layered + path)).is_success
    assert Watching.seen == ["/v1/documents", "/v1/models"]


async def _someone(request: Request) -> str:
    return request.headers.get("x-name", "someone")


def test_nearly_all_reads_are_answered_straight() -> None:
    routes = router(desk_for=_someone).routes  # pyright: ignore[reportArgumentType]
    assert len(Reads(routes)) > 0.85 * sum(getattr(one, "methods", None) == {"GET"} for one in routes)


class Told(BaseModel):
    name: str
    number: int


_never = asyncio.Event()
_some = APIRouter(prefix="/v1")
_asked: Any = Depends(_someone)


@_some.get("/told/{number}")
async def told(number: int, who: str = _asked) -> Told:
    return Told(name=who, number=number)


@_some.get("/wrong")
async def wrong(who: str = _asked) -> Told:
    raise LookupError(who)


@_some.get("/other")
async def other(who: str = _asked) -> Told:
    return who  # type: ignore[return-value]


@_some.get("/slow")
async def slow(who: str = _asked) -> Told:
    await _never.wait()
    return Told(name=who, number=0)


@_some.get("/several")
async def several(name: Annotated[list[str], Query()], who: str = _asked) -> Told:
    return Told(name=who, number=len(name))


@_some.get("/by-request")
async def by_request(request: Request, who: str = _asked) -> Told:
    return Told(name=who, number=len(request.headers))


@_some.get("/open")
async def nobodys() -> Told:
    return Told(name="", number=0)


@_some.post("/told/{number}")
async def tell(number: int, who: str = _asked) -> Told:
    return Told(name=who, number=number)


def _request(path: str, method: str = "GET") -> Scope:
    place, _, query = path.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": place,
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"x-name", b"ann")],
    }


async def _answered(path: str, seconds: float = 60.0, compress_from: int = 0) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = _request(path)
    assert Reads(_some.routes).find(scope)
    await Reading(seconds, compress_from, {})(scope, receive, send)
    return sent


async def test_what_takes_too_long_is_given_up() -> None:
    start, _ = await _answered("/v1/slow", seconds=0.01)
    assert start["status"] == 504


async def test_an_error_that_nobody_answers_is_raised() -> None:
    with pytest.raises(LookupError):
        await _answered("/v1/wrong")


async def test_what_is_not_what_the_route_says_is_an_error() -> None:
    from fastapi.exceptions import ResponseValidationError

    with pytest.raises(ResponseValidationError):
        await _answered("/v1/other")


async def test_values_arrive_as_what_they_are() -> None:
    start, body = await _answered("/v1/told/7")
    assert start["status"] == 200
    assert body["body"] == b'{"name":"ann","number":7}'
    _, body = await _answered("/v1/by-request")
    assert body["body"] == b'{"name":"ann","number":1}'


@pytest.mark.parametrize("path", ["/v1/several?name=a", "/v1/open", "/v1/told/x", "/v1/told", "/v1/nothing"])
def test_what_needs_more_is_left_to_the_framework(path: str) -> None:
    scope = _request(path)
    assert not Reads(_some.routes).find(scope)
    assert scope == _request(path)


def test_what_writes_is_left_to_the_framework() -> None:
    scope = _request("/v1/told/7", "POST")
    assert not Reads(_some.routes).find(scope)
    assert FOUND not in scope
