"""Streams of answers that are gone on with after a break: kept in this process for a while, for whoever began them.

An answer is worded once. Its events are kept while it is told and some seconds after its reader has left; ``Last-Event-ID``
tells them from there, and what comes. Without a reader for so long the work ends and nothing is left.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from dataclasses import replace

from deskmind.api.events import Sent
from deskmind.errors import StreamGoneError

__all__ = ["EVENT_ID", "AnswerStreams"]

EVENT_ID = r"^[0-9a-f]{32}\.[0-9]{1,9}$"
_MOST_STREAMS = 500
_MOST_CHARACTERS = 2**20


class AnswerStreams:
    """The streams of one process."""

    def __init__(
        self, seconds: float, *, most: int = _MOST_STREAMS, characters: int = _MOST_CHARACTERS
    ) -> None:
        """None yet.

        Args:
            seconds: for which a stream is kept without a reader; 0 for streams that end with theirs.
            most: streams at a time; one more cannot be gone on with.
            characters: of text of one stream that are kept; the oldest of what was told goes first.
        """
        self._seconds = seconds
        self._most = most
        self._characters = characters
        self._streams: dict[str, _Stream] = {}

    def begin(self, owner: Hashable, events: AsyncIterator[Sent]) -> AsyncIterator[Sent]:
        """The events, each with an id that says after which to go on, where the stream is kept.

        Args:
            owner: who may go on with it: compared as a whole.
            events: numbered from 1; taken by a task of their own.
        """
        if not self._seconds or len(self._streams) >= self._most:
            return events
        name = secrets.token_hex(16)
        stream = _Stream(name, owner, events, self._characters)
        self._streams[name] = stream
        self._left(stream)  # whoever asked may be gone before the first event is taken
        return self._told(stream, 0)

    def resume(self, owner: Hashable, last: str) -> AsyncIterator[Sent]:
        """The events after one; whoever reads the stream still is told no more.

        Raises:
            StreamGoneError: it is not here: it is too old, another's, in another process, or never was.
        """
        name, _, number = last.partition(".")
        stream = self._streams.get(name)
        place = int(number) if re.fullmatch(EVENT_ID, last) else -1
        if stream is None or stream.owner != owner or not stream.first <= place <= stream.last:
            raise StreamGoneError(
                "The answer's stream cannot be gone on with.",
                why="It is over for too long, or it was begun in another process or by somebody else.",
                remedy="Ask again without Last-Event-ID; the answer is worded anew.",
            )
        return self._told(stream, place)

    async def close(self) -> None:
        """End all of them."""
        while self._streams:
            _, stream = self._streams.popitem()
            await stream.end()

    async def _told(self, stream: _Stream, place: int) -> AsyncGenerator[Sent]:
        turn = stream.enter()
        try:
            async for event in stream.after(place, turn):
                yield event
        finally:
            if stream.failed:
                self._forget(stream)
            elif stream.left(turn):
                self._left(stream)

    def _left(self, stream: _Stream) -> None:
        """Nobody reads the stream: it is forgotten unless somebody comes."""
        stream.forgotten = asyncio.get_running_loop().call_later(self._seconds, self._forget, stream)

    def _forget(self, stream: _Stream) -> None:
        self._streams.pop(stream.name, None)
        stream.working.cancel()


class _Stream:
    """One answer's events, told to one reader at a time."""

    def __init__(self, name: str, owner: Hashable, events: AsyncIterator[Sent], characters: int) -> None:
        self.name = name
        self.owner = owner
        self.first = 0  # after which the kept events begin
        self.forgotten: asyncio.TimerHandle | None = None
        self._kept: deque[Sent] = deque()
        self._size, self._characters = 0, characters
        self._told_up_to = 0
        self._error: BaseException | None = None
        self._over = False
        self._news = asyncio.Event()
        self._turn = 0
        self.working = asyncio.create_task(self._take(events))

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self.first + len(self._kept)

    @property
    def failed(self) -> bool:
        """Whether it was over before anything was told."""
        return self._over and not self.last

    def enter(self) -> int:
        """A reader comes; the one before is told no more."""
        if self.forgotten is not None:
            self.forgotten.cancel()
        self._turn += 1
        self._news.set()
        return self._turn

    def left(self, turn: int) -> bool:
        """Whether nobody reads the stream now that a reader has left."""
        return turn == self._turn

    async def after(self, place: int, turn: int) -> AsyncIterator[Sent]:
        """The events after a place, until the stream is over or another reads it."""
        while turn == self._turn:
            self._news.clear()
            if place < self.last:
                event = self._kept[place - self.first]
                place += 1
                self._told_up_to = place
                self._trim()
                yield event
            elif self._over:
                if self._error is not None:
                    raise self._error
                return
            else:
                await self._news.wait()

    async def end(self) -> None:
        """Cancel the work and wait until it is."""
        if self.forgotten is not None:
            self.forgotten.cancel()
        self.working.cancel()
        await asyncio.gather(self.working, return_exceptions=True)

    async def _take(self, events: AsyncIterator[Sent]) -> None:
        try:
            async for event in events:
                self._keep(replace(event, id=f"{self.name}.{event.id}"))
        except Exception as error:
            self._error = error
        finally:
            self._over = True
            self._news.set()

    def _keep(self, event: Sent) -> None:
        self._kept.append(event)
        self._size += len(str(event.data))
        self._trim()
        self._news.set()

    def _trim(self) -> None:
        """What was told and is too much goes, the oldest first."""
        while self._size > self._characters and self.first < self._told_up_to:
            self._size -= len(str(self._kept.popleft().data))
            self.first += 1
