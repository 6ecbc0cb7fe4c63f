"""Around every request: its id, its size, its log line."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskmind.api.measures import begun, ended
from deskmind.api.problems import internal_error, problem_response
from deskmind.errors import DocumentTooLargeError
from deskmind.observability import accept_correlation_id, correlation, logger, span

__all__ = ["BodyLimit", "RequestContext"]

_log = logger("deskmind.http")


class RequestContext:
    """Takes ``X-Request-ID`` or makes one, returns it, logs one line a request, answers for unforeseen errors.

    Starlette's own handler for those stands outside every middleware, where the request's id is unknown.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        started = time.perf_counter()
        status = 0
        begun(scope)
        with correlation(accept_correlation_id(given or None)) as request_id:

            async def respond(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    message["headers"] = [
                        *message.get("headers", []),
                        (b"x-request-id", request_id.encode()),
                        (b"x-content-type-options", b"nosniff"),
                    ]
                await send(message)

            try:
                with span(f"{scope['method']} {scope['path'].split('/')[1][:20]}"):
                    await self._app(scope, receive, respond)
            except Exception as error:
                if status:
                    raise
                await internal_error(error)(scope, receive, respond)
            finally:
                ended(scope, status, time.perf_counter() - started)
                _log.info(
                    "http.request",
                    method=scope["method"],
                    route=getattr(scope.get("route"), "path", ""),
                    status=status,
                    duration_ms=round((time.perf_counter() - started) * 1000, 2),
                )


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
