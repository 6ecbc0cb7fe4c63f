"""MCP on a process's standard streams, for clients that start their servers themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.stdio import stdio_server

from deskmind.api.mcp.call import Context
from deskmind.api.mcp.offer import Offer
from deskmind.api.mcp.server import Door, mcp_server
from deskmind.api.mcp.session import Session
from deskmind.desk import Desk
from deskmind.observability import correlation

__all__ = ["serve_stdio"]


async def serve_stdio(desk_for: Callable[[], Awaitable[Desk]], offer: Offer) -> None:
    """Answer messages until standard input ends.

    Args:
        desk_for: the user's desk; asked anew for each message, so that groups and roles are those of the moment.
        offer: what is offered.
    """

    async def desk(_: Context) -> Desk:
        return await desk_for()

    session = Session()
    server = mcp_server(Door(desk, lambda _: desk_for, lambda _: session), offer)

    async def correlated(ctx: Context, call_next: Any) -> Any:
        with correlation():
            return await call_next(ctx)

    server.middleware.append(correlated)
    try:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
    finally:
        session.end()
