"""What is kept between a client's messages, where its protocol knows sessions: a log level, and what it watches.

A session lives in the process that opened it, and its name says which that is. A message that reaches another process can be answered
all the same, only without what a session adds: whoever asks is established anew for each message, so that none of it is needed for that.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import mcp_types as types

from deskmind.desk import Desk
from deskmind.errors import AuthenticationError
from deskmind.observability.instruments import MCP_SESSIONS, up_down_counter

__all__ = ["DEFAULT_LEVEL", "GONE", "Again", "Session", "Sessions", "Watched"]

Again = Callable[[], Awaitable[Desk]]
"""Establishes who sent a message anew, later."""

DEFAULT_LEVEL: types.LoggingLevel = "warning"
"""From which messages are told to a client that has not said."""

_open = up_down_counter(MCP_SESSIONS)
_MOST_OF_ONE = 100
"""Sessions of one user in one process."""


GONE = ""
"""The version of what is not there."""


@dataclass(slots=True)
class Watched:
    """Resources whose changes somebody wants to hear of.

    Attributes:
        versions: by address, as they were last looked at.
        stamps: by kind, of the last look: nothing of the kind has changed while it is the same.
    """

    versions: dict[str, str] = field(default_factory=dict[str, str])
    stamps: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Session:
    """One client's.

    Attributes:
        owner: whose it is.
        level: from which log messages are told.
        watched: what it wants to hear of.
        watcher: looks after them.
        renewed: who sends its messages was established anew.
        open: requests and streams that are under way.
        quiet_since: when the last of them ended, by the monotonic clock.
    """

    owner: str = ""
    level: types.LoggingLevel = DEFAULT_LEVEL
    watched: Watched = field(default_factory=Watched)
    watcher: asyncio.Task[None] | None = None
    renewed: asyncio.Event = field(default_factory=asyncio.Event, compare=False)
    open: int = 0
    quiet_since: float = 0.0
    _again: Again | None = field(default=None, compare=False)

    def renew(self, again: Again) -> None:
        """A message of its owner has come: what it shows, such as a new token, counts from now on."""
        self._again = again
        self.renewed.set()

    async def again(self) -> Desk:
        """Its owner's desk, by what the last message showed.

        Raises:
            AuthenticationError: that is not valid any more.
        """
        if self._again is None:
            raise AuthenticationError("No message of the session has come.")
        return await self._again()

    def end(self) -> None:
        """Nothing is watched any more."""
        self.watched.versions.clear()
        if self.watcher is not None:
            self.watcher.cancel()


class Sessions:
    """The sessions of one process.

    Args:
        seconds: of quiet after which one ends; 0 keeps none.
        most: that are kept.
        clock: monotonic.
    """

    def __init__(self, seconds: float, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._most = most
        self._clock = clock
        self._process = secrets.token_hex(6)
        self._known: dict[str, Session] = {}

    def named(self, identity: str) -> str:
        """The name that a client is given."""
        return f"{self._process}.{identity}"

    def identity(self, name: str) -> str | None:
        """The session that a client names; None where another process opened it."""
        process, _, identity = name.partition(".")
        return identity if process == self._process else None

    def admits(self, owner: str) -> bool:
        """Whether one more of an owner's is kept; where not, the client is answered without."""
        if not self.seconds:
            return False
        self._sweep()
        own = sum(one.owner == owner for one in self._known.values())
        return len(self._known) < self._most and own < _MOST_OF_ONE

    def begin(self, identity: str, owner: str) -> None:
        """One answers; the first time it is opened."""
        if identity not in self._known:
            self._known[identity] = Session(owner, quiet_since=self._clock())
            _open.add(1)

    @contextmanager
    def using(self, identity: str, owner: str) -> Generator[Session]:
        """While a request of it is under way; what is not the owner's keeps nothing."""
        found = self._known.get(identity)
        session = found if found is not None and found.owner == owner else Session()
        session.open += 1
        try:
            yield session
        finally:
            session.open -= 1
            session.quiet_since = self._clock()

    def end(self, identity: str) -> None:
        """It is over."""
        session = self._known.pop(identity, None)
        if session is not None:
            session.end()
            _open.add(-1)

    async def keep(self) -> None:
        """End those that have been quiet for long enough, until cancelled."""
        while True:
            await asyncio.sleep(max(1.0, min(60.0, self.seconds / 2)))
            self._sweep()

    def end_all(self) -> None:
        """The process ends."""
        for identity in tuple(self._known):
            self.end(identity)

    def _sweep(self) -> None:
        oldest = self._clock() - self.seconds
        for identity, session in tuple(self._known.items()):
            if not session.open and session.quiet_since < oldest:
                self.end(identity)
