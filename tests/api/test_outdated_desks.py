"""A membership that ends while a request's body is on its way: the request goes on with what is left, and with no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk

_MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}

Send = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def send(
    operator: Desk, modelled: Deskmind, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Send]:
    """Sends a body whose first byte comes when its sender is known and, unless it stays, is in no group any more."""
    await operator.knowledge.add("p.md", b"# Pay\n\nThe printer budget.", groups=["hr"])
    await operator.principals.add_user("ann", groups=["hr"])
    key = (await operator.keys.create("ann")).secret
    known, authenticate = asyncio.Event(), modelled.authenticate

    async def noted(*given: Any, **more: Any) -> Desk:
        desk = await authenticate(*given, **more)
        known.set()
        return desk

    monkeypatch.setattr(modelled, "authenticate", noted)

    async def sent(path: str, body: dict[str, Any], *, stays: bool = False, **headers: str) -> httpx.Response:
        known.clear()

        async def pieces() -> AsyncIterator[bytes]:
            await asyncio.wait_for(known.wait(), 60)
            if not stays:
                await operator.principals.set_groups("ann", [])
                modelled.authority.forget(operator.scope.tenant_id)
            yield json.dumps(body).encode()

        given = {"Content-Type": "application/json", **headers}
        return await client.post(path, content=pieces(), headers=given, timeout=60)

    authorization = {"Authorization": f"Bearer {key}"}
    async with (
        serving(create_app(app=modelled)) as address,
        httpx.AsyncClient(base_url=address, headers=authorization) as client,
    ):
        yield sent


async def _refused(operator: Desk) -> list[str]:
    return [event.action for event in await operator.audit(limit=200) if event.outcome == "denied"]


async def test_a_search(send: Send, operator: Desk) -> None:
    asked = {"query": "printer budget"}
    found = await send("/v1/search", asked, stays=True)
    assert [one["title"] for one in found.json()["passages"]] == ["Pay"]
    found = await send("/v1/search", asked)
    assert (found.status_code, found.json()) == (200, {"passages": []})
    assert await _refused(operator) == []


async def test_a_model_s_call(send: Send, operator: Desk) -> None:
    asked = {"model": "fast", "messages": [{"role": "user", "content": "hello there"}]}
    answer = await send("/v1/chat/completions", asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "hello there"
    assert await _refused(operator) == []


async def test_a_tool_s_call(send: Send, operator: Desk) -> None:
    called = {"name": "search", "arguments": {"query": "printer budget"}}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": called}
    answer = await send("/mcp", asked, stays=True, **_MCP)
    assert "The printer budget" in answer.text
    answer = await send("/mcp", asked, **_MCP)
    assert answer.status_code == 200, answer.text
    assert "may not" not in answer.text
    assert "The printer budget" not in answer.text
    assert "passages" in answer.text
    assert await _refused(operator) == []
