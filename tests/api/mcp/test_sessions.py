"""Sessions on the wire: whose they are, what a replica does with another's, and how many there may be."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from tests.api.mcp.conftest import Service

from deskmind.api.mcp.session import Session, Sessions
from deskmind.desk import Desk

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
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    async with httpx2.AsyncClient(base_url=service.url, headers=headers, timeout=60) as client:
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


async def test_another_replicas_session_is_answered_without_what_it_adds(http: httpx2.AsyncClient) -> None:
    foreign = {"Mcp-Session-Id": "0123456789ab.0123"}
    assert answered(await http.post("/mcp", json=LIST, headers=foreign))["result"]["tools"]
    refused = answered(await http.post("/mcp", json=WATCH, headers=foreign))["error"]
    assert "without a session" in refused["message"]
    assert (await http.get("/mcp", headers=foreign)).status_code == 405
    assert (await http.delete("/mcp", headers=foreign)).status_code == 200
    assert answered(await http.post("/mcp", json=LIST))["result"]["tools"]


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
