"""Connections to providers: how answers are framed, how they break, and what becomes of the connection."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deskmind.gateway.providers import ProviderFailure, connections
from deskmind.gateway.providers.connections import Answer, Connections, target
from deskmind.sandbox.web.certificate import server_context

JSON = b'{"say": "hello"}'
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + JSON
Until = Callable[[Callable[[], object]], Any]


class Server:
    """Answers each request with the next piece of the script, or the last one again; ``close`` ends the connection."""

    def __init__(self) -> None:
        self.script: list[bytes] = [SIZED]
        self.close = False
        self.byte_by_byte = False
        self.hold: asyncio.Event | None = None
        self.connections = 0
        self.open = 0
        self.requests: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.open += 1
        self.writers.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(size))
                if self.hold is not None:
                    held = asyncio.ensure_future(self.hold.wait())
                    await asyncio.wait(
                        [held, asyncio.ensure_future(reader.read(1))], return_when="FIRST_COMPLETED"
                    )
                    held.cancel()
                await self._answer(writer)
                if self.close:
                    break
        self.open -= 1
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        data = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        for piece in [data[place : place + 1] for place in range(len(data))] if self.byte_by_byte else [data]:
            writer.write(piece)
            await writer.drain()
            if self.byte_by_byte:
                await asyncio.sleep(0)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    """A server that does as it is told, and its address."""
    told = Server()
    listening = await asyncio.start_server(told.handle, "127.0.0.1", 0)
    yield told, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/x"
    listening.close()
    for writer in told.writers:
        writer.transport.abort()


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Connections]]:
    """Makes pools that are closed at the end."""
    made: list[Connections] = []

    def new(most: int = 0) -> Connections:
        made.append(Connections(most))
        return made[-1]

    yield new
    for pool in made:
        await pool.close()


async def ask(pool: Connections, url: str, *, whole: bool = True, seconds: float = 60.0) -> Answer:
    """One request."""
    to = target(url, {"X-Mine": "yes"})
    return await pool.ask(to, "X-Id: 7\r\n", b"{}", whole=whole, connect=60, seconds=seconds)


def packed(data: bytes, encoding: bytes = b"gzip") -> bytes:
    """An answer that is packed."""
    body = gzip.compress(data)
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        encoding,
        len(body),
        body,
    )


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n"
    + JSON[:6]
    + b"\r\nA\r\n"
    + JSON[6:]
    + b"\r\n0\r\n"
)
FRAMES = {
    "sized": SIZED,
    "chunked": CHUNKED + b"\r\n",
    "with a trailer": CHUNKED + b"X-Late: 1\r\n\r\n",
    "after interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    + SIZED,
    "packed": packed(JSON),
}


@pytest.mark.parametrize("byte_by_byte", [False, True])
@pytest.mark.parametrize("frame", FRAMES)
async def test_an_answer_is_read_as_it_is_framed_and_its_connection_kept(
    make: Any, server: tuple[Server, str], frame: str, byte_by_byte: bool
) -> None:
    told, url = server
    told.script, told.byte_by_byte = [FRAMES[frame]], byte_by_byte
    pool = make()
    for _ in range(3):
        answer = await ask(pool, url)
        assert (answer.status, answer.body, answer.over) == (200, JSON, True)
    assert told.connections == 1
    line, *headers = told.requests[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert line == "POST /v1/x HTTP/1.1"
    assert {"X-Mine: yes", "X-Id: 7", "Content-Length: 2", f"Host: {url.split('/')[2]}"} <= set(headers)


@pytest.mark.parametrize(
    "answer",
    [
        SIZED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        b"HTTP/1.0 200 OK\r\n\r\n" + JSON,
        b"HTTP/1.1 200 OK\r\n\r\n" + JSON,
        SIZED + SIZED,
        SIZED + b"and what nobody asked for",
    ],
)
async def test_a_connection_whose_end_is_in_doubt_carries_no_other_request(
    make: Any, server: tuple[Server, str], answer: bytes
) -> None:
    told, url = server
    told.script, told.close = [answer], True
    pool = make()
    for number in (1, 2):
        assert (await ask(pool, url)).body == JSON
        assert told.connections == number


async def test_many_at_once_have_a_connection_each_and_leave_them_to_the_next(
    make: Any, server: tuple[Server, str]
) -> None:
    told, url = server
    pool = make()
    for _ in range(2):
        answers = await asyncio.gather(*(ask(pool, url) for _ in range(8)))
        assert all(answer.body == JSON for answer in answers)
    assert told.connections == 8


async def test_answers_belong_to_their_requests_however_they_share_connections(
    make: Any, server: tuple[Server, str]
) -> None:
    told, url = server
    pool = make(3)

    async def numbered(writer: asyncio.StreamWriter) -> None:
        number = told.requests[-1].partition(b"X-Id: ")[2].split(b"\r\n")[0]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(number), number))

    told._answer = numbered  # type: ignore[method-assign]

    async def some(first: int) -> list[tuple[int, bytes]]:
        to = target(url, {})
        found: list[tuple[int, bytes]] = []
        for number in range(first, 200, 10):
            answer = await pool.ask(to, f"X-Id: {number}\r\n", b"{}", whole=True, connect=60, seconds=60)
            found.append((number, answer.body))
        return found

    for found in await asyncio.gather(*(some(first) for first in range(10))):
        assert all(body == b"%d" % number for number, body in found)
    assert told.connections <= 3
    assert len(told.requests) == 200


BROKEN: dict[str, tuple[bytes, str, str | None]] = {
    "nothing": (b"", "closed", None),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", "HTTP", None),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", "closed", None),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "HTTP", None),
    "a head without end": (b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 300_000, "head", None),
    "half a body": (SIZED[:-4], "broke off", "reply"),
    "half a chunk": (CHUNKED[:-20], "broke off", "reply"),
    "a wrong chunk": (CHUNKED.replace(b"A\r\n", b"zz\r\n"), "HTTP", "reply"),
    "not packed": (packed(JSON)[:-10] + b"x" * 10, "unpacked", "reply"),
    "packed too large": (packed(bytes(65 * 2**20)), "too large", "reply"),
    "another protocol": (
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx" * 2,
        "HTTP",
        None,
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_each_way_to_break_is_told_and_charged_when_there_was_a_reply(
    make: Any, server: tuple[Server, str], until: Until, kind: str
) -> None:
    told, url = server
    told.close = True
    data, words, charged = BROKEN[kind]
    told.script = [data, SIZED]
    pool = make()
    with pytest.raises(ProviderFailure) as raised:
        await ask(pool, url)
    failure = raised.value
    assert (failure.cause, failure.charged) == ("model-unavailable", charged)
    assert words in failure.detail
    assert (await ask(pool, url)).body == JSON  # over another connection
    await until(lambda: told.open == 0)


async def test_a_refusal_is_whole_also_for_a_stream_and_cut_when_it_is_long(
    make: Any, server: tuple[Server, str]
) -> None:
    told, url = server
    body = b"no! " * 50_000
    told.script = [
        b"HTTP/1.1 429 Wait\r\nRetry-After: 3\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
        b"HTTP/1.1 500 Bad\r\nContent-Length: 1000\r\n\r\nhalf of it",
    ]
    pool = make()
    answer = await ask(pool, url, whole=False)
    assert (answer.status, answer.headers["retry-after"], answer.over) == (429, "3", True)
    assert 64 * 1024 <= len(answer.body) < len(body)
    told.close = True
    answer = await ask(pool, url, whole=False)
    assert (answer.status, answer.body) == (500, b"half of it")


async def test_a_connection_that_was_closed_while_idle_is_not_asked(
    make: Any, server: tuple[Server, str], until: Until
) -> None:
    told, url = server
    pool = make()
    await ask(pool, url)
    told.writers[0].close()
    await until(lambda: not pool._all)
    assert (await ask(pool, url)).body == JSON
    assert told.connections == 2


async def test_idle_connections_are_closed_in_time(
    make: Any, server: tuple[Server, str], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, url = server
    monkeypatch.setattr(connections, "_KEPT_SECONDS", 0.01)
    pool = make()
    await asyncio.gather(*(ask(pool, url) for _ in range(3)))
    await until(lambda: told.open == 0)
    await until(lambda: not pool._all and not pool._idle)


async def test_a_limit_makes_requests_wait_whatever_becomes_of_those_before(
    make: Any, server: tuple[Server, str], until: Until
) -> None:
    told, url = server
    pool = make(1)
    told.hold = asyncio.Event()
    first = asyncio.create_task(ask(pool, url))
    await until(lambda: told.requests)
    others = [asyncio.create_task(ask(pool, url)) for _ in range(4)]
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await until(lambda: len(told.requests) == 2)
    told.hold = None
    told.writers[-1].transport.abort()
    found = await asyncio.gather(*others, return_exceptions=True)
    assert [isinstance(each, ProviderFailure) for each in found] == [True, False, False, False]
    assert (
        told.connections == 3
    )  # the second took the place of the one that was left, the third that of the broken one
    with pytest.raises(ProviderFailure):
        await ask(pool, "http://127.0.0.1:1/")
    with pytest.raises(ProviderFailure):
        await ask(pool, "http://127.0.0.1:1/")  # the first one's place is free again


async def test_who_stops_waiting_closes_the_connection(
    make: Any, server: tuple[Server, str], until: Until
) -> None:
    told, url = server
    told.hold = asyncio.Event()
    pool = make()
    with pytest.raises(ProviderFailure) as raised:
        await ask(pool, url, seconds=0.05)
    assert (raised.value.cause, raised.value.charged) == ("model-timeout", None)
    task = asyncio.create_task(ask(pool, url))
    await until(lambda: told.connections == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: told.open == 0)
    assert not pool._all


async def test_pieces_are_read_as_they_come_and_a_reader_that_left_loses_none(
    make: Any, server: tuple[Server, str]
) -> None:
    told, url = server
    told.script = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
    pool = make()
    answer = await ask(pool, url, whole=False)
    assert (answer.status, answer.over) == (200, False)
    waiting = asyncio.create_task(answer.more())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    told.writers[0].write(b"3\r\none\r\n")
    assert await answer.more() == b"one"
    told.writers[0].write(b"3\r\ntwo\r\n0\r\n\r\n")
    assert await answer.more() == b"two"
    assert await answer.more() == b""
    answer.close()
    assert (await ask(pool, url, whole=False)).status == 200
    assert told.connections == 1


async def test_a_stream_breaks_after_what_came_was_read(make: Any, server: tuple[Server, str]) -> None:
    told, url = server
    told.close, told.script = True, [CHUNKED[:-20]]
    answer = await ask(make(), url, whole=False)
    assert await answer.more() == JSON[:6]
    with pytest.raises(ProviderFailure) as raised:
        await answer.more()
    assert raised.value.cause == "stream-broken"


async def test_a_provider_waits_for_a_slow_reader(
    make: Any, server: tuple[Server, str], until: Until
) -> None:
    told, url = server
    size = 32 * 2**20
    told.script = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)]
    answer = await ask(make(), url, whole=False)
    await until(lambda: answer.waiting > 256 * 1024)
    for _ in range(100):
        await asyncio.sleep(0)
    assert answer.waiting < 2**20
    read = 0
    while piece := await answer.more():
        read += len(piece)
    assert read == size


@pytest.mark.parametrize(
    ("name", "value"), [("X-Bad", "a\r\nX-More: b"), ("X-Bad\r\nX", "a"), ("X Bad", "a"), ("X", "a\0b")]
)
def test_a_header_that_would_become_two_is_refused(name: str, value: str) -> None:
    with pytest.raises(ProviderFailure, match="model-unavailable"):
        target("http://127.0.0.1/", {name: value})


def test_a_configured_header_cannot_change_how_a_request_is_framed_but_its_host() -> None:
    to = target(
        "https://provider.test:8443/a b?x=1", {"Content-Length": "9", "connection": "close", "host": "other"}
    )
    assert to.place == ("provider.test", 8443, True)
    assert to.head == b"POST /a%20b?x=1 HTTP/1.1\r\nhost: other\r\nAccept: */*\r\n"


async def test_tls_is_spoken_with_who_can_prove_its_name_only(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, authority = Server(), tmp_path / "authority.pem"
    context: ssl.SSLContext = server_context("127.0.0.1", authority)
    listening = await asyncio.start_server(told.handle, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    connections._tls.cache_clear()
    with pytest.raises(ProviderFailure, match="model-unavailable") as raised:
        await ask(make(), url)
    assert "SSLCertVerificationError" in raised.value.detail
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    connections._tls.cache_clear()
    try:
        pool = make()
        assert (await ask(pool, url)).body == JSON
        assert (await ask(pool, url)).body == JSON
    finally:
        connections._tls.cache_clear()
        listening.close()
    assert told.connections == 1
    await pool.close()
