"""How many requests are under way at once; beyond that they are turned away at once instead of waiting for a timeout.

A stream that only waits for something to happen (MCP's own streams, the events of a run) costs next to nothing and may be open for
days: it gives its place back and is counted with its like. An answer that is told as it is worded is work, and keeps its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from starlette.types import ASGIApp, Receive, Scope, Send

from deskmind.api.limits.classes import URGENCY, class_of
from deskmind.api.limits.limiter import HEADERS
from deskmind.api.problems import problem_response
from deskmind.desk import Desk
from deskmind.errors import LimitExceededError, OverloadedError
from deskmind.observability.instruments import API_REFUSED, counter

__all__ = ["Admission", "Places", "listens"]

_FREE = frozenset({"/healthz", "/readyz", "/metrics"})
_PLACE = "deskmind.place"
_STREAMS_OF_ONE = 100
_SOON = (b"retry-after", b"1")
_refused = counter(API_REFUSED)


class Places:
    """The places of one process.

    Args:
        most: requests at once; 0 for no limit.
        streams: that only wait, at once, besides the requests; 0 for no limit.
        streams_of_one: likewise, of one owner.
    """

    def __init__(self, most: int, streams: int = 0, *, streams_of_one: int = _STREAMS_OF_ONE) -> None:
        self.most = most
        self.taken = 0
        self.listening: Counter[Hashable] = Counter()
        self._streams = streams
        self._streams_of_one = streams_of_one

    def admits(self, share: float) -> bool:
        """Whether a request may begin that may fill this share of the places."""
        return not self.most or self.taken < max(1, int(self.most * share))

    def listen(self, owner: Hashable) -> None:
        """One more stream of an owner's waits.

        Raises:
            LimitExceededError: the owner has too many.
            OverloadedError: all together have.
        """
        if self.listening[owner] >= self._streams_of_one:
            raise LimitExceededError(
                "Too many streams are open.",
                why=f"One user may have {self._streams_of_one} at once in a process that serves.",
                remedy="Close those that are not needed.",
                limit="streams of one user",
                retry_after=1,
            )
        if self._streams and self.listening.total() >= self._streams:
            raise OverloadedError(
                "The service is at its limit of streams.",
                why=f"{self._streams:,} wait for what happens; `limits.streams` allows no more.",
                remedy="Try again later, or look now and then instead.",
                retry_after=1,
            )
        self.listening[owner] += 1

    def leave(self, owner: Hashable) -> None:
        """One of an owner's streams has ended."""
        self.listening[owner] -= 1
        if not self.listening[owner]:
            del self.listening[owner]


class _Place:
    """What one request takes up: a place, or after it has said that it only waits, a stream."""

    __slots__ = ("_listener", "_listens", "_places")

    def __init__(self, places: Places) -> None:
        self._places = places
        self._listens, self._listener = False, None
        places.taken += 1

    def listen(self, owner: Hashable) -> None:
        self._places.listen(owner)
        self._places.taken -= 1
        self._listens, self._listener = True, owner

    def end(self) -> None:
        if self._listens:
            self._places.leave(self._listener)
        else:
            self._places.taken -= 1


def listens(scope: Scope, desk: Desk) -> None:
    """A request only waits from now on, for as long as its client wants: its place is another's.

    Args:
        scope: of the request.
        desk: of whoever sent it.

    Raises:
        LimitExceededError: its user has too many such streams.
        OverloadedError: all together have.
    """
    place: _Place | None = scope.get(_PLACE)
    if place is None:
        return
    try:
        place.listen((desk.scope.tenant_id, desk.scope.principal_id))
    except (LimitExceededError, OverloadedError):
        scope[HEADERS] = [*scope.get(HEADERS, ()), _SOON]
        raise


class Admission:
    """Around an application: takes a place for each request, or answers 503. Probes need none."""

    def __init__(self, app: ASGIApp, places: Places) -> None:
        self._app = app
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"] in _FREE:
            await self._app(scope, receive, send)
            return
        if not self._places.admits(URGENCY[class_of(scope)]):
            await self._refuse(scope, receive, send)
            return
        scope[_PLACE] = place = _Place(self._places)
        try:
            await self._app(scope, receive, send)
        finally:
            place.end()

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        _refused.add(1, {"deskmind.limit": "load"})
        scope[HEADERS] = [_SOON]
        error = OverloadedError(
            "The service is at its limit.",
            why="Too many requests are under way; the less urgent are turned away first.",
            remedy="Try again in a second.",
            retry_after=1,
        )
        await problem_response(error.status, error.problem())(scope, receive, send)
