"""Answering reads: what layers do for every other request, the deadline, problems, tags, compression, in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deskmind.api.manners.conditions import Conditions, header_of, matches, tag_of
from deskmind.api.manners.deadline import Watch, Watched, out_of_time
from deskmind.api.reads import FOUND, Read

__all__ = ["Reading"]

_ANSWER = "deskmind.answer"
_JSON = (b"content-type", b"application/json")


class Reading:
    """Answers the read that a request's scope names.

    Args:
        seconds: until the response is there.
        compress_from: bytes of a response; 0 for never.
        handlers: what is answered to an error, by its type; one that has none is raised.
    """

    def __init__(self, seconds: float, compress_from: int, handlers: Mapping[Any, Any]) -> None:
        self._watch = Watch(seconds)
        self._small = compress_from or 2**63
        self._handlers = handlers
        tagged = Conditions(_respond)
        self._framed: ASGIApp = (
            GZipMiddleware(tagged, minimum_size=compress_from, compresslevel=5) if compress_from else tagged
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        read, values = scope[FOUND]
        request = Request(scope, receive, send)
        answer = await self._answered(read, request, values)
        if type(answer) is bytes:
            if len(answer) < self._small:
                await _send(scope, answer, send)
                return
            answer = Response(answer, media_type="application/json")
        scope[_ANSWER] = answer
        await self._framed(scope, receive, send)

    async def _answered(self, read: Read, request: Request, values: dict[str, Any]) -> bytes | Response:
        limit = Watched(self._watch)
        try:
            with limit:
                return await read.answer(request, values)
        except TimeoutError as error:
            if not limit.expired:
                return await self._told(request, error)
            return out_of_time(self._watch.seconds, 504)
        except Exception as error:
            return await self._told(request, error)

    async def _told(self, request: Request, error: Exception) -> Response:
        """What an error is answered with, as the framework finds it."""
        for kind in type(error).__mro__[:-2]:
            handler = self._handlers.get(kind) if kind is not Exception else None
            if handler is not None:
                return await handler(request, error)
        raise error


async def _respond(scope: Scope, receive: Receive, send: Send) -> None:
    await scope[_ANSWER](scope, receive, send)


async def _send(scope: Scope, body: bytes, send: Send) -> None:
    """JSON with its tag; the tag alone where the caller has it already."""
    tag = (b"etag", tag_of(body))
    known = header_of(scope, b"if-none-match")
    if known and matches(known, tag[1]):
        await send({"type": "http.response.start", "status": 304, "headers": [tag]})
        await send({"type": "http.response.body", "body": b""})
        return
    headers = [(b"content-length", b"%d" % len(body)), _JSON, tag]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
