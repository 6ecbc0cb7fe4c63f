"""``ETag``, ``If-None-Match`` and ``If-Match``: nothing sent twice, nobody's change overwritten unseen.

The tag of a resource is a digest of what its ``GET`` answers to this caller, so that it needs no version of its own in any
table. A write under ``If-Match`` reads the resource first, and holds a lock on it until it has answered: of two such
writes the second finds another tag. O(size of the resource).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from hashlib import blake2b
from typing import Any

import anyio
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskmind.api.problems import problem_response
from deskmind.errors import DeskmindError, InvalidRequestError, PreconditionFailedError

__all__ = ["Conditions", "Locked", "header_of", "matches", "tag_of"]

Locked = Callable[[Any, str], AbstractAsyncContextManager[None]]
"""Holds a lock, on which replicas agree, for whoever asks and a path."""
_CHANGING = frozenset({"PUT", "PATCH", "DELETE"})
_JSON = b"application/json"


class Conditions:
    """Around the resources."""

    def __init__(
        self,
        app: ASGIApp,
        prefix: str = "/v1/",
        asking: Callable[[Request], Awaitable[Any]] | None = None,
        locked: Locked | None = None,
    ) -> None:
        """Around an application.

        Args:
            app: what serves the resources.
            prefix: of their paths.
            asking: tells who asks; raises a ``DeskmindError`` where nobody may know. Locks are for those who are known.
            locked: holds a lock; none when left out.
        """
        self._app = app
        self._prefix = prefix
        self._asking = asking or _anybody
        self._locked = locked or _unlocked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
        elif scope["method"] == "GET":
            await self._app(scope, receive, _Tagging(send, header_of(scope, b"if-none-match")).send)
        elif scope["method"] in _CHANGING and (wanted := header_of(scope, b"if-match")):
            await self._change(scope, receive, send, wanted)
        else:
            await self._app(scope, receive, send)

    async def _change(self, scope: Scope, receive: Receive, send: Send, wanted: bytes) -> None:
        try:
            who = await self._asking(Request(scope))
        except DeskmindError:  # the resource says what is wrong, as it does without a condition
            await self._app(scope, receive, send)
            return
        async with AsyncExitStack() as held:
            try:
                await held.enter_async_context(self._locked(who, scope["path"]))
            except DeskmindError as refused:
                error: DeskmindError | None = refused
            else:
                found = await _read(self._app, scope)
                error = _refusal(wanted, found)
                if error is None:
                    await self._app(scope, receive, send)
                    return
        await problem_response(error.status, error.problem())(scope, receive, send)


class _Tagging:
    """Sends a response with its tag; the tag alone where the caller has it already."""

    def __init__(self, send: Send, known: bytes) -> None:
        self._send = send
        self._known = known
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """ASGI."""
        if message["type"] == "http.response.start" and _is_plain(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            await self._finish(self._start, message)
            self._start = None

    async def _finish(self, start: Message, message: Message) -> None:
        if message.get("more_body"):  # a stream has no tag
            await self._send(start)
            await self._send(message)
            return
        tag = tag_of(message.get("body", b""))
        headers = [*start["headers"], (b"etag", tag)]
        if matches(self._known, tag):
            kept = [
                header for header in headers if header[0].lower() not in {b"content-length", b"content-type"}
            ]
            await self._send({**start, "status": 304, "headers": kept})
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send({**start, "headers": headers})
        await self._send(message)


async def _read(app: ASGIApp, scope: Scope) -> tuple[int, bytes] | None:
    """Status and tag of the resource, as its ``GET`` answers the same caller; None where what it answers has no tag."""
    status = 0
    tagged = given = False
    body = bytearray()
    reading = anyio.CancelScope()

    async def receive() -> Message:
        nonlocal given
        if given:  # whoever asks again waits for the caller to leave, who does not before the answer is there
            await anyio.sleep_forever()
        given = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Message) -> None:
        nonlocal status, tagged
        if message["type"] == "http.response.start":
            status, tagged = message["status"], message["status"] != 200 or _is_plain(message)
        if not tagged or message.get("more_body"):  # a stream may be endless
            tagged = False
            reading.cancel()
            await anyio.sleep_forever()
        body.extend(message.get("body", b""))

    dropped = {b"content-length", b"content-type", b"transfer-encoding", b"accept"}
    headers = [header for header in scope["headers"] if header[0] not in dropped]
    with reading:
        await app({**scope, "method": "GET", "headers": headers, "state": {}}, receive, keep)
    return (status, tag_of(bytes(body))) if tagged or not status else None


def _refusal(wanted: bytes, found: tuple[int, bytes] | None) -> DeskmindError | None:
    if found is None or found[0] == 405:
        return InvalidRequestError(
            "The request cannot be conditional.",
            why="If-Match needs a resource whose GET, under the same path, answers with an ETag.",
            remedy="Leave If-Match out.",
        )
    status, tag = found
    if status != 200 or not (wanted.strip() == b"*" or matches(wanted, tag, weakly=False)):
        return PreconditionFailedError(
            "The resource is not what the request expects.",
            why="Somebody changed or deleted it since it was read."
            if status in {200, 404}
            else "It cannot be read.",
            remedy="Read it again, and repeat the change on what it is now.",
        )
    return None


def _is_plain(start: Message) -> bool:
    headers = {name.lower(): value for name, value in start.get("headers", ())}
    return (
        start["status"] == 200
        and headers.get(b"content-type", b"").startswith(_JSON)
        and b"etag" not in headers
    )


def tag_of(body: bytes) -> bytes:
    """The tag of what a resource answers."""
    return b'"' + blake2b(body, digest_size=16).hexdigest().encode() + b'"'


def matches(listed: bytes, tag: bytes, *, weakly: bool = True) -> bool:
    """Whether a list of tags, as ``If-None-Match`` has it, names one."""
    items = {item.strip() for item in listed.split(b",")}
    if b"*" in items and weakly:
        return True
    return tag in ({item.removeprefix(b"W/") for item in items} if weakly else items)


def header_of(scope: Scope, name: bytes) -> bytes:
    """A header of a request, all its values; empty when there is none."""
    return b",".join(value for key, value in scope["headers"] if key == name)


async def _anybody(_: Request) -> None:
    return None


@asynccontextmanager
async def _unlocked(_: Any, __: str) -> AsyncGenerator[None]:
    yield
