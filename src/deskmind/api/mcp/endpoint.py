"""MCP's streamable HTTP at ``/mcp``: any replica answers any message, the one that opened a session also what it adds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import DEFAULT_MAX_REQUEST_BODY_SIZE, StreamableHTTPSessionManager
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from deskmind.api.draining import Drain
from deskmind.api.limits.admission import listens
from deskmind.api.mcp.call import Context
from deskmind.api.mcp.oauth import Protection
from deskmind.api.mcp.offer import Offer
from deskmind.api.mcp.server import Door, mcp_server
from deskmind.api.mcp.session import Again, Session, Sessions
from deskmind.api.mcp.streams import stream_until
from deskmind.api.problems import problem_response
from deskmind.api.reaching import reaches
from deskmind.desk import Desk
from deskmind.errors import (
    AuthenticationError,
    DeskmindError,
    DocumentTooLargeError,
    InsufficientScopeError,
    NotFoundError,
    PermissionDeniedError,
)

__all__ = ["McpEndpoint"]

_DESK, _AGAIN, _SESSION = "deskmind.desk", "deskmind.mcp.again", "deskmind.mcp.session"
_SESSION_ID = b"mcp-session-id"
_NOT_PASSED_ON = frozenset({_SESSION_ID, b"last-event-id"})
"""No events are kept: a stream that a client wants to go on with begins anew."""
_NEEDING_SESSIONS = frozenset({"resources/subscribe", "resources/unsubscribe"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class McpEndpoint:
    """The endpoint as an ASGI application.

    Each message is authenticated as any request of the API, before it is read. A browser may send one only from this machine
    or from an origin that is named: a page elsewhere must not reach a service behind the browser's firewall under a name of
    its own (DNS rebinding).

    Args:
        desk_for: tells whose desk a request is for; raises ``AuthenticationError`` when nobody's.
        offer: what is offered.
        again: gives what establishes the sender of a request anew, later; by default ``desk_for`` does.
        origins: whose pages may send messages, such as ``https://desk.example.com``.
        protection: what clients are told about getting a token; None where keys alone are taken.
        session_seconds: of quiet after which a session ends; 0 keeps none.
        max_sessions: in this process.
        foreign_sessions: whether messages are answered whose session this process has not opened, as they have to be where
            clients' messages reach several; else they get 404, as those of a session that is over do.
        drain: whether the process is about to end; it is not where it is left out.
    """

    def __init__(
        self,
        desk_for: Callable[[Request], Awaitable[Desk]],
        offer: Offer,
        *,
        again: Callable[[Request], Again] | None = None,
        origins: Sequence[str] = (),
        protection: Protection | None = None,
        session_seconds: float = 0.0,
        max_sessions: int = 1000,
        foreign_sessions: bool = False,
        drain: Drain | None = None,
    ) -> None:
        self._desk_for = desk_for
        self._again = again or self._by_request
        self._offer = offer
        self._writing = frozenset(tool.name for tool in offer.tools if tool.writes)
        self._origins = frozenset(origins)
        self._foreign_sessions = foreign_sessions
        self._drain = drain or Drain(0)
        self._protection = protection
        self._sessions = Sessions(session_seconds, max_sessions)
        self._alone: StreamableHTTPSessionManager | None = None
        self._kept: StreamableHTTPSessionManager | None = None

    def routes(self, path: str = "/mcp") -> list[Route]:
        """The endpoint at a path, and what tells clients how to get a token for it."""
        metadata = self._protection.routes() if self._protection is not None else []
        return [Route(path, self, methods=["GET", "POST", "DELETE"]), *metadata]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """While messages are answered."""
        server = mcp_server(Door(_desk_of, _again_of, _session_of), self._offer, drain=self._drain)
        self._alone = StreamableHTTPSessionManager(server, stateless=True)
        self._kept = StreamableHTTPSessionManager(
            server, session_idle_timeout=self._sessions.seconds or None, max_sessions=None
        )
        async with self._alone.run(), self._kept.run():
            keeping = asyncio.create_task(self._sessions.keep())
            try:
                yield
            finally:
                keeping.cancel()
                self._sessions.end_all()
        self._alone = self._kept = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        request = Request(scope)
        try:
            self._check_origin(request.headers.get("origin"))
            desk = await self._desk_for(request)
            scope[_DESK], scope[_AGAIN] = desk, self._again(request)
            body = await _body(scope, receive)
            message = _read(body)
            self._check_scopes(desk, message)
            await self._answer(scope, _again_received(body, receive), send, message)
        except ClientDisconnect:
            return
        except DeskmindError as error:
            await self._refused(request, error)(scope, receive, send)

    def _by_request(self, request: Request) -> Again:
        return partial(self._desk_for, request)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, message: dict[str, Any]) -> None:
        """By the manager that a message is for: of the session that it names, or that it opens, or of none."""
        assert self._alone is not None
        assert self._kept is not None
        headers, method = dict(scope["headers"]), message.get("method")
        version = headers.get(b"mcp-protocol-version", b"").decode("latin-1")
        if version and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            if method == "subscriptions/listen":
                listens(scope, scope[_DESK])
            await self._alone.handle_request(scope, receive, send)
            return
        name = headers.get(_SESSION_ID, b"").decode("latin-1")
        owner = _owner(scope)
        if name and (identity := self._sessions.identity(name)) is not None:
            await self._in_session(identity, owner, scope, receive, send)
        elif name and not (self._foreign_sessions and _needs_no_session(scope, method)):
            raise _no_session()
        elif scope["method"] != "POST":  # no stream without a session of ours, and nothing to end
            status = 405 if scope["method"] == "GET" else 200
            await Response(status_code=status, headers={"Allow": "POST"})(scope, receive, send)
        elif not name and method == "initialize" and self._sessions.admits(owner):
            await self._kept.handle_request(scope, receive, _named(send, self._sessions, owner))
        else:
            _rename(scope, "")
            await self._alone.handle_request(scope, receive, send)

    async def _in_session(
        self, identity: str, owner: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A session's message, or its stream of what it is told without having asked."""
        assert self._kept is not None
        _rename(scope, identity)
        named = _named(send, self._sessions, owner, ending=identity if scope["method"] == "DELETE" else "")
        with self._sessions.using(identity, owner) as session:
            session.renew(scope[_AGAIN])
            scope[_SESSION] = session
            if scope["method"] == "GET":
                listens(scope, scope[_DESK])
                await stream_until(self._drain, self._kept.handle_request, scope, receive, named)
            else:
                await self._kept.handle_request(scope, receive, named)

    def _check_scopes(self, desk: Desk, message: dict[str, Any]) -> None:
        """A token that may only read is refused where a client sees what it would need, before the tool is."""
        if self._protection is None or desk.scope.bounds is None or message.get("method") != "tools/call":
            return
        given: Any = message.get("params")
        name = cast("dict[str, Any]", given).get("name") if isinstance(given, dict) else None
        if isinstance(name, str) and name in self._writing:
            resource = self._protection.resource
            raise resource.lacking(resource.read_scope, resource.write_scope)

    def _refused(self, request: Request, error: DeskmindError) -> Response:
        if self._protection is not None and isinstance(error, (AuthenticationError, InsufficientScopeError)):
            return self._protection.refusal(error, shown="authorization" in request.headers)
        return problem_response(error.status, error.problem())

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
    if not await reaches(desk):
        request.scope[_DESK] = desk = await _again_of(context)()
    return desk


