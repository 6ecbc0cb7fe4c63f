"""``deskmind mcp``: a client starts it and speaks with it over pipes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

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
