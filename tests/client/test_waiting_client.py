"""The client for code that waits, over real sockets: when it asks for a page, and what close() does to threads inside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice

import pytest
from tests.client.test_sending import FOUND, Script, answer, stream

from deskmind.client import Client
from deskmind.errors import ClosedError

_MINUTE = 60
_CURSOR = "0190a3c2-8f4e-7c3d-9a41-2b6f0e9d1c55"
_DELTA = 'id: {0}\nevent: delta\ndata: {{"text": "{0}"}}\n\n'


@asynccontextmanager
async def serving(answers: list[bytes | None]) -> AsyncIterator[Script]:
    script = Script(answers=answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield script


def page(*titles: str, more: bool) -> bytes:
    return answer(200, {"documents": [{"title": one} for one in titles], "next": _CURSOR if more else None})


async def test_a_page_is_asked_for_when_the_one_before_it_is_used_up() -> None:
    def use(address: str, seen: list[object]) -> list[str]:
        with Client(address, api_key="k") as client:
            documents = client.documents.each(limit=2)
            first = [one.title for one in islice(documents, 2)]
            client.search("x")  # a page that had been asked for would have been so before
            assert len(seen) == 2
            return first + [one.title for one in documents]

    pages = [page("a", "b", more=True), answer(200, FOUND), page("c", "d", more=True), page("e", more=False)]
    async with serving([*pages]) as script:
        assert await asyncio.to_thread(use, script.address, script.seen) == ["a", "b", "c", "d", "e"]
    assert [line.partition("?")[0] for line, _, _ in script.seen] == [
        "GET /v1/documents",
        "POST /v1/search HTTP/1.1",
        "GET /v1/documents",
        "GET /v1/documents",
    ]


@asynccontextmanager
async def holding(begun: bytes) -> AsyncIterator[tuple[str, threading.Event, asyncio.Event]]:
    """A service that begins an answer and never goes on; its address, whether it has begun, and whether its client has gone away."""
    under_way, gone = threading.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begun)
        under_way.set()
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", under_way, gone


async def test_events_come_as_they_are_sent() -> None:
    def first_two(address: str) -> list[str]:
        with Client(address, api_key="k") as client:
            return [one.data.text for one in islice(client.ask_stream("x"), 2)]

    whole = stream(_DELTA.format(1), _DELTA.format(2), whole=False)
    async with holding(whole) as (address, _, gone):
        assert await asyncio.to_thread(first_two, address) == ["1", "2"]
        async with asyncio.timeout(_MINUTE):
            await gone.wait()


@pytest.mark.parametrize(
    ("use", "begun"),
    [
        (lambda client: client.search("x"), b""),
        (lambda client: list(client.ask_stream("x")), stream(_DELTA.format(1), whole=False)),
        (lambda client: list(client.documents.each()), b""),
    ],
)
async def test_closing_ends_the_calls_of_other_threads(use: Callable[[Client], object], begun: bytes) -> None:
    told: list[BaseException] = []

    def closed(address: str, under_way: threading.Event) -> None:
        client = Client(address, api_key="k")

        def inside() -> None:
            try:
                use(client)
            except BaseException as error:
                told.append(error)

        thread = threading.Thread(target=inside, daemon=True)
        thread.start()
        assert under_way.wait(_MINUTE)
        client.close()
        thread.join(_MINUTE)

    async with holding(begun) as (address, under_way, _):
        await asyncio.to_thread(closed, address, under_way)
    assert [type(error) for error in told] == [ClosedError]
    assert "while it was in use" in str(told[0])


@pytest.fixture
def closed() -> Client:
    with Client("http://127.0.0.1:9", api_key="k") as client:
        pass
    return client


def test_a_closed_client_says_so(closed: Client) -> None:
    closed.close()
    for call in (closed.documents.list, lambda: next(closed.documents.each()), lambda: closed.search("x")):
        with pytest.raises(ClosedError, match="The client is closed"):
            call()
