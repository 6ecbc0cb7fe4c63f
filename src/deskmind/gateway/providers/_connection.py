"""One HTTP/1.1 connection to a provider: a request out, its answer in.

Bytes are read by llhttp (``httptools``), which is strict about how a message is framed. A connection carries one exchange
at a time and is kept for the next one only when the answer ended as it was framed and nothing came after it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any, Literal, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from deskmind.gateway.providers.failures import ProviderFailure

__all__ = ["Answer", "Connection"]

_MOST_REPLY = 64 * 2**20
_MOST_REFUSAL = 64 * 1024
_MOST_HEAD = 256 * 1024
_MOST_WAITING = 256 * 1024
"""Bytes of a stream that wait for their reader before the provider is made to wait."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Answer:
    """An answer: whole, or in pieces as they arrive. Refusals (400 and above) are always whole, cut at 64 KiB.

    Attributes:
        status: of HTTP.
        over: whether the provider has said all of it.
        whole: whether all of it is waited for.
        waiting: bytes that nobody has taken yet.
        waiter: of who waits for more.
    """

    __slots__ = ("_connection", "_head", "_pieces", "over", "status", "waiter", "waiting", "whole")

    def __init__(self, connection: Connection, *, whole: bool) -> None:
        self.status = 0
        self.over = False
        self.whole = whole
        self.waiting = 0
        self.waiter: asyncio.Future[None] | None = None
        self._connection = connection
        self._head: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []

    @property
    def headers(self) -> dict[str, str]:
        """By name in small letters."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._head}

    @property
    def body(self) -> bytes:
        """What has come of it; of a whole answer, all."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def header(self, name: bytes) -> bytes | None:
        """One header by its name in small letters."""
        return next((value for known, value in self._head if known == name), None)

    def begin(self, status: int, head: list[tuple[bytes, bytes]]) -> None:
        """Its head is there."""
        self.status = status
        self._head = head
        self.whole = self.whole or status >= 400

    def add(self, piece: bytes) -> None:
        """More of it."""
        self._pieces.append(piece)
        self.waiting += len(piece)

    def wake(self, failure: ProviderFailure | None = None) -> None:
        """There is something for who waits."""
        if self.waiter is None or self.waiter.done():
            return
        if failure is None:
            self.waiter.set_result(None)
        else:
            self.waiter.set_exception(failure)

    async def more(self) -> bytes:
        """Wait for more of an answer in pieces; empty at its end.

        Raises:
            ProviderFailure: it broke off.
        """
        if not self._pieces and not self.over:
            await self._connection.wait(self)
        data = self.body
        self._pieces.clear()
        self.waiting = 0
        self._connection.go_on(self)
        return data

    def close(self) -> None:
        """Read no further; the connection is closed unless the answer was over."""
        if not self.over:
            self._connection.abort()


