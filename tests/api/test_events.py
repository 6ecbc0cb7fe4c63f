"""Server-sent events: a sign of life, problems, and an end of the work when the reader has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from deskmind.api.events import Sent, event_stream, server_sent_events
from deskmind.errors import DatabaseUnavailableError, NotFoundError


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
        await event_stream(missing())


async def test_a_later_error_is_the_last_event_and_moves_no_place() -> None:
    async def failing() -> AsyncIterator[Sent]:
        yield Sent("step", "a", {})
        raise DatabaseUnavailableError("PostgreSQL does not answer.")

    response = await event_stream(failing())
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
