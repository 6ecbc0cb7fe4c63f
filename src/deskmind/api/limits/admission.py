"""How many requests are under way at once; beyond that they are turned away at once instead of waiting for a timeout."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from deskmind.api.limits.classes import URGENCY, class_of
from deskmind.api.limits.limiter import HEADERS
from deskmind.api.problems import problem_response
from deskmind.errors import OverloadedError
from deskmind.observability.instruments import API_REFUSED, counter

__all__ = ["Admission", "Places"]

_FREE = frozenset({"/healthz", "/readyz", "/metrics"})
_refused = counter(API_REFUSED)


class Places:
    """The places of one process.

    Args:
        most: requests at once; 0 for no limit.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0

    def admits(self, share: float) -> bool:
        """Whether a request may begin that may fill this share of the places."""
        return not self.most or self.taken < max(1, int(self.most * share))


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
        self._places.taken += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._places.taken -= 1

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        _refused.add(1, {"deskmind.limit": "load"})
        scope[HEADERS] = [(b"retry-after", b"1")]
        error = OverloadedError(
            "The service is at its limit.",
            why="Too many requests are under way; the less urgent are turned away first.",
            remedy="Try again in a second.",
            retry_after=1,
        )
        await problem_response(error.status, error.problem())(scope, receive, send)
