"""What a tool costs over MCP: processor time of this process for a call, beside the same over REST, and what a session holds.

The service is called in process, so that no client's time is in it. The tool asks for a permission and does nothing else, so that what
is left is the way there and back. Blocks of each kind follow each other, so that a busy machine slows all of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any, cast

from fastapi import FastAPI

from deskmind import Deskmind
from deskmind.api import application, create_app
from deskmind.api.mcp.endpoint import McpEndpoint

_CALL = {"name": "check_access", "arguments": {"permission": "audit:read"}}
_ABOUT = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}
_MODERN = "2026-07-28"
_ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_Act = Callable[[], Awaitable[object]]


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    blocks, calls, sessions = (3, 10, 20) if quick else (20, 100, 90)
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home, knowledge={"embedder": "hashing"}) as app:
            await app.tenants.create("acme")
            operator = await app.desk(tenant="acme")
            await operator.principals.add_user("ana")
            service = create_app(app=app)
            service.state.deskmind = app
            await app.gateway()
            caller = _Caller(service, (await operator.keys.create("ana")).secret)
            (endpoint,) = [
                cast("Any", route).endpoint
                for route in service.router.routes
                if getattr(route, "path", "") == "/mcp"
            ]
            application._settle()  # as `deskmind serve` does
            async with cast("McpEndpoint", endpoint).running():
                held = await _held(caller, sessions)
                session = await caller.begin()
                acts: dict[str, _Act] = {
                    "REST, GET /v1/access/check": caller.rest,
                    "MCP of 2026-07-28": caller.modern,
                    "MCP of 2025-11-25, in a session": lambda: caller.legacy(session),
                    "MCP of 2025-11-25, another replica's session": lambda: caller.legacy("other.1"),
                }
                spent = await _compared(acts, blocks, calls)
            base = spent["REST, GET /v1/access/check"]
            return [
                *(
                    {"case": name, "cpu_ms": round(ms, 3), "times_rest": round(ms / base, 2)}
                    for name, ms in spent.items()
                ),
                {"case": f"{sessions} sessions, each", "kilobytes": round(held / 1000, 1)},
            ]


async def _compared(acts: dict[str, _Act], blocks: int, calls: int) -> dict[str, float]:
    """Milliseconds of processor time for each, the median of blocks."""
    seconds: dict[str, list[float]] = {name: [] for name in acts}
    for block in range(-1, blocks):
        for name, act in acts.items():
            began = time.process_time()
            for _ in range(calls):
                await act()
            if block >= 0:
                seconds[name].append(time.process_time() - began)
    return {name: statistics.median(those) / calls * 1000 for name, those in seconds.items()}


async def _held(caller: _Caller, sessions: int) -> float:
    """Bytes that a session holds."""
    await caller.begin()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(sessions):
        await caller.begin()
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held / sessions


class _Caller:
    """Sends messages with a key."""

    def __init__(self, service: FastAPI, key: str) -> None:
        self._service = service
        self._headers = {
            "authorization": f"Bearer {key}",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }

    async def rest(self) -> None:
        await self._ask("GET", "/v1/access/check", query=b"permission=audit:read")

    async def modern(self) -> None:
        more = {"mcp-protocol-version": _MODERN, "mcp-method": "tools/call", "mcp-name": "check_access"}
        await self._say("tools/call", {**_CALL, "_meta": _ENVELOPE}, more)

    async def legacy(self, session: str) -> None:
        more = {"mcp-protocol-version": "2025-11-25", "mcp-session-id": session}
        await self._say("tools/call", _CALL, more)

    async def begin(self) -> str:
        """A new session's name."""
        return (await self._say("initialize", _ABOUT, {}))["mcp-session-id"]

    async def _say(self, method: str, params: dict[str, Any], more: dict[str, str]) -> dict[str, str]:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return await self._ask("POST", "/mcp", json.dumps(message).encode(), more)

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        more: dict[str, str] | None = None,
        *,
        query: bytes = b"",
    ) -> dict[str, str]:
        given, answered = [body], {}
        never = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not given:
                await never.wait()
            return {"type": "http.request", "body": given.pop(), "more_body": False}

        async def send(message: Any) -> None:
            assert message.get("status", 200) == 200, message
            answered.update({name.decode(): value.decode() for name, value in message.get("headers", ())})

        headers = {**self._headers, **(more or {}), "content-length": str(len(body))}
        await self._service(
            {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": method,
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "query_string": query,
                "root_path": "",
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 80),
            },
            cast("Any", receive),
            send,
        )
        return answered
