"""Server-sent events: a sign of life, problems, and an end of the work when the reader has gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message

from deskmind.api import problems
from deskmind.api.events import Sent, event_stream, server_sent_events
from deskmind.errors import DatabaseUnavailableError, NotFoundError

_NEVER = 3600.0

Serve = Callable[[FastAPI], AbstractAsyncContextManager[str]]


async def _there() -> Message:
    """Of a reader that stays."""
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


async def test_silence_is_broken_until_the_next_event() -> None:
    going = asyncio.Event()

    async def slow() -> AsyncIterator[Sent]:
        yield Sent("run", "1", {"state": "running"})
        await going.wait()
        yield Sent("run", "2", {"state": "done"})

    frames = server_sent_events(slow(), beat_seconds=0.001)
    assert await anext(frames) == 'id: 1\nevent: run\ndata: {"state": "running"}\n\n'
    assert await anext(frames) == ": still here\n\n"
    going.set()
    rest = [frame async for frame in frames]
    assert rest[-1].startswith("id: 2\n")


async def test_an_error_before_the_first_event_has_a_status_of_its_own() -> None:
    async def missing() -> AsyncIterator[Sent]:
        raise NotFoundError("There is no such run.")
        yield

    with pytest.raises(NotFoundError):
        await event_stream(missing(), _there)


async def test_a_later_error_is_the_last_event_and_moves_no_place() -> None:
    async def failing() -> AsyncIterator[Sent]:
        yield Sent("step", "a", {})
        raise DatabaseUnavailableError("PostgreSQL does not answer.")

    response = await event_stream(failing(), _there)
    assert isinstance(response, StreamingResponse)
    frames = [str(frame) async for frame in response.body_iterator]
    assert frames[0].startswith("id: a\n")
    assert frames[1].startswith("event: problem\ndata: ")
    assert len(frames) == 2


async def test_the_work_ends_with_its_reader() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[Sent]:
        try:
            yield Sent("delta", "1", {})
            await asyncio.Event().wait()
        finally:
            ended.set()

    frames = server_sent_events(endless())
    await anext(frames)
    await frames.aclose()
    await asyncio.wait_for(ended.wait(), 60)


def _telling(events: Callable[[], AsyncIterator[Sent]], beat_seconds: float) -> FastAPI:
    """A service with one stream, at ``/``."""
    service = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False})
    problems.install(service)

    @service.get("/", response_class=StreamingResponse)
    async def stream(request: Request) -> Response:
        return await event_stream(events(), request.receive, beat_seconds=beat_seconds)

    return service


async def test_a_stream_shows_that_it_is_there_before_its_first_event(serving: Serve) -> None:
    going = asyncio.Event()

    async def slow() -> AsyncIterator[Sent]:
        await going.wait()
        yield Sent("run", "1", {})
        raise DatabaseUnavailableError("PostgreSQL does not answer.")

    async with (
        serving(_telling(slow, 0.001)) as address,
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", address) as answer,
    ):
        lines = answer.aiter_lines()
        assert (answer.status_code, await anext(lines)) == (200, ": still here")
        going.set()
        said = [line async for line in lines if line and not line.startswith(":")]
    assert said[:3] == ["id: 1", "event: run", "data: {}"]
    assert said[3] == "event: problem"


async def test_an_error_after_the_first_sign_of_life_is_an_event(serving: Serve) -> None:
    going = asyncio.Event()

    async def failing() -> AsyncIterator[Sent]:
        await going.wait()
        raise DatabaseUnavailableError("PostgreSQL does not answer.")
        yield

    async with (
        serving(_telling(failing, 0.001)) as address,
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", address) as answer,
    ):
        lines = answer.aiter_lines()
        await anext(lines)
        going.set()
        said = [line async for line in lines if line and not line.startswith(":")]
    assert (answer.status_code, said[0]) == (200, "event: problem")
    assert json.loads(said[1].removeprefix("data: "))["status"] == 503


async def test_an_error_before_the_first_sign_of_life_is_a_problem_over_http(serving: Serve) -> None:
    async def missing() -> AsyncIterator[Sent]:
        raise NotFoundError("There is no such run.")
        yield

    async with serving(_telling(missing, _NEVER)) as address, httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_the_work_ends_when_the_reader_leaves_before_the_first_event(serving: Serve) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> AsyncIterator[Sent]:
        try:
            begun.set()
            await asyncio.Event().wait()
            yield Sent("delta", "1", {})
        finally:
            ended.set()

    async with serving(_telling(endless, _NEVER)) as address, httpx.AsyncClient(timeout=60) as client:
        asking = asyncio.create_task(client.get(address))
        await asyncio.wait_for(begun.wait(), 60)
        asking.cancel()
        await asyncio.wait_for(ended.wait(), 60)
