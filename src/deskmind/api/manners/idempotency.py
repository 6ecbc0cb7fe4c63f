"""``Idempotency-Key``: a request that is sent again is done once, and answered the same."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import IO, Any, Protocol

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskmind.api.limits.limiter import HEADERS
from deskmind.api.manners.claiming import Claims, Stored
from deskmind.api.problems import problem_response
from deskmind.ending import ended
from deskmind.errors import DeskmindError, InvalidRequestError
from deskmind.governance.audit.claims import Claim, acting_under
from deskmind.scope import Scope as DeskScope

__all__ = ["Idempotency"]

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_DESCRIBING = frozenset({b"content-type", b"location", b"etag", b"retry-after"})
_NOT_DONE = frozenset({401, 403, 413, 425})
"""Refusals before the act, so that a later attempt may act; what is recorded of it is the refusal."""

_NOT_NOW = frozenset({408, 429})
"""Likewise, unless something was recorded: a provider's limit may be met in the middle of an act."""

_LONGEST_KEY = 255
_LONGEST_KEPT = 2**20
_IN_MEMORY = 2**20
_PIECE = 2**16


class Asking(Protocol):
    """Tells who asks, and where claims are kept."""

    async def __call__(self, request: Request) -> tuple[DeskScope, Claims]:
        """The scope of who asks; raises where nobody is known."""
        ...


class Idempotency:
    """Around the resources."""

    def __init__(self, app: ASGIApp, asking: Asking, prefix: str = "/v1/") -> None:
        """Around an application.

        Args:
            app: what serves the resources.
            asking: tells who asks.
            prefix: of their paths.
        """
        self._app = app
        self._asking = asking
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        key = _key(scope) if scope["type"] == "http" and scope["method"] in _CHANGING else None
        if key is None or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        try:
            who, claims = await self._asking(Request(scope))
        except DeskmindError:  # the resource says what is wrong, as it does without a key
            await self._app(scope, receive, send)
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as body:
            try:
                _check(scope, key)
                fingerprint = await _received(scope, receive, body)
                if fingerprint is None:
                    return
                digest = blake2b(who.principal_id.bytes + key, digest_size=32).digest()
                found = await claims.take(who, digest, fingerprint)
            except DeskmindError as error:
                if "retry_after" in error.details:
                    scope[HEADERS] = [(b"retry-after", str(error.details["retry_after"]).encode())]
                await problem_response(error.status, error.problem())(scope, receive, send)
                return
            if isinstance(found, Stored):
                await _answer_again(found, send)
            else:
                await self._attempt(_Attempt(who, claims, found), scope, _replayed(body, receive), send)

    async def _attempt(self, attempt: _Attempt, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with attempt.renewed():
                with acting_under(attempt.claim):
                    await self._app(scope, receive, attempt.gather)
                stored = attempt.response()
                await attempt.settle(stored)
        except BaseException:
            await asyncio.shield(attempt.settle(None))
            raise
        for message in attempt.messages:
            await send(message)


class _Attempt:
    """One attempt at a request, whose response is held back until it is kept."""

    def __init__(self, who: DeskScope, claims: Claims, claim: Claim) -> None:
        self.claim = claim
        self.messages: list[Message] = []
        self._who = who
        self._claims = claims

    async def gather(self, message: Message) -> None:
        """Hold a message of the response back."""
        self.messages.append(message)

    def response(self) -> Stored:
        """What was answered."""
        start, *rest = self.messages
        headers = [header for header in start.get("headers", ()) if header[0].lower() in _DESCRIBING]
        return Stored(start["status"], headers, b"".join(message.get("body", b"") for message in rest))

    async def settle(self, stored: Stored | None) -> None:
        """Keep the response, or let the request be tried again.

        Args:
            stored: None where there is none.
        """
        if stored is None or stored.status >= 500 or stored.status in _NOT_NOW:
            await self._claims.give_up(self._who, self.claim, acted=False)
        elif stored.status in _NOT_DONE:
            await self._claims.give_up(self._who, self.claim, acted=True)
        elif len(stored.body) <= _LONGEST_KEPT:
            await self._claims.keep(self._who, self.claim, stored)

    @asynccontextmanager
    async def renewed(self) -> AsyncGenerator[None]:
        """While inside, the claim stays with this attempt."""
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            await ended(renewing)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._claims.lease_seconds / 3)
            with contextlib.suppress(DeskmindError):  # the act itself will meet what is wrong
                await self._claims.renew(self._who, self.claim)


async def _received(scope: Scope, receive: Receive, body: IO[bytes]) -> bytes | None:
    """Read the whole body aside; its fingerprint, or None when the caller left."""
    digest = blake2b(digest_size=32)
    query = scope.get("query_string", b"")
    digest.update(b"%s %s?%s\n" % (scope["method"].encode(), scope["path"].encode(), query))
    counted = _Unbounded(digest, _boundary(scope))
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        body.write(piece)
        counted.update(piece)
        if not message.get("more_body"):
            break
    counted.close()
    body.seek(0)
    return digest.digest()


class _Unbounded:
    """Counts a body without the boundary of its parts, which clients make anew for each attempt."""

    def __init__(self, digest: Any, boundary: bytes) -> None:
        self._digest = digest
        self._boundary = boundary
        self._left = b""

    def update(self, piece: bytes) -> None:
        """One more piece; a boundary may be cut in two."""
        if not self._boundary:
            self._digest.update(piece)
            return
        *whole, last = (self._left + piece).split(self._boundary)
        for part in whole:
            self._digest.update(part)
        kept = len(self._boundary) - 1
        self._digest.update(last[:-kept] if kept else last)
        self._left = last[-kept:] if kept else b""

    def close(self) -> None:
        """What is left."""
        self._digest.update(self._left)


def _replayed(body: IO[bytes], receive: Receive) -> Receive:
    """Give the body that was read aside, then what comes after it."""
    ended = False

    async def read() -> Message:
        nonlocal ended
        if ended:
            return await receive()
        piece = body.read(_PIECE)
        ended = len(piece) < _PIECE
        return {"type": "http.request", "body": piece, "more_body": not ended}

    return read


async def _answer_again(stored: Stored, send: Send) -> None:
    length = str(len(stored.body)).encode()
    headers = [*stored.headers, (b"content-length", length), (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": stored.status, "headers": headers})
    await send({"type": "http.response.body", "body": stored.body})


def _check(scope: Scope, key: bytes) -> None:
    if not key or len(key) > _LONGEST_KEY or not key.isascii() or not key.decode("latin-1").isprintable():
        raise InvalidRequestError(
            "The Idempotency-Key cannot be used.",
            why=f"It has 1 to {_LONGEST_KEY} printable ASCII characters.",
            remedy="Send a random UUID.",
        )
    if b"text/event-stream" in _header(scope, b"accept"):
        raise InvalidRequestError(
            "A stream cannot be answered again.",
            why="Idempotency-Key and Accept: text/event-stream exclude each other.",
            remedy="Ask for JSON, or leave the key out.",
        )


def _boundary(scope: Scope) -> bytes:
    kind, _, rest = _header(scope, b"content-type").partition(b"boundary=")
    return rest.split(b";")[0].strip(b' "') if kind.startswith(b"multipart/") else b""


def _key(scope: Scope) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == b"idempotency-key"), None)


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")
