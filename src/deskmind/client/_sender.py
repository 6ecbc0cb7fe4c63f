"""Sending requests: one pool of connections, errors as the SDK's own, repeated where that is safe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import orjson

from deskmind.client._address import address_of, check_confidential, sendable
from deskmind.client._call import Call
from deskmind.client._events import Frame, frames
from deskmind.client._problems import error_streamed, error_told
from deskmind.client._retries import Patience, Retries
from deskmind.errors import (
    DatabaseUnavailableError,
    DeskmindError,
    RequestInProgressError,
    ServerReplyError,
    ServerUnreachableError,
)

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientResponse, ClientSession

__all__ = ["Sender"]

_CONNECT_SECONDS = 10.0
_SILENT_SECONDS = 60.0
"""A server shows every 15 seconds that a stream is still there."""
_CONNECTIONS = 100
_ASKS_FOR_PATIENCE = frozenset({429, 503})
_GATEWAY = frozenset({502, 504})


class _FailedError(Exception):
    """An attempt did not succeed; whether another may be made, and after how many seconds the server wants it."""

    def __init__(self, error: DeskmindError, *, again: bool, after: float | None = None) -> None:
        super().__init__()
        self.error = error
        self.again = again
        self.after = after


class Sender:
    """Sends calls to one server with one key."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        timeout_seconds: float,
        retries: Retries,
        ssl: SSLContext | None,
        user_agent: str,
        insecure: bool = False,
    ) -> None:
        self._base = address_of(base_url)
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        if api_key is not None:
            if not insecure:
                check_confidential(self._base)
            self._headers["Authorization"] = f"Bearer {sendable(api_key)}"
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._ssl = ssl
        self._sessions: dict[bool, ClientSession] = {}

    async def json(self, call: Call) -> Any:
        """What is answered, as JSON."""
        return (await self.tagged(call))[0]

    async def tagged(self, call: Call) -> tuple[Any, str]:
        """The same, and its ``ETag``; empty where it has none."""
        content, tag = await self._reply(call)
        try:
            return orjson.loads(content), tag
        except orjson.JSONDecodeError as error:
            raise ServerReplyError(
                "The server's answer cannot be used.",
                why=f"{call.method} {call.path} is not answered with JSON.",
                remedy="See whether the address is that of a Deskmind service.",
            ) from error

    async def content(self, call: Call) -> bytes:
        """What is answered, as bytes."""
        return (await self._reply(call))[0]

    async def _reply(self, call: Call) -> tuple[bytes, str]:
        headers = self._headers_of(call)
        patience = self._retries.begin()
        while True:
            try:
                async with self._answered(call, headers, seconds=self._timeout_seconds) as response:
                    return await response.read(), response.headers.get("ETag", "")
            except _FailedError as failed:
                await _pause(failed, patience)

    async def text(self, call: Call) -> str:
        """What is answered, as text."""
        return (await self.content(call)).decode()

    async def nothing(self, call: Call) -> None:
        """Only that it was done."""
        await self.content(call)

    async def events(self, call: Call, *, until: str = "") -> AsyncIterator[Frame]:
        """A stream of events; one that breaks off is taken up after the last event, where repeating is safe.

        Args:
            call: what is asked.
            until: name of the event with which it ends; a stream that ends without it broke off.
        """
        patience, last = self._retries.begin(), ""
        while True:
            try:
                async for frame in self._frames(call, last):
                    last = frame.id or last
                    patience.renew()
                    yield frame
                    if frame.name == until:
                        return
                if not until:
                    return
                raise _FailedError(_broken(call, "it ended too early"), again=call.repeatable)
            except _FailedError as failed:
                await _pause(_resumable(failed, call, last), patience)

    async def close(self) -> None:
        """Close the connections."""
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()

    async def _frames(self, call: Call, last: str) -> AsyncIterator[Frame]:
        headers = {**self._headers, **_described(call), "Accept": "text/event-stream"}
        if last:
            headers["Last-Event-ID"] = last
        async with self._answered(call, headers, seconds=None) as response:
            async for frame in frames(response.content.iter_any()):
                if frame.name == "problem":
                    raise _ended(frame, repeatable=call.repeatable)
                yield frame

    @asynccontextmanager
    async def _answered(
        self, call: Call, headers: Mapping[str, str], *, seconds: float | None
    ) -> AsyncGenerator[ClientResponse]:
        """The response to one attempt, if it is one of success; raises _FailedError, also while it is read."""
        import aiohttp

        repeatable = call.repeatable or "Idempotency-Key" in headers
        try:
            async with AsyncExitStack() as resources:
                response = await self._asked(call, headers, seconds, resources)
                if response.status >= 300 and response.status not in call.also:
                    raise _refused(response, await response.read(), repeatable=repeatable)
                yield response
        except aiohttp.ClientConnectorError as error:  # nothing was sent
            raise _FailedError(_broken(call, _reason(error)), again=True) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _FailedError(_broken(call, _reason(error)), again=repeatable) from error

    async def _asked(
        self, call: Call, headers: Mapping[str, str], seconds: float | None, resources: AsyncExitStack
    ) -> ClientResponse:
        from aiohttp import ClientTimeout
        from yarl import URL

        data: Any = None if call.body is None else _encoded(call.body)
        if call.upload is not None:
            length, data = await resources.enter_async_context(call.upload.opened())
            headers = {**headers, "Content-Length": str(length)}
        silent = _SILENT_SECONDS if seconds is None else None
        once = not (call.repeatable or "Idempotency-Key" in headers)
        return await resources.enter_async_context(
            self._connected(anew=once).request(
                call.method,
                URL(self._base + call.target, encoded=True),
                data=data,
                headers=headers,
                timeout=ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS, sock_read=silent),
                allow_redirects=False,  # the key is for this server alone
            )
        )

    def _headers_of(self, call: Call) -> dict[str, str]:
        """Made once for all attempts, which therefore have the same ``Idempotency-Key``."""
        headers = {**self._headers, **_described(call)}
        if not call.repeatable:
            headers["Idempotency-Key"] = str(uuid4())
        if call.if_match is not None:
            headers["If-Match"] = call.if_match
        return headers

    def _connected(self, *, anew: bool) -> ClientSession:
        """The pool of connections, or one that makes a connection for each request.

        A connection that waited may have been closed by the server just now, and then nobody knows whether the request
        arrived: what cannot be repeated is not sent on one.
        """
        if anew not in self._sessions:
            from aiohttp import ClientSession, DummyCookieJar, TCPConnector

            trusted = self._ssl if self._ssl is not None else True
            connector = TCPConnector(limit=_CONNECTIONS, ssl=trusted, force_close=anew)
            self._sessions[anew] = ClientSession(connector=connector, cookie_jar=DummyCookieJar())
        return self._sessions[anew]


