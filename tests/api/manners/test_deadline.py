"""A request that takes too long is given up, and says so."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from tests.api.conftest import Serve

from deskmind.api.application import _OURS as UNWATCHED
from deskmind.api.manners.deadline import Deadline


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
