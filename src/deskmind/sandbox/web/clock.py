"""The time of a sandbox, which tests can move, and what is slow to follow it."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock", "FixedWindow", "IndexLag", "Spent"]


class Clock:
    """The wall clock, moved by `advance`. With `start` it stands still there until it is advanced."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start
        self._moved = timedelta()

    def now(self) -> datetime:
        """The time now, UTC."""
        return (self._start or datetime.now(UTC)) + self._moved

    def second(self) -> datetime:
        """The time now without its fraction of a second."""
        return self.now().replace(microsecond=0)

    def timestamp(self) -> float:
        """The time now in seconds since 1970."""
        return self.now().timestamp()

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._moved += timedelta(seconds=seconds)


class IndexLag:
    """A search index that takes `seconds` to notice a change; with 0 it notices at once."""

    def __init__(self, clock: Clock, seconds: float = 0.0) -> None:
        self._clock = clock
        self.seconds = seconds
        self._touched: dict[Hashable, float] = {}

    def touch(self, key: Hashable) -> None:
        """Something happened to `key` now."""
        self._touched[key] = self._clock.timestamp()

    def settled(self, key: Hashable) -> bool:
        """Whether the index knows the last thing that happened to `key`."""
        touched = self._touched.get(key)
        if touched is None:
            return True
        if self._clock.timestamp() - touched < self.seconds:
            return False
        del self._touched[key]
        return True


class Spent:
    """What is left of an allowance: whether this request is within it, and seconds until it is full again."""

    __slots__ = ("allowed", "remaining", "reset_in")

    def __init__(self, allowed: bool, remaining: int, reset_in: float) -> None:
        self.allowed = allowed
        self.remaining = remaining
        self.reset_in = reset_in


class FixedWindow:
    """An allowance of `limit` for each `seconds`, counted from full windows of the clock as vendors do."""

    def __init__(self, clock: Clock, limit: int, seconds: float) -> None:
        self._clock = clock
        self.limit = limit
        self.seconds = seconds
        self._window = -1
        self._used = 0

    def spend(self, cost: int = 1) -> Spent:
        """Takes `cost`; what is over the limit is refused and not counted."""
        now = self._clock.timestamp()
        window = int(now // self.seconds)
        if window != self._window:
            self._window, self._used = window, 0
        allowed = self._used + cost <= self.limit
        self._used += cost if allowed else 0
        return Spent(allowed, max(self.limit - self._used, 0), (window + 1) * self.seconds - now)
