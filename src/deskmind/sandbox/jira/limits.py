"""Jira's limits: a burst per second, points per hour for apps, writes to one issue."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta

from deskmind.sandbox.jira.refusal import Refused
from deskmind.sandbox.web import Clock, FixedWindow, Reply, Spent

_SAID = "Rate limit exceeded."


class Limits:
    """Counts requests and says which limit was met. `headers` go with every answer."""

    def __init__(self, clock: Clock, per_second: int = 100, points_per_hour: int = 65_000) -> None:
        self._clock = clock
        self._burst = FixedWindow(clock, per_second, 1.0)
        self._points = FixedWindow(clock, points_per_hour, 3600.0)
        self._issues: OrderedDict[str, FixedWindow] = OrderedDict()

    def spend(self, app: bool, written_issue: str) -> dict[str, str]:
        """Takes one request; the headers to send, or `Refused` with status 429."""
        burst = self._burst.spend()
        headers = self._told(burst, self._burst.limit)
        if not burst.allowed:
            raise self.refused("jira-burst-based", burst.reset_in, headers)
        if app:
            points = self._points.spend()
            headers = self._told(points, self._points.limit)
            if not points.allowed:
                raise self.refused("jira-quota-global-based", points.reset_in, headers)
        if written_issue:
            window = self._window(written_issue)
            writes = window.spend()
            if not writes.allowed:
                raise self.refused("jira-per-issue-on-write", writes.reset_in, headers)
        return headers

    def refused(self, reason: str, seconds: float, headers: dict[str, str] | None = None) -> Refused:
        """The 429 that names its reason and says when to come back."""
        wait = str(max(1, -int(-seconds // 1)))
        told = {**(headers or self._told(Spent(False, 0, seconds), self._burst.limit))}
        told |= {"Retry-After": wait, "RateLimit-Reason": reason, "X-RateLimit-Remaining": "0"}
        return Refused(429, {"errorMessages": [_SAID], "errors": {}}, told)

    def _window(self, issue: str) -> FixedWindow:
        """20 writes within 2 seconds to one issue."""
        window = self._issues.pop(issue, None) or FixedWindow(self._clock, 20, 2.0)
        self._issues[issue] = window
        if len(self._issues) > 10_000:
            self._issues.popitem(last=False)
        return window

    def _told(self, spent: Spent, limit: int) -> dict[str, str]:
        reset = self._clock.now() + timedelta(seconds=spent.reset_in)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(spent.remaining),
            "X-RateLimit-Reset": f"{reset:%Y-%m-%dT%H:%MZ}",
        }
        if spent.remaining * 5 < limit:
            headers["X-RateLimit-NearLimit"] = "true"
        return headers


def with_headers(reply: Reply, headers: dict[str, str]) -> Reply:
    """The answer with the limits' headers, where it has none of its own."""
    return reply.told({name: value for name, value in headers.items() if name not in reply.headers})
