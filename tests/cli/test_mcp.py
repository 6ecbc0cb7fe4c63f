"""``deskmind mcp``: a client starts it and speaks with it over pipes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp_types import Resource

from deskmind.app import Deskmind
from deskmind.desk import Desk


def _command(home: Path, *options: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "deskmind.cli", "mcp", *options],
        env={"DESKMIND_HOME": str(home), "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing"},
    )


async def _first_resource(client: Client) -> Resource:
    """Rights are believed for a second: until then the new membership and the old rights do not fit, which is refused."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(MCPError):
                found = (await client.list_resources(cache_mode="bypass")).resources
                if found:
                    return found[0]


async def test_nothing_but_the_protocol_is_printed(operator: Desk, desk_home: Path) -> None:
    await operator.principals.add_user("req1")
    command = _command(desk_home, "--tenant", operator.scope.tenant, "--user", "req1", "--allow-writes")
    about = {"capabilities": {"elicitation": {}}, "clientInfo": {"name": "x", "version": "1"}}
    change = {"connection": "now", "act": "create", "values": {"title": "x"}}
    messages = [
        _asked(1, "initialize", {"protocolVersion": "2025-11-25", **about}),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        _asked(2, "tools/call", {"name": "ask", "arguments": {"question": "x"}}),
        _asked(3, "tools/call", {"name": "read_ticket", "arguments": {}}),
        _asked(4, "nonsense", {}),
        _asked(5, "tools/call", {"name": "propose_change", "arguments": change}),
    ]
    process = await asyncio.create_subprocess_exec(
        command.command,
        *command.args,
        env={**os.environ, **(command.env or {}), "DESKMIND_LOG_LEVEL": "debug"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    answered: dict[int, Any] = {}
    async with asyncio.timeout(60):
        for message in messages:
            process.stdin.write(json.dumps(message).encode() + b"\n")
        while len(answered) < 5:
            line = json.loads(await process.stdout.readline())
            assert line["jsonrpc"] == "2.0"
            if line.get("method") == "elicitation/create":
                result = {"action": "accept", "content": {"sure": True}}
                reply = {"jsonrpc": "2.0", "id": line["id"], "result": result}
                process.stdin.write(json.dumps(reply).encode() + b"\n")
            else:
                answered[line["id"]] = line
        process.stdin.close()
        assert await process.stdout.read() == b""
        assert await process.wait() == 0
    assert answered[2]["result"]["structuredContent"]["question"] == "x"
    assert answered[3]["result"]["isError"]
    assert answered[4]["error"]["code"] == -32601
    refused = answered[5]["result"]["_meta"]["deskmind/problem"]  # they agreed, and are not allowed
    assert refused["status"] == 403


@asynccontextmanager
async def _begun(command: StdioServerParameters) -> AsyncIterator[Process]:
    """The command, once it has answered."""
    process = await asyncio.create_subprocess_exec(
        command.command,
        *command.args,
        env={**os.environ, **(command.env or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    try:
        async with asyncio.timeout(60):
            process.stdin.write(json.dumps(_INITIALIZE).encode() + b"\n")
            assert json.loads(await process.stdout.readline())["id"] == 1
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)], ids=["Ctrl-C", "SIGTERM"]
)
async def test_it_ends_when_it_is_told_to_though_its_client_is_there(
    operator: Desk, desk_home: Path, number: signal.Signals, status: int
) -> None:
    await operator.principals.add_user("req1")
    async with _begun(_command(desk_home, "--tenant", operator.scope.tenant, "--user", "req1")) as process:
        process.send_signal(number)
        assert await process.wait() == status


async def test_messages_may_come_from_a_file(operator: Desk, desk_home: Path, tmp_path: Path) -> None:
    await operator.principals.add_user("req1")
    command = _command(desk_home, "--tenant", operator.scope.tenant, "--user", "req1")
    messages = tmp_path / "messages"
    long = {**_INITIALIZE, "params": {**_INITIALIZE["params"], "_meta": {"x": "ü" * 100_000}}}
    messages.write_text(json.dumps(long, ensure_ascii=False))  # no line break after the last
    with messages.open("rb") as given:
        done = await asyncio.to_thread(
            subprocess.run,
            [command.command, *command.args],
            env={**os.environ, **(command.env or {})},
            stdin=given,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, json.loads(done.stdout)["id"]) == (0, 1)


def _asked(number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


_INITIALIZE = _asked(
    1,
    "initialize",
    {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "x", "version": "1"},
    },
)


async def test_a_client_works_as_a_user_whose_rights_are_those_of_the_moment(
    app: Deskmind, operator: Desk, desk_home: Path
) -> None:
    tenant = operator.scope.tenant
    await operator.principals.add_user("req1")
    await operator.knowledge.add("pay.md", b"# Pay\n\nSalaries are paid on the 25th.", groups=["hr"])
    command = _command(desk_home, "--tenant", tenant, "--user", "req1", "--allow-writes")
    async with Client(stdio_client(command)) as client:
        assert "delete_document" in {tool.name for tool in (await client.list_tools()).tools}
        assert (await client.list_resources()).resources == []
        await operator.principals.set_groups("req1", ["hr"])
        resource = await _first_resource(client)
        answer = await client.call_tool("ask", {"question": "When are salaries paid?"})
        assert "25th" in answer.structured_content["text"]
        refused = await client.call_tool("delete_document", {"document_id": resource.uri.rpartition("/")[2]})
        assert refused.meta["deskmind/problem"]["status"] == 403
        written = await client.call_tool("add_document", {"name": "mine.md", "text": "Mine"})
        assert written.structured_content["stored"] == 1
    events = await operator.audit(limit=20)
    assert ("knowledge.ingest", "req1") in {(event.action, event.principal) for event in events}
    assert all(event.correlation_id for event in events)
