"""The HTTP client of all connectors: one host, at the vendor's pace, bounded in time and size.

A request that changes nothing is tried again after 429, 5xx, a broken connection or a broken answer. One that changes
something is tried again only where the vendor cannot have seen it: after 429, 401, or no connection; else its outcome
is unknown, and the error says so. What counts as a failure of the vendor is a request that was given up, not an attempt: one
record that it answers with 500 each time must not keep it from being asked for the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote, urlencode

from deskmind.cache.breaker import Breaker
from deskmind.connectors.core.auth import Auth
from deskmind.connectors.core.failures import (
    Broken,
    circuit_open,
    lost,
    not_json,
    refusal,
    too_large,
    unanswered,
    unknown,
)
from deskmind.connectors.core.journal import RequestLog
from deskmind.connectors.core.pace import Pace, Reading
from deskmind.connectors.core.reach import GuardedResolver, Reach
from deskmind.connectors.core.retry import Limits, Retry, retry_after
from deskmind.connectors.core.wire import decoded, no_words, once, whole
from deskmind.errors import SourceAuthenticationError, SourceRateLimitedError
from deskmind.observability import span

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Answer", "Client"]

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
_TRANSIENT = frozenset({408, 425, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_MOST_MOVES = 3
_GIVEN_UP = 2
"""After so many requests in a row that were given up the vendor is not asked for a while."""
_PART_ATTEMPTS = 2
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``data`` is the JSON, None where there was no body."""

    status: int
    headers: Mapping[str, str]
    data: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Sending:
    method: Method
    url: Any
    body: Callable[[], Any] | None
    headers: Mapping[str, str]
    safe: bool
    authenticated: bool = True
    renewed: bool = False
    file: bool = False
    part: bool = False


