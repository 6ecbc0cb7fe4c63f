"""MCP's streamable HTTP at ``/mcp``, without sessions: any replica answers any message."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from deskmind.api.mcp.server import Context, mcp_server
from deskmind.api.mcp.tool import Tool
from deskmind.api.problems import problem_response
from deskmind.desk import Desk
from deskmind.errors import DeskmindError, PermissionDeniedError

__all__ = ["McpEndpoint"]

_DESK = "deskmind.desk"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class McpEndpoint:
    """The endpoint as an ASGI application.

    Each message is authenticated as any request of the API, before it is read. A browser may send one only from this machine
    or from an origin that is named: a page elsewhere must not reach a service behind the browser's firewall under a name of
    its own (DNS rebinding).

    Args:
        desk_for: tells whose desk a request is for; raises ``AuthenticationError`` when nobody's.
        tools: what is offered.
        origins: whose pages may send messages, such as ``https://desk.example.com``.
    """

    def __init__(
        self,
        desk_for: Callable[[Request], Awaitable[Desk]],
        tools: Sequence[Tool[Any]],
        *,
        origins: Sequence[str] = (),
    ) -> None:
        self._desk_for = desk_for
        self._tools = tools
        self._origins = frozenset(origins)
        self._manager: StreamableHTTPSessionManager | None = None

    def route(self, path: str = "/mcp") -> Route:
        """The endpoint at a path."""
        return Route(path, self, methods=["POST"])

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """While messages are answered."""
        self._manager = StreamableHTTPSessionManager(
            mcp_server(_desk_of, self._tools), json_response=True, stateless=True
        )
        async with self._manager.run():
            yield
        self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        request = Request(scope)
        try:
            self._check_origin(request.headers.get("origin"))
            scope[_DESK] = await self._desk_for(request)
        except DeskmindError as error:
            await problem_response(error.status, error.problem())(scope, receive, send)
            return
        if self._manager is not None:
            await self._manager.handle_request(scope, receive, send)

    def _check_origin(self, origin: str | None) -> None:
        if origin is None or origin in self._origins or _host(origin) in _LOOPBACK:
            return
        raise PermissionDeniedError(
            "Pages of this origin may not send messages.",
            why="It is neither this machine nor in mcp.origins.",
            remedy="Name the origin in mcp.origins.",
        )


async def _desk_of(context: Context) -> Desk:
    request: Any = context.request
    desk: Desk = request.scope[_DESK]
    return desk


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None