class Connection(asyncio.Protocol):
    """See the module.

    Args:
        freed: told once an exchange is over, with whether the connection can carry another, and when it is lost.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, freed: Callable[[Connection, bool], None]) -> None:
        self._loop = loop
        self._freed = freed
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._answer: Answer | None = None
        self._failure: ProviderFailure | None = None
        self._head: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._inflater: Any = None
        self._ended: Literal["", "keep", "close"] = ""
        self._paused = False
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether it can carry an exchange now."""
        transport = self._transport
        return transport is not None and self._answer is None and not transport.is_closing()

    async def ask(self, request: bytes, *, whole: bool, seconds: float) -> Answer:
        """Send a request; returns when its answer is there, or the head of one in pieces.

        Args:
            request: as it goes over the wire.
            whole: whether all of the answer is waited for.
            seconds: that it may take, 0 for no bound.

        Raises:
            ProviderFailure: there is none, or it broke off.
        """
        answer = self._answer = Answer(self, whole=whole)
        late = self._loop.call_later(seconds, self._late) if seconds else None
        cast("asyncio.Transport", self._transport).write(request)
        try:
            await self.wait(answer)
        finally:
            if late is not None:
                late.cancel()
        return answer

    async def wait(self, answer: Answer) -> None:
        """Until there is more of the answer; a cancelled wait ends the connection unless pieces are read."""
        if self._answer is not answer:
            raise self._failure or ProviderFailure("stream-broken", "it was closed")
        answer.waiter = self._loop.create_future()
        try:
            await answer.waiter
        except asyncio.CancelledError:
            if answer.whole or not answer.status:
                self.abort()
            raise

    def go_on(self, answer: Answer) -> None:
        """The reader has taken what there was."""
        if self._paused and self._answer is answer and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.abort()

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        answer = self._answer
        if answer is None:  # nothing was asked
            self.abort()
            return
        if not answer.status:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD:
                self._fail("its head is too large")
                return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self._ended:
                self._finish(keep=False)
            else:
                self._fail("the reply is not what HTTP allows", error)
            return
        if self._ended:
            self._finish(keep=self._ended == "keep")
        elif self._answer is answer and answer.status and not answer.whole:
            answer.wake()
            if answer.waiting > _MOST_WAITING and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._transport = None
        answer = self._answer
        if answer is not None:
            framed = answer.header(b"content-length") or answer.header(b"transfer-encoding")
            if answer.status >= 400 or (answer.status and exc is None and not framed):
                self._finish(keep=False)  # the end of the connection is the end of the answer
            else:
                self._fail("the reply broke off" if answer.status else "no answer: the connection was closed")
        self._freed(self, False)

    # what the parser finds

    def on_message_begin(self) -> None:
        """Of an answer; a second one is nobody's."""
        if self._ended:
            self._ended = "close"

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of an answer, or of its trailer."""
        self._head.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is over; an interim one (1xx) is passed over."""
        head, self._head = self._head, []
        status = self._parser.get_status_code()
        if self._ended or status < 200 or self._answer is None:
            return
        self._answer.begin(status, head)
        encoding = self._answer.header(b"content-encoding")
        self._inflater = (
            zlib.decompressobj(_GZIP_OR_ZLIB) if encoding in {b"gzip", b"x-gzip", b"deflate"} else None
        )

    def on_body(self, body: bytes) -> None:
        """A piece of the answer."""
        answer = self._answer
        if answer is None or self._ended:
            return
        if self._inflater is not None:
            try:
                body = self._inflater.decompress(body, _MOST_REPLY + 1)
            except zlib.error:
                self._fail("the reply cannot be unpacked")
                return
        answer.add(body)
        if answer.whole and answer.waiting > (_MOST_REFUSAL if answer.status >= 400 else _MOST_REPLY):
            if answer.status >= 400:
                self._ended = "close"
            else:
                self._fail("the reply is too large")

    def on_message_complete(self) -> None:
        """The answer is over."""
        self._head.clear()
        if not self._ended and self._answer is not None and self._answer.status:
            self._ended = "keep" if self._parser.should_keep_alive() else "close"

    # how an exchange ends

    def _finish(self, *, keep: bool) -> None:
        """The answer is there; the connection is free for another, or closed."""
        answer, self._answer = self._answer, None
        self._ended, self._head_bytes, self._inflater = "", 0, None
        if answer is not None:
            answer.over = True
            answer.wake()
        transport = self._transport
        if transport is None:
            return
        if self._paused:
            self._paused = False
            transport.resume_reading()
        kept = keep and not transport.is_closing() and not transport.get_write_buffer_size()
        if kept:
            self._freed(self, True)
        else:
            transport.close()

    def _fail(self, what: str, error: Exception | None = None, *, late: bool = False) -> None:
        """There will be no answer, or no more of it; what was made of it is charged."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if late:
            failure = ProviderFailure("model-timeout", what)
        elif answer.status and not answer.whole:
            failure = ProviderFailure("stream-broken", what)
        else:
            failure = ProviderFailure("model-unavailable", what, charged="reply" if answer.status else None)
        failure.__cause__ = error
        self._failure = failure
        answer.wake(failure)
        self.abort()

    def _late(self) -> None:
        self._fail("no answer in time", late=True)
