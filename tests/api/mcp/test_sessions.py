"""Sessions on the wire: whose they are, what a replica does with another's, and how many there may be."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
from tests.api.mcp.conftest import Service

from deskmind.api import create_app
from deskmind.api.mcp.session import Session, Sessions
from deskmind.desk import Desk
from deskmind.sandbox.servicenow import ServiceNowSandbox

BEGIN = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
PROPOSE = {
    "jsonrpc": "2.0",
    "id": 4,
    "method": "tools/call",
    "params": {
        "name": "propose_change",
        "arguments": {"connection": "now", "act": "create", "values": {"title": "x"}},
    },
}
FOREIGN = {"Mcp-Session-Id": "0123456789ab.0123"}
WATCH = {
    "jsonrpc": "2.0",
    "id": 3,
    "method": "resources/subscribe",
    "params": {"uri": "deskmind://tickets/x"},
}


def answered(response: httpx2.Response) -> Any:
    """The JSON-RPC response, alone or in a stream of events."""
    if response.headers["content-type"].startswith("application/json"):
        return response.json()
    data = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: {")]
    return json.loads(data[-1])


@pytest.fixture
async def http(service: Service, key: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with speaking(service.url, key) as client:
        yield client


@asynccontextmanager
async def speaking(url: str, key: str) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
async def replica(
    service: Service, key: str, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx2.AsyncClient]:
    """Speaks with one of several processes, whichever its messages reach."""
    settings = service.app.settings
    changed = settings.model_copy(update={"api": settings.api.model_copy(update={"workers": 2})})
    monkeypatch.setattr(service.app, "settings", changed)
    async with serving(create_app(app=service.app)) as address, speaking(address, key) as client:
        yield client


async def test_a_session_is_its_openers_until_it_is_ended(http: httpx2.AsyncClient, operator: Desk) -> None:
    opened = await http.post("/mcp", json=BEGIN)
    told = answered(opened)["result"]["capabilities"]
    assert {"logging", "completions", "tools", "prompts"} <= set(told)
    assert told["resources"]["subscribe"]
    mine = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    assert (
        await http.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=mine)
    ).status_code == 202
    assert len(answered(await http.post("/mcp", json=LIST, headers=mine))["result"]["tools"]) > 12
    await operator.principals.add_user("eve")
    theirs = {"Authorization": f"Bearer {(await operator.keys.create('eve')).secret}", **mine}
    assert (await http.post("/mcp", json=LIST, headers=theirs)).status_code == 404
    assert (await http.delete("/mcp", headers=theirs)).status_code == 404
    assert (await http.post("/mcp", json=LIST, headers=mine)).status_code == 200
    assert (await http.delete("/mcp", headers=mine)).status_code == 200
    assert (await http.post("/mcp", json=LIST, headers=mine)).status_code == 404


async def test_a_session_of_before_a_restart_is_over(http: httpx2.AsyncClient) -> None:
    for message in (LIST, WATCH, PROPOSE, BEGIN):
        refused = await http.post("/mcp", json=message, headers=FOREIGN)
        assert refused.status_code == 404
        assert "Begin anew" in refused.json()["remedy"]
    assert (await http.get("/mcp", headers=FOREIGN)).status_code == 404
    assert (await http.delete("/mcp", headers=FOREIGN)).status_code == 404
    assert "mcp-session-id" in (await http.post("/mcp", json=BEGIN)).headers


async def test_another_replicas_session_is_answered_without_what_it_adds(replica: httpx2.AsyncClient) -> None:
    assert answered(await replica.post("/mcp", json=LIST, headers=FOREIGN))["result"]["tools"]
    assert (await replica.post("/mcp", json=WATCH, headers=FOREIGN)).status_code == 404
    assert (await replica.get("/mcp", headers=FOREIGN)).status_code == 404
    assert (await replica.delete("/mcp", headers=FOREIGN)).status_code == 200


async def test_nothing_is_proposed_where_it_is_not_known_whether_the_user_can_be_asked(
    replica: httpx2.AsyncClient, operator: Desk
) -> None:
    async with ServiceNowSandbox(size="tiny") as box:
        await operator.connections.add("now", box.vendor, box.url, box.credentials, every_seconds=0)
        for headers in (FOREIGN, {}):
            said = answered(await replica.post("/mcp", json=PROPOSE, headers=headers))["result"]
            assert said["isError"]
            assert "Begin anew" in said["content"][0]["text"]
        assert await operator.writes.list() == []


async def test_who_has_too_many_sessions_is_answered_without_one(http: httpx2.AsyncClient) -> None:
    async with AsyncExitStack() as open_sessions:
        for _ in range(100):
            session = {"Mcp-Session-Id": (await http.post("/mcp", json=BEGIN)).headers["mcp-session-id"]}
            open_sessions.push_async_callback(http.delete, "/mcp", headers=session)
        one_more = await http.post("/mcp", json=BEGIN)
        assert answered(one_more)["result"]["serverInfo"]["name"] == "deskmind"
        assert "mcp-session-id" not in one_more.headers
        assert answered(await http.post("/mcp", json=LIST))["result"]["tools"]
        assert (await http.get("/mcp")).status_code == 405
        assert "without a session" in answered(await http.post("/mcp", json=WATCH))["error"]["message"]
        refused = answered(await http.post("/mcp", json=PROPOSE))["result"]
        assert "Begin anew" in refused["content"][0]["text"]


async def test_a_stream_that_is_to_go_on_begins_anew(http: httpx2.AsyncClient) -> None:
    session = {"Mcp-Session-Id": (await http.post("/mcp", json=BEGIN)).headers["mcp-session-id"]}
    async with http.stream("GET", "/mcp", headers={**session, "Last-Event-ID": "7"}) as stream:
        assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream")


async def test_what_is_no_message_is_refused(http: httpx2.AsyncClient) -> None:
    huge = json.dumps({**LIST, "params": {"_meta": {"x": "y" * 5_000_000}}})
    assert (await http.post("/mcp", content=huge)).status_code == 413
    for text in ("[]", "null", "5", '{"id": 1}', "[" * 100_000):
        response = await http.post("/mcp", content=text, headers={"Content-Type": "application/json"})
        assert response.status_code == 400
    odd = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": [1]}
    assert answered(await http.post("/mcp", json=odd))["error"]["code"] in (-32602, -32600)


def test_sessions_end_when_they_have_been_quiet() -> None:
    now = 0.0
    sessions = Sessions(10, 101, clock=lambda: now)
    for number in range(100):
        assert sessions.admits("ann")
        sessions.begin(f"s{number}", "ann")
    assert not sessions.admits("ann")
    assert sessions.admits("ben")
    sessions.begin("b", "ben")
    assert not sessions.admits("cem")
    with sessions.using("s0", "ann") as session, sessions.using("s0", "ben") as other:
        assert other is not session
        session.level = "debug"
        now = 11.0
        assert sessions.admits("ann")
    with sessions.using("s0", "ann") as session:
        assert session.level == "debug"
    with sessions.using("s1", "ann") as session:
        assert session == Session(open=1)
    assert sessions.identity(sessions.named("s0")) == "s0"
    assert not Sessions(0, 10).admits("ann")
    assert Sessions(10, 10).identity(sessions.named("s0")) is None
