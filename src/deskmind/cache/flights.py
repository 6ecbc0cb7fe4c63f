"""Single flight: whoever wants the same thing at the same time shares one load.

A load runs in a task of its own. Callers only wait for it, so that one who is cancelled takes nothing from the
others; the load itself is cancelled when nobody waits any more. What becomes stale while it is loaded (the key is
set or deleted, a tag is invalidated) is told to the flight: it still answers those who wait, but keeps nothing, and
whoever asks later starts a new load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar

from deskmind.errors import UnavailableError

__all__ = ["Flight", "Flights"]

_above: ContextVar[frozenset[bytes]] = ContextVar("deskmind_cache_flights", default=frozenset())
"""Names being loaded in this context: a loader that asks for its own name would wait for itself."""


class Flight:
    """One load in progress.

    Attributes:
        name: what is loaded.
        tags: the tags that the result will carry, as far as the caller said.
        stale: whether the result may be kept no more.
        joined: callers that share it.
    """

    __slots__ = ("_invalidated", "_task", "done", "joined", "name", "stale", "tags")

    def __init__(self, name: bytes, tags: tuple[bytes, ...]) -> None:
        self.name = name
        self.tags = tags
        self.stale = False
        self.joined = 0
        self.done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._invalidated: set[bytes] = set()
        self._task: asyncio.Task[None] | None = None

    def may_keep(self, tags: Iterable[bytes] = ()) -> bool:
        """Whether nothing was invalidated meanwhile that concerns a result with these tags."""
        return not self.stale and self._invalidated.isdisjoint(tags)

    def invalidate(self, tag: bytes) -> None:
        """Note that a tag was invalidated."""
        self._invalidated.add(tag)
        if tag in self.tags:
            self.stale = True

    def start(self, load: Callable[[Flight], Awaitable[object]], ended: Callable[[Flight], None]) -> None:
        """Run the load."""
        self._task = asyncio.create_task(self._run(load))
        self._task.add_done_callback(lambda task: self._landed(task, ended))

    def cancel(self) -> None:
        """Stop the load."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, load: Callable[[Flight], Awaitable[object]]) -> None:
        _above.set(_above.get() | {self.name})
        result = await load(self)
        if not self.done.done():
            self.done.set_result(result)

    def _landed(self, task: asyncio.Task[None], ended: Callable[[Flight], None]) -> None:
        ended(self)
        if task.cancelled():
            error: BaseException | None = UnavailableError(
                "A value could not be loaded.",
                why="Its loader was cancelled from within.",
                remedy="Ask again.",
            )
        else:
            error = task.exception()
        if error is not None and not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # the last waiter may be gone


class Flights:
    """The loads in progress, by name."""

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight] = {}
        self._all: set[Flight] = set()

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: bytes) -> bool:
        return name in self._flights

    async def run(
        self, name: bytes, load: Callable[[Flight], Awaitable[object]], tags: tuple[bytes, ...] = ()
    ) -> tuple[object, bool]:
        """The result of the load under way for a name, or of this one; and whether it was shared.

        Raises what the load raises, to everyone who waits. A load that asks for a name that is being loaded above
        it loads by itself.
        """
        if name in _above.get():
            return await self._alone(Flight(name, tags), load), False
        flight = self._flights.get(name)
        shared = flight is not None
        if flight is None:
            flight = self.launch(name, load, tags)
        flight.joined += 1
        try:
            await asyncio.wait((flight.done,))
        finally:
            flight.joined -= 1
            if not flight.joined and not flight.done.done():
                self._land(flight)
                flight.cancel()
        return flight.done.result(), shared

    async def _alone(self, flight: Flight, load: Callable[[Flight], Awaitable[object]]) -> object:
        self._all.add(flight)
        try:
            return await load(flight)
        finally:
            self._all.discard(flight)

    def launch(
        self,
        name: bytes,
        load: Callable[[Flight], Awaitable[object]],
        tags: tuple[bytes, ...] = (),
        *,
        unattended: bool = False,
    ) -> Flight:
        """Start a load that nobody waits for yet; an unattended one goes on when nobody does."""
        flight = Flight(name, tags)
        flight.joined = int(unattended)
        self._flights[name] = flight
        self._all.add(flight)
        flight.start(load, self._land)
        return flight

    def supersede(self, name: bytes) -> None:
        """A key was set or deleted: what is being loaded for it is stale."""
        for flight in self._all:
            if flight.name == name:
                self._overtake(flight)

    def invalidate(self, tag: bytes) -> None:
        """A tag was invalidated: what will carry it is stale."""
        for flight in self._all:
            flight.invalidate(tag)
            if flight.stale:
                self._overtake(flight)

    def invalidate_prefix(self, prefix: bytes) -> None:
        """All names that begin so are stale."""
        for flight in self._all:
            if flight.name.startswith(prefix):
                self._overtake(flight)

    async def close(self) -> None:
        """Cancel what is under way and wait for its end."""
        flights = list(self._all)
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait([flight.done for flight in flights])

    def _overtake(self, flight: Flight) -> None:
        flight.stale = True
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]

    def _land(self, flight: Flight) -> None:
        self._all.discard(flight)
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]
