"""Pages of other origins: what their browsers may send here, and what the pages may read of the responses."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ForPages", "for_pages"]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SENT = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "X-Request-ID",
)
_SENT_TO_MCP = ("Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Session-Id")
_READ = (
    "API-Version",
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-ID",
)
_READ_OF_MCP = ("Mcp-Session-Id", "WWW-Authenticate")
_MCP = ("/mcp", "/.well-known/oauth-protected-resource")


class ForPages:
    """Around the service: pages of its own list may call all of it, those of MCP's list its endpoint alone.

    Args:
        app: what serves.
        origins: whose pages may call.
        protocol: whose pages may besides call MCP's endpoint, and read how to get a token for it.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str], protocol: Sequence[str]) -> None:
        self._all = for_pages(app, origins) if origins else app
        self._mcp = for_pages(app, (*origins, *protocol), sent=_SENT_TO_MCP, read=_READ_OF_MCP)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        of_mcp = scope["type"] == "http" and _is_mcp(scope["path"])
        await (self._mcp if of_mcp else self._all)(scope, receive, send)


def for_pages(
    app: ASGIApp, origins: Sequence[str], *, sent: Sequence[str] = (), read: Sequence[str] = ()
) -> ASGIApp:
    """An application whose callers in browsers are told what they may do.

    Args:
        app: what serves.
        origins: whose pages may call.
        sent: headers that they may send, besides the usual ones.
        read: headers that they may read, likewise.
    """
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=(*_SENT, *sent),
        expose_headers=(*_READ, *read),
        max_age=3600,
    )


def _is_mcp(path: str) -> bool:
    return any(path == known or path.startswith(f"{known}/") for known in _MCP)
