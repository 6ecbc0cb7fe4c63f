"""A request that takes too long is given up, and says so."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from tests.api.conftest import Serve

from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.manners.deadline import Deadline, Watch, Watched


def _service(seconds: float) -> FastAPI:
    service = FastAPI(telemetry=UNWATCHED)
    never = asyncio.Event()

    @service.post("/slow")
    async def slow() -> None:
        await never.wait()

    @service.post("/reading")
    async def reading(request: Request) -> int:
        return len(await request.body())

    @service.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces():
            yield b"first"
            await asyncio.sleep(3 * seconds)
            yield b"last"

        return StreamingResponse(pieces())

    service.add_middleware(Deadline, seconds=seconds)
    return service


async def test_who_is_not_answered_in_time_is_told(serving: Serve) -> None:
    async with serving(_service(0.1)) as address, httpx.AsyncClient(base_url=address) as client:
        late = await client.post("/slow", json={})
    assert late.status_code == 504
    assert late.json()["type"] == "urn:deskmind:problem:request-timeout"


async def test_who_does_not_finish_asking_is_told(serving: Serve) -> None:
    async with serving(_service(0.1)) as address:
        host, port = address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /reading HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome of it")
        answer = await asyncio.wait_for(reader.readline(), 60)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_stream_that_has_begun_is_not_cut(serving: Serve) -> None:
    async with serving(_service(0.1)) as address, httpx.AsyncClient(base_url=address, timeout=60) as client:
        whole = await client.get("/stream")
    assert whole.content == b"firstlast"


async def test_a_watch_gives_up_what_is_late_and_nothing_else() -> None:
    watch, never, ended = Watch(0.1), asyncio.Event(), list[str]()

    async def work(name: str, *, quick: bool) -> None:
        try:
            with Watched(watch):
                await (asyncio.sleep(0) if quick else never.wait())
        except TimeoutError:
            name += ", late"
        await asyncio.sleep(0)  # whoever was given up may go on: nothing is left of it
        ended.append(name)

    async with asyncio.timeout(60):
        for _ in range(2):  # also when there was nothing to watch in between
            await asyncio.gather(*(work(str(number), quick=number % 2 == 0) for number in range(6)))
    assert sorted(ended) == sorted(2 * ["0", "1, late", "2", "3, late", "4", "5, late"])
    assert watch.under_way == {}


async def test_who_is_cancelled_under_a_watch_is_cancelled() -> None:
    watch, never = Watch(60.0), asyncio.Event()

    async def work() -> None:
        with Watched(watch):
            await never.wait()

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()
    await asyncio.wait([working])
    assert working.cancelled()
    assert watch.under_way == {}


def test_a_watch_outlives_the_loop_it_began_in() -> None:
    watch = Watch(0.05)

    async def late() -> bool:
        limit = Watched(watch)
        try:
            with limit:
                await asyncio.Event().wait()
        except TimeoutError:
            return limit.expired
        return False

    async def quick() -> None:
        with Watched(watch):
            await asyncio.sleep(0)

    asyncio.run(quick())
    assert asyncio.run(late())
