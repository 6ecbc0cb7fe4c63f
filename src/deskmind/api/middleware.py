"""Around every request: its id, its size, its log line."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskmind.api.contract.retiring import version_headers
from deskmind.api.draining import Drain
from deskmind.api.manners.headers import safe_headers
from deskmind.api.measures import begun, ended
from deskmind.api.problems import internal_error, problem_response
from deskmind.errors import DocumentTooLargeError
from deskmind.governance.audit.circumstances import came_from
from deskmind.observability import correlation, logger, names, span, telling
from deskmind.observability.actor import Visit
from deskmind.observability.propagation import incoming

__all__ = ["BodyLimit", "RequestContext"]

_log = logger("deskmind.http")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_LAST = ((b"connection", b"close"),)


class RequestContext:
    """Takes ``X-Request-ID`` or makes one, returns it, logs one line a request, answers for unforeseen errors.

    Starlette's own handler for those stands outside every middleware, where the request's id is unknown.
    """

    def __init__(self, app: ASGIApp, *, accept_parent: bool = True, drain: Drain | None = None) -> None:
        """Around an application.

        Args:
            app: what serves the request.
            accept_parent: whether a request may say, by ``traceparent``, which trace it belongs to.
            drain: whether the process is about to end; it is not where it is left out.
        """
        self._app = app
        self._accept_parent = accept_parent
        self._drain = drain or Drain(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        client = scope.get("client")
        with (
            correlation(given.decode("latin-1") if given else None) as request_id,
            came_from(client[0] if client else ""),
        ):
            exchange = _Exchange(self._app, request_id, self._parent(headers), self._drain)
            await exchange.run(scope, receive, send)

    def _parent(self, headers: dict[bytes, bytes]) -> Context | None:
        parent = headers.get(b"traceparent")
        if parent is None or not self._accept_parent:
            return None
        return incoming(parent.decode("latin-1"), headers.get(b"tracestate", b"").decode("latin-1"))


class _Exchange:
    """One request and its response."""

    __slots__ = ("_app", "_drain", "_parent", "_request_id", "_status")

    def __init__(self, app: ASGIApp, request_id: str, parent: Context | None, drain: Drain) -> None:
        self._app = app
        self._drain = drain
        self._request_id = request_id
        self._parent = parent
        self._status = 0

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, with a span and a log line."""
        started = time.perf_counter()
        begun(scope)
        visit = Visit()
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"

        async def respond(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                story.note("http", {"method": method, "route": _route(scope), "status": self._status})
                given = [*message.get("headers", []), *scope.get("deskmind.headers", ())]
                message["headers"] = [
                    *given,
                    (b"x-request-id", self._request_id.encode()),
                    *version_headers(scope),
                    *safe_headers(scope, given),
                    *(_LAST if self._drain.begun else ()),
                ]
            await send(message)

        attributes = {
            names.HTTP_REQUEST_METHOD: method,
            names.URL_SCHEME: scope.get("scheme", "http"),
            names.CORRELATION_ID: self._request_id,
        }
        try:
            with (
                telling("http") as story,
                _unobserved()
                if scope["path"] in _PROBES
                else span(method, self._parent, kind="server", **attributes) as current,
            ):
                try:
                    await self._app(scope, receive, respond)
                except Exception as error:
                    if self._status:
                        raise
                    await internal_error(error)(scope, receive, respond)
                finally:
                    seconds, route = time.perf_counter() - started, _route(scope)
                    ended(scope, self._status, seconds)
                    self._describe(current, method, route, visit)
                    duration = round(seconds * 1000, 2)
                    _log.info(
                        "http.request", method=method, route=route, status=self._status, duration_ms=duration
                    )
        finally:
            visit.end()

    def _describe(self, current: Span, method: str, route: str, visit: Visit) -> None:
        if not current.is_recording():
            return
        if route:
            current.update_name(f"{'HTTP' if method == '_OTHER' else method} {route}")
            current.set_attribute(names.HTTP_ROUTE, route)
        if visit.tenant:
            current.set_attribute(names.TENANT, visit.tenant)
        if self._status:
            current.set_attribute(names.HTTP_RESPONSE_STATUS_CODE, self._status)
        if self._status >= 500:
            current.set_attribute(names.ERROR_TYPE, str(self._status))
            current.set_status(StatusCode.ERROR)


def _route(scope: Scope) -> str:
    """The template of the path, such as ``/v1/documents/{document_id}``; empty where there is none."""
    return getattr(scope.get("route"), "path_format", "")


@contextmanager
def _unobserved() -> Generator[Span]:
    """Probes come every few seconds and are of no interest."""
    yield INVALID_SPAN


class BodyLimit:
    """Refuses a body above a size before it is read, and one that grows above it while it is."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._max:
            await self._refuse(scope, receive, send)
            return
        seen = 0
        exceeded = False
        answered = False

        async def counted() -> Message:
            nonlocal seen, exceeded
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max:
                exceeded = True
                return {"type": "http.disconnect"}
            return message

        async def tracked(message: Message) -> None:
            nonlocal answered
            if exceeded and not answered:
                return
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, tracked)
        except Exception:
            if not exceeded:
                raise
        if exceeded and not answered:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = DocumentTooLargeError(
            "The request is too large.",
            why=f"At most {self._max:,} bytes are accepted.",
            remedy="Send less at once, or raise api.max_body_bytes.",
        )
        await problem_response(413, error.problem())(scope, receive, send)