class Client:
    """Requests to one instance of one vendor."""

    def __init__(
        self,
        reach: Reach,
        auth: Auth,
        *,
        pace: Pace,
        limits: Limits | None = None,
        retry: Retry | None = None,
        breaker: Breaker | None = None,
        reading: Callable[[Mapping[str, str]], Reading | None] = lambda headers: None,
        words: Callable[[Any], str] = no_words,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        """No connection is opened before the first request.

        Args:
            reach: where requests may go.
            auth: how they are authenticated.
            pace: how fast they go.
            limits: bounds of time and size.
            retry: when to try again.
            breaker: when to stop asking.
            reading: what the vendor's headers say about its limit.
            words: the vendor's message in the JSON of an error.
            sleep: how to wait between attempts.
        """
        self.reach = reach
        self.pace = pace
        self.log = RequestLog()
        self._auth = auth
        self._limits = limits or Limits()
        self._retry = retry or Retry()
        self._breaker = breaker or Breaker(threshold=_GIVEN_UP, pause=15.0)
        self._reading = reading
        self._words = words
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Return connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Callable[[], Any] | None = None,
        headers: Mapping[str, str] | None = None,
        safe: bool | None = None,
        part: bool = False,
    ) -> Answer:
        """One request, tried as often as it may be.

        Args:
            method: of HTTP.
            path: below the instance's address, or an address of the instance.
            query: encoded here, a list as a repeated name; None is left to the caller.
            json: the body.
            form: makes the body anew for each attempt, for files.
            headers: beside those of authentication.
            safe: whether it changes nothing; GET does not.
            part: whether it asks for a part of what was given up, to find what is to blame: it is tried twice, and sent also while
                the vendor is not asked otherwise.
        """
        encoded = (
            f"{path}{'&' if '?' in path else '?'}{urlencode(query, doseq=True, quote_via=quote)}"
            if query
            else path
        )
        body = form if form is not None else (None if json is None else lambda: _json(json))
        sent = {"Accept": "application/json", **(headers or {})}
        if json is not None:
            sent["Content-Type"] = "application/json"
        safe = method == "GET" if safe is None else safe
        sending = _Sending(
            method, self.reach.address(encoded), body, sent, safe, file=form is not None, part=part
        )
        with span(f"{method} {self.reach.host}", kind="client", **{"server.address": self.reach.host}):
            return await self._persist(sending)

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON at a path."""
        return (await self.request("GET", path, query=query)).data

    async def stream(self, location: str) -> AsyncIterator[bytes]:
        """A file in pieces of 64 KiB. Our credentials go to the instance alone, whatever it redirects to."""
        url, ours = self.reach.download(location)
        for _ in range(_MOST_MOVES + 1):
            response = await self._open(url, ours)
            if response.status not in _MOVED:
                break
            response.release()
            target = str(response.url.join(_relative(response.headers.get("Location", ""))))
            url, ours = self.reach.download(target)
        else:
            raise lost(self.reach.host, "it redirects without end")
        received = 0
        try:
            async for piece in response.content.iter_chunked(_PIECE):
                received += len(piece)
                if received > self._limits.file_bytes:
                    raise too_large(self.reach.host, self._limits.file_bytes)
                yield piece
        except Broken.errors() as error:
            raise lost(self.reach.host, "the file broke off") from error
        finally:
            response.close()

    async def exchange(
        self, address: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """A token for a form, at the configured token address; a refused form is a refusal of our credentials."""
        sent = {"Accept": "application/json", **headers}
        sending = _Sending(
            "POST", self.reach.token(address), lambda: dict(form), sent, safe=True, authenticated=False
        )
        answer = await self._persist(sending)
        data: Any = answer.data
        return cast("dict[str, Any]", data) if isinstance(data, dict) else {}

    async def _persist(self, sending: _Sending) -> Answer:
        attempts = min(self._retry.attempts, _PART_ATTEMPTS) if sending.part else self._retry.attempts
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                return await self._once(sending, attempt)
            except _Renew:
                sending = _replaced(sending)
                continue
            except Broken as broken:
                if last or not (sending.safe or broken.unseen):
                    raise self._given_up(sending, broken, attempt) from broken.__cause__
                asked = broken.retry_after
                if asked is not None and asked > self._retry.patience:
                    raise self._given_up(sending, broken, attempt) from broken.__cause__
                await self._sleep(self._retry.pause(attempt, None if broken.limited else asked))
        raise SourceAuthenticationError(
            f"{self.reach.host} refuses a token that it has just given.",
            remedy="Check the application's registration and the user's state at the vendor.",
            source=self.reach.host,
        )

    async def _once(self, sending: _Sending, attempt: int) -> Answer:
        headers = dict(sending.headers)
        if sending.authenticated:
            headers |= await self._auth.headers(self.exchange)
        if not sending.part and not self._breaker.admits():
            raise circuit_open(self.reach.host)
        try:
            await self.pace.take()
            answer = await self._exchange(sending, headers, attempt)
        except Broken as broken:
            if broken.answered:
                self._breaker.succeeded()
            elif self._breaker.open and not sending.part:  # this was the one to see whether it is back
                self._breaker.failed()
            raise
        except asyncio.CancelledError:
            self._breaker.unknown()
            raise
        except BaseException:
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        self._judge(sending, headers, answer)
        return Answer(answer.status, answer.headers, decoded(answer.data, answer.status))

    async def _exchange(self, sending: _Sending, headers: Mapping[str, str], attempt: int) -> Answer:
        begun, status, received = time.monotonic(), 0, 0
        try:
            async with self._http().request(
                sending.method,
                sending.url,
                headers=headers,
                data=sending.body() if sending.body else None,
                allow_redirects=False,
                timeout=self._file_timeout() if sending.file else self._timeout(),
                middlewares=() if sending.safe else (once,),
            ) as response:
                status = response.status
                self._throttled(response)
                self.pace.told(self._reading(response.headers))
                content = await whole(response, self._limits.answer_bytes, self.reach.host)
                received = len(content)
                if status in _TRANSIENT:
                    raise Broken(f"HTTP {status}", retry_after=retry_after(response.headers), status=status)
                return Answer(status, response.headers.copy(), content)
        except Broken.errors() as error:
            raise Broken.of(error) from error
        finally:
            spent = time.monotonic() - begun
            self.log.add(sending.method, sending.url.path, status, spent, attempt, received)

    def _throttled(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 429:
            return
        asked = retry_after(response.headers)
        wait = min(asked if asked is not None else 5.0, self._retry.patience)
        self.pace.refused(wait)
        raise Broken("HTTP 429", retry_after=asked, status=429, unseen=True, limited=True, answered=True)

    def _judge(self, sending: _Sending, headers: Mapping[str, str], answer: Answer) -> None:
        if answer.status in _MOVED:
            raise lost(self.reach.host, "it redirects to another address")
        if answer.status < 400:
            return
        renewable = sending.authenticated and not sending.renewed and answer.status == 401
        if renewable and self._auth.renew(headers):
            raise _Renew
        raise refusal(
            self.reach.host, answer.status, answer.data, self._words, authenticating=not sending.authenticated
        )

    def _given_up(self, sending: _Sending, broken: Broken, attempts: int) -> Exception:
        if not broken.answered and not sending.part and not self._breaker.open:
            self._breaker.failed()
        if broken.limited:
            return SourceRateLimitedError(
                f"{self.reach.host} wants fewer requests.",
                why="It refused this one although we kept to the limit it names; others may use it too.",
                remedy="Wait, or ask its administrator for a higher limit.",
                source=self.reach.host,
                attempts=attempts,
                retry_after=broken.retry_after,
            )
        if not sending.safe and not broken.unseen:
            return unknown(self.reach.host, broken)
        if broken.reply:
            return not_json(self.reach.host, broken.why)
        return unanswered(self.reach.host, broken, attempts)

    async def _open(self, url: Any, ours: bool) -> aiohttp.ClientResponse:
        for attempt in range(1, self._retry.attempts + 1):
            headers: Mapping[str, str] = await self._auth.headers(self.exchange) if ours else {}
            await self.pace.take()
            begun, status = time.monotonic(), 0
            try:
                response = await self._http().get(
                    url, headers=headers, allow_redirects=False, timeout=self._file_timeout()
                )
                status = response.status
                if status < 400:
                    return response
                await self._refused_file(response, headers, ours=ours, last=attempt == self._retry.attempts)
            except Broken.errors() as error:
                if attempt == self._retry.attempts:
                    raise unanswered(self.reach.host, Broken.of(error), attempt) from error
                await self._sleep(self._retry.pause(attempt, None))
            finally:
                self.log.add("GET", url.path, status, time.monotonic() - begun, attempt)
        raise lost(self.reach.host, "the file was not given")

    async def _refused_file(
        self, response: aiohttp.ClientResponse, headers: Mapping[str, str], *, ours: bool, last: bool
    ) -> None:
        """Wait before another attempt, or raise."""
        async with response:
            content = await whole(response, _PIECE, self.reach.host)
            asked = retry_after(response.headers)
            if response.status == 429:
                self.pace.refused(min(asked if asked is not None else 5.0, self._retry.patience))
        again = response.status == 429 or response.status in _TRANSIENT
        if response.status == 401 and ours:
            again = self._auth.renew(headers)
        if last or not again:
            raise refusal(self.reach.host, response.status, content, self._words)
        if response.status in _TRANSIENT:
            await self._sleep(self._retry.pause(1, asked))

    def _http(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            import aiohttp

            resolver = GuardedResolver(aiohttp.ThreadedResolver(), self.reach.networks)
            connector = aiohttp.TCPConnector(
                limit=self._limits.connections, resolver=resolver, ttl_dns_cache=60
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout(),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
            self._loop = loop
        return self._session

    def _timeout(self) -> aiohttp.ClientTimeout:
        import aiohttp

        limits = self._limits
        return aiohttp.ClientTimeout(
            total=limits.total, connect=None, sock_connect=limits.connect, sock_read=limits.read
        )

    def _file_timeout(self) -> aiohttp.ClientTimeout:
        import aiohttp

        return aiohttp.ClientTimeout(
            total=None, sock_connect=self._limits.connect, sock_read=self._limits.read
        )


class _Renew(Exception):
    """Our credentials were refused and may be taken anew."""


def _replaced(sending: _Sending) -> _Sending:
    return replace(sending, renewed=True)


def _json(value: Any) -> bytes:
    import orjson

    return orjson.dumps(value)


def _relative(location: str) -> Any:
    from yarl import URL

    return URL(location, encoded=True)