def _resumable(failed: _FailedError, call: Call, last: str) -> _FailedError:
    """A break after an event whose id says which stream it is of: the server goes on, or says that it cannot, and does nothing twice."""
    if failed.again or not call.resumes or "." not in last:
        return failed
    if not isinstance(failed.error, ServerUnreachableError):
        return failed
    resumed = _FailedError(failed.error, again=True)
    resumed.__cause__ = failed.__cause__
    return resumed


async def _pause(failed: _FailedError, patience: Patience) -> None:
    """Wait for the next attempt, or raise the error where there is none."""
    seconds = patience.wait(failed.after) if failed.again else None
    if seconds is None:
        raise failed.error from failed.__cause__
    await asyncio.sleep(seconds)


def _refused(response: ClientResponse, content: bytes, *, repeatable: bool) -> _FailedError:
    error = error_told(response.status, content, response.headers.get("X-Request-ID", ""))
    after = _seconds(response.headers.get("Retry-After", ""))
    if isinstance(error, RequestInProgressError):  # by an earlier attempt of ours, whose answer was lost
        return _FailedError(error, again=True, after=after)
    if response.status == 429:  # it was not begun
        return _FailedError(error, again=after is not None, after=after)
    return _FailedError(error, again=repeatable and _passes(error, response.status, after), after=after)


def _ended(frame: Frame, *, repeatable: bool) -> _FailedError:
    """What ended a stream, whose head with ``Retry-After`` had gone before: the problem itself says when to come back."""
    status, error = error_streamed(frame.data)
    wanted = error.details.get("retry_after")
    after = float(wanted) if isinstance(wanted, (int, float)) else None
    return _FailedError(error, again=repeatable and _passes(error, status, after), after=after)


def _passes(error: DeskmindError, status: int, after: float | None) -> bool:
    """Whether a later attempt may succeed."""
    return (
        status in _GATEWAY
        or (status in _ASKS_FOR_PATIENCE and after is not None)
        or isinstance(error, DatabaseUnavailableError)
    )


def _seconds(text: str) -> float | None:
    """``Retry-After``: seconds, or a date (RFC 9110, 10.2.3)."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None


def _described(call: Call) -> dict[str, str]:
    if call.upload is not None:
        return {"Content-Type": call.upload.media_type}
    return {} if call.body is None else {"Content-Type": "application/json"}


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body, default=_plain)
    except TypeError:  # text that is no Unicode: the server says what it makes of it
        return json.dumps(body, default=_plain).encode()


def _plain(value: Any) -> Any:
    """Of what has no form of its own in JSON, such as amounts of money; mappings and sequences of any kind are taken."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if isinstance(value, datetime):
        return value.isoformat()
    return list(cast("Iterable[Any]", value)) if isinstance(value, Iterable) else str(value)


def _reason(error: BaseException) -> str:
    """In words that hold no content."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    text = error.strerror if isinstance(error, OSError) else None
    return text or type(error).__name__


def _broken(call: Call, reason: str) -> ServerUnreachableError:
    return ServerUnreachableError(
        "The server did not answer.",
        why=f"{call.method} {call.path}: {reason}.",
        remedy="See whether it runs, and whether the address is right; then try again.",
    )