def _again_of(context: Context) -> Again:
    request: Any = context.request
    again: Again = request.scope[_AGAIN]
    return again


def _session_of(context: Context) -> Session | None:
    request: Any = context.request
    return request.scope.get(_SESSION)


def _owner(scope: Scope) -> str:
    """Whose a session is: nobody else's messages reach it, whatever its name."""
    who = scope[_DESK].scope
    owner = f"{who.tenant_id}/{who.principal_id}"
    scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=owner, scopes=[]))
    return owner


def _rename(scope: Scope, identity: str) -> None:
    """The session's name as its manager knows it; none where it is to know none."""
    kept = [(name, value) for name, value in scope["headers"] if name not in _NOT_PASSED_ON]
    scope["headers"] = [*kept, (_SESSION_ID, identity.encode())] if identity else kept


def _needs_no_session(scope: Scope, method: object) -> bool:
    """Whether a process that has not opened a message's session can answer it."""
    return scope["method"] != "GET" and method not in _NEEDING_SESSIONS


def _no_session() -> NotFoundError:
    return NotFoundError(
        "There is no such session.",
        why="It is over, or another process has opened it, perhaps this one before it was started anew.",
        remedy="Begin anew with `initialize`, without Mcp-Session-Id.",
    )


def _named(send: Send, sessions: Sessions, owner: str, *, ending: str = "") -> Send:
    """A response whose session is named as clients know it; one that it opens is kept, one that it has ended is not."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            if ending and message["status"] < 400:
                sessions.end(ending)
            given = dict(message.get("headers", ()))
            identity = given.get(_SESSION_ID, b"").decode("latin-1")
            if identity:
                if message["status"] < 400 and not ending:
                    sessions.begin(identity, owner)
                given[_SESSION_ID] = sessions.named(identity).encode()
                message = {**message, "headers": list(given.items())}
        await send(message)

    return named


async def _body(scope: Scope, receive: Receive) -> bytes:
    """A message's bytes.

    Raises:
        DocumentTooLargeError: there are too many.
    """
    if scope["method"] != "POST":
        return b""
    body = bytearray()
    async for piece in Request(scope, receive).stream():
        body += piece
        if len(body) > DEFAULT_MAX_REQUEST_BODY_SIZE:
            raise DocumentTooLargeError(
                "The message is too large.",
                why=f"At most {DEFAULT_MAX_REQUEST_BODY_SIZE:,} bytes are accepted.",
            )
    return bytes(body)


def _again_received(body: bytes, receive: Receive) -> Receive:
    """The body as one piece, then what else comes."""
    given = False

    async def received() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received


def _read(body: bytes) -> dict[str, Any]:
    """A message as far as it is an object; what is wrong with it is said by whoever answers it."""
    try:
        found: Any = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None
