"""MCP on a process's standard streams, for clients that start their servers themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mcp.server.stdio import stdio_server

from deskmind.api.mcp.server import Context, mcp_server
from deskmind.api.mcp.tool import Tool
from deskmind.desk import Desk
from deskmind.observability import correlation

__all__ = ["serve_stdio"]


async def serve_stdio(desk_for: Callable[[], Awaitable[Desk]], tools: Sequence[Tool[Any]]) -> None:
    """Answer messages until standard input ends.

    Args:
        desk_for: the user's desk; asked anew for each message, so that groups and roles are those of the moment.
        tools: what is offered.
    """

    async def desk(_: Context) -> Desk:
        return await desk_for()

    server = mcp_server(desk, tools)

    async def correlated(ctx: Context, call_next: Any) -> Any:
        with correlation():
            return await call_next(ctx)

    server.middleware.append(correlated)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
