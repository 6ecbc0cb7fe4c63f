"""Limits as a caller meets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from deskmind.api import create_app
from deskmind.api.limits.admission import Admission, Places
from deskmind.app import Deskmind
from deskmind.settings import LimitsSettings

Limited = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def limited(app: Deskmind, serving: Any, monkeypatch: pytest.MonkeyPatch) -> Limited:
    """A service with limits of its own over the session's application."""

    @asynccontextmanager
    async def serve(**limits: Any) -> AsyncIterator[str]:
        chosen = app.settings.model_copy(update={"limits": LimitsSettings(**limits)})
        monkeypatch.setattr(app, "settings", chosen)
        async with serving(create_app(app=app)) as address:
            yield address

    return serve


async def test_a_response_says_what_is_left_and_when_to_come_again(limited: Limited, caller: Any) -> None:
    rates = {"tenant": "100/day", "user:read": "3/day"}
    headers = {"Authorization": f"Bearer {caller.key}"}
    async with (
        limited(rates=rates) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as client,
    ):
        answers = [await client.get("/v1/documents") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[0].headers["ratelimit-policy"] == '"tenant";q=100;w=86400, "user:read";q=3;w=86400'
        assert answers[0].headers["ratelimit"] == '"tenant";r=99;t=864, "user:read";r=2;t=28800'
        refused = answers[3]
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:deskmind:problem:limit-exceeded"
        assert 28_700 <= int(refused.headers["retry-after"]) <= 28_800
        assert refused.json()["retry_after"] == int(refused.headers["retry-after"])
        assert '"tenant";r=97' in refused.headers["ratelimit"]
        # another class is another count; the tools of MCP and OpenAI's endpoints are counted too
        search = await client.post("/v1/search", json={"query": "vpn"})
        assert (search.status_code, search.headers["ratelimit"].split(";")[1]) == (200, "r=96")
        models = await client.get("/v1/models")
        assert models.status_code == 429
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        accept = {"Accept": "application/json, text/event-stream"}
        listed = await client.post("/mcp", json=message, headers=accept)
        assert (listed.status_code, listed.headers["ratelimit"].split(";")[1]) == (200, "r=95")
        assert "ratelimit" not in (await client.get("/healthz")).headers


async def test_a_users_limit_is_not_anothers(limited: Limited, caller: Any, operator: Any) -> None:
    await operator.principals.add_user("req2")
    other = await operator.keys.create("req2")
    async with limited(rates={"user": "1/day"}) as address, httpx.AsyncClient(base_url=address) as client:
        statuses = [
            (await client.get("/v1/documents", headers={"Authorization": f"Bearer {key}"})).status_code
            for key in (caller.key, caller.key, other.secret)
        ]
    assert statuses == [200, 429, 200]


async def test_without_limits_nothing_is_said(caller: Any) -> None:
    answer = await caller.client.get("/v1/documents")
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers
    assert "ratelimit-policy" not in answer.headers


async def test_the_less_urgent_are_turned_away_first_and_probes_never() -> None:
    release = asyncio.Event()
    statuses: list[tuple[str, int]] = []

    async def slow(_: Any, __: Any, send: Any) -> None:
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    places = Places(4)
    service = Admission(slow, places)

    async def call(method: str, path: str) -> None:
        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append((path, message["status"]))

        async def receive() -> Any:
            return {"type": "http.request"}

        await service({"type": "http", "method": method, "path": path, "headers": []}, receive, send)

    waiting = [asyncio.create_task(call("GET", "/v1/documents")) for _ in range(3)]
    await asyncio.sleep(0)
    assert places.taken == 3
    await call("POST", "/v1/documents")  # may fill three of four
    await call("POST", "/v1/ask")
    assert statuses == [("/v1/documents", 503), ("/v1/ask", 503)]
    waiting.append(asyncio.create_task(call("GET", "/v1/documents")))
    await asyncio.sleep(0)
    await call("GET", "/v1/documents")
    assert statuses[-1] == ("/v1/documents", 503)
    waiting.append(asyncio.create_task(call("GET", "/healthz")))
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*waiting)
    assert places.taken == 0
    assert sorted(statuses[3:]) == [("/healthz", 200), *[("/v1/documents", 200)] * 4]


async def test_a_service_at_its_limit_says_so(limited: Limited, caller: Any) -> None:
    headers = {"Authorization": f"Bearer {caller.key}"}
    async with (
        limited(concurrent=1) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as client,
    ):
        answers = await asyncio.gather(*(client.get("/v1/documents") for _ in range(30)))
        assert {answer.status_code for answer in answers} <= {200, 503}
        for refused in (answer for answer in answers if answer.status_code == 503):
            assert refused.json()["type"] == "urn:deskmind:problem:overloaded"
            assert refused.headers["retry-after"] == "1"
        assert (await client.get("/v1/documents")).status_code == 200
