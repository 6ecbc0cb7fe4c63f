"""An answer's stream is gone on with after a break, by whoever began it, and asked for once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deskmind.api.events import Sent
from deskmind.api.resuming import AnswerStreams
from deskmind.client import AsyncClient
from deskmind.errors import QuestionTooLongError, StreamGoneError

_LONG = 600.0
_ASKED = {"question": "How long does a VPN token take?"}
_STREAM = {"Accept": "text/event-stream"}


class Worded:
    """An answer that is worded as far as the test says."""

    def __init__(self, pieces: int = 4) -> None:
        self.may = asyncio.Semaphore(0)
        self.ended = asyncio.Event()
        self._pieces = pieces

    async def events(self) -> AsyncIterator[Sent]:
        try:
            for number in range(1, self._pieces + 1):
                await self.may.acquire()
                yield Sent("delta", str(number), {"text": f"piece {number}"})
        finally:
            self.ended.set()

    def word(self, pieces: int) -> None:
        for _ in range(pieces):
            self.may.release()


async def _rest(events: AsyncIterator[Sent]) -> list[str]:
    return [event.data["text"] async for event in events]


async def test_what_was_missed_is_told_and_then_what_comes() -> None:
    streams, worded = AnswerStreams(_LONG), Worded()
    begun = streams.begin("ann", worded.events())
    worded.word(3)
    first = await anext(begun)
    assert first.id.endswith(".1")
    await begun.aclose()  # type: ignore[attr-defined]
    resumed = streams.resume("ann", first.id)
    assert (await anext(resumed)).data["text"] == "piece 2"
    assert (await anext(resumed)).id == first.id[:-1] + "3"
    worded.word(1)
    assert await _rest(resumed) == ["piece 4"]
    assert await _rest(streams.resume("ann", first.id)) == ["piece 2", "piece 3", "piece 4"]
    await streams.close()


async def test_what_nobody_has_begun_to_read_ends() -> None:
    """Whoever asked was gone before the first event."""
    worded = Worded()
    unread = AnswerStreams(0.01).begin("ann", worded.events())
    async with asyncio.timeout(60):
        await worded.ended.wait()
    assert await _rest(unread) == []


@pytest.mark.parametrize("last", ["0" * 32 + ".1", "1", "", "x.y"])
async def test_what_is_not_kept_here_is_gone(last: str) -> None:
    with pytest.raises(StreamGoneError) as raised:
        AnswerStreams(_LONG).resume("ann", last)
    assert (raised.value.status, "Ask again" in raised.value.remedy) == (410, True)


async def test_nobody_else_goes_on_with_it_nor_from_where_it_has_not_been() -> None:
    streams, worded = AnswerStreams(_LONG), Worded()
    begun = streams.begin("ann", worded.events())
    worded.word(1)
    place = (await anext(begun)).id
    for who, last in (("ben", place), ("ann", place[:-1] + "9")):
        with pytest.raises(StreamGoneError):
            streams.resume(who, last)
    await streams.close()


async def test_the_reader_before_is_told_no_more() -> None:
    streams, worded = AnswerStreams(_LONG), Worded()
    begun = streams.begin("ann", worded.events())
    worded.word(1)
    place = (await anext(begun)).id
    waiting = asyncio.create_task(_rest(begun))
    await asyncio.sleep(0)
    resumed = asyncio.create_task(_rest(streams.resume("ann", place)))
    assert await waiting == []
    worded.word(3)
    assert len(await resumed) == 3
    await streams.close()


async def test_the_work_ends_when_nobody_comes_back() -> None:
    streams, worded = AnswerStreams(0.001), Worded()
    begun = streams.begin("ann", worded.events())
    worded.word(1)
    place = (await anext(begun)).id
    assert not worded.ended.is_set()
    await begun.aclose()  # type: ignore[attr-defined]
    await asyncio.wait_for(worded.ended.wait(), 60)
    with pytest.raises(StreamGoneError):
        streams.resume("ann", place)


async def test_what_is_kept_is_bounded() -> None:
    streams, worded = AnswerStreams(_LONG, most=1, characters=50), Worded()
    begun = streams.begin("ann", worded.events())
    worded.word(4)
    ids = [event.id async for event in begun]
    with pytest.raises(StreamGoneError):  # the first of what was told had to go
        streams.resume("ann", ids[0])
    assert await _rest(streams.resume("ann", ids[2])) == ["piece 4"]
    over = Worded(1)
    over.word(1)
    assert [event.id async for event in streams.begin("ann", over.events())] == ["1"]  # one too many
    await streams.close()


async def test_an_error_is_told_again_and_one_before_the_first_event_is_not_kept() -> None:
    async def failing(told: int) -> AsyncIterator[Sent]:
        for number in range(1, told + 1):
            yield Sent("delta", str(number), {"text": "so far"})
        raise QuestionTooLongError("It is too long.")

    streams = AnswerStreams(_LONG, most=1)
    with pytest.raises(QuestionTooLongError):
        await anext(streams.begin("ann", failing(0)))
    begun = streams.begin("ann", failing(1))
    place = (await anext(begun)).id
    for events in (begun, streams.resume("ann", place)):
        with pytest.raises(QuestionTooLongError):
            await anext(events)
    await streams.close()


async def test_over_http_an_answer_is_gone_on_with_by_who_asked(caller: Any) -> None:
    await caller.desk.knowledge.add("vpn.md", b"# VPN\n\nA new VPN token arrives within 20 minutes.")
    told = await caller.client.post("/v1/ask", json=_ASKED, headers=_STREAM)
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in told.text.split("\n\n") if block
    ]
    place = {**_STREAM, "Last-Event-ID": blocks[0]["id"]}
    again = await caller.client.post("/v1/ask", json=_ASKED, headers=place)
    assert again.text == told.text.partition("\n\n")[2]
    assert json.loads(blocks[-1]["data"])["found"]
    asked = [event for event in await caller.desk.requests.list() if event.operation == "knowledge.ask"]
    assert len(asked) == 1

    other = await caller.desk.database.authority.held(caller.desk.scope)
    assert "knowledge:ask" in other
    gone = await caller.client.post(
        "/v1/ask", json=_ASKED, headers={**_STREAM, "Last-Event-ID": "0" * 32 + ".1"}
    )
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:deskmind:problem:stream-gone")


async def test_over_http_nobody_else_goes_on_with_it(caller: Any, operator: Any, base_url: str) -> None:
    told = await caller.client.post("/v1/ask", json=_ASKED, headers=_STREAM)
    place = {**_STREAM, "Last-Event-ID": told.text.split("\n", 1)[0].removeprefix("id: ")}
    await operator.principals.add_user("req2", groups=["hr"])
    for user in ("req1", "req2"):  # another key of the same user may have less
        key = await operator.keys.create(user)
        headers = {**place, "Authorization": f"Bearer {key.secret}"}
        refused = await caller.client.post("/v1/ask", json=_ASKED, headers=headers)
        assert refused.status_code == 410
    await operator.access.revoke("requester", user="req1")
    refused = await caller.client.post("/v1/ask", json=_ASKED, headers=place)
    assert refused.status_code == 403
    async with AsyncClient(base_url, api_key=key.secret) as client:
        events = [event async for event in client.ask_stream("What is it?")]
    assert events[-1].name == "answer"
