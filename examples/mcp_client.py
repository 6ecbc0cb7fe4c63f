"""A client of the Model Context Protocol at a desk's service. Run it: python examples/mcp_client.py"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import mcp_types as types
import uvicorn
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from deskmind import Deskmind
from deskmind.api import create_app
from deskmind.errors import ConflictError

VPN = b"""# VPN access

## Reset the token

To reset your VPN token, open the self-service portal, choose Security, then Reset token.
"""


async def prepare(app: Deskmind) -> str:
    """A tenant with a user and a document; gives a key of the user's."""
    try:
        await app.tenants.create("protocol")
        await (await app.desk(tenant="protocol")).principals.add_user("tom")
    except ConflictError:
        pass
    operator = await app.desk(tenant="protocol")
    await operator.knowledge.add("vpn.md", VPN)
    return (await operator.keys.create("tom")).secret


@asynccontextmanager
async def serving(app: Deskmind) -> AsyncIterator[str]:
    """The service on a free port; elsewhere `deskmind serve` is it."""
    server = uvicorn.Server(uvicorn.Config(create_app(app=app), log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await running


async def told(done: float, _: float | None, message: str | None) -> None:
    """What a tool says while it works."""
    print(f"  … {message or done}")


async def main() -> None:
    async with Deskmind.open() as app:
        key = await prepare(app)
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            serving(app) as address,
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
        ):
            tools = (await client.list_tools()).tools
            reading = [tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint]
            print(f"{len(tools)} tools, {len(reading)} of them only read")

            question = {"question": "How do I reset my VPN token?"}
            answer = await client.call_tool("ask", question, progress_callback=told)
            print((answer.structured_content or {})["text"])

            template = types.ResourceTemplateReference(uri="deskmind://documents/{document_id}")
            found = await client.complete(template, {"name": "document_id", "value": "VPN"})
            (content,) = (
                await client.read_resource(f"deskmind://documents/{found.completion.values[0]}")
            ).contents
            print(f"{content.uri.partition('://')[0]}: {getattr(content, 'text', '').splitlines()[0]}")

            refused = await client.call_tool("check_access", {"permission": "audit:read"})
            print(f"may tom read the audit log? {(refused.structured_content or {})['because']}")


if __name__ == "__main__":
    asyncio.run(main())
