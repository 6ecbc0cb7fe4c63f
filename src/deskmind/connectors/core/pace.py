"""How fast requests may go: a token bucket that follows what the vendor says in its headers, before it has to refuse.

For a limit of L requests in a window of W seconds the bucket holds 0.3 L and gains 0.6 L in W, so that no window of
W seconds, wherever it begins, sees more than 0.9 L.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["Pace", "Reading"]

_BURST, _FLOW = 0.3, 0.6
_SLOWED, _RECOVERED = 0.5, 1.02
_LEAST = 0.05
_SHORTEST = 0.001
_RESERVE = 0.1


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer's headers say about the limit.

    Attributes:
        limit: requests in a window.
        window: seconds.
        remaining: requests left in this window, by the vendor's count, which includes other clients.
        reset: seconds until the window ends.
        used: what the request counted for, where some count for more than one.
    """

    limit: int | None = None
    window: float = 60.0
    remaining: int | None = None
    reset: float | None = None
    used: int = 1


class Pace:
    """Lets requests through, first come first served.

    Attributes:
        limit, window: requests in seconds.
        capacity: how many may go at once after a rest.
        flow: how many a second after that.
        reading: the vendor's last word.
        factor: what of the permitted rate is used: 1, less after refusals.
    """

    def __init__(
        self,
        limit: int,
        window: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``limit`` requests in ``window`` seconds, until the vendor says otherwise."""
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._set(limit, window)
        self._tokens = self.capacity
        self._at = clock()
        self._held_until = 0.0
        self.reading: Reading | None = None
        self.factor = 1.0

    async def take(self) -> None:
        """Wait for the turn of one request."""
        async with self._turn:
            while (wait := self._wait()) > 0:
                await self._sleep(wait)
            self._tokens -= 1

    def told(self, reading: Reading | None) -> None:
        """An answer came; what its headers said."""
        self.factor = min(1.0, self.factor * _RECOVERED)
        if reading is None:
            return
        self.reading = reading
        self._tokens -= max(0, reading.used - 1)
        if reading.limit:
            self._set(reading.limit, reading.window)
        if reading.remaining is not None:
            self._heed(reading, reading.remaining)

    def refused(self, retry_after: float) -> None:
        """A 429 came: nobody asks again for ``retry_after`` seconds, and then at half the rate."""
        self._held_until = max(self._held_until, self._clock() + retry_after)
        self.factor = max(_LEAST, self.factor * _SLOWED)
        self._tokens = 0.0

    def _heed(self, reading: Reading, remaining: int) -> None:
        limit = reading.limit or self.limit
        usable = max(0.0, remaining - _RESERVE * limit)
        self._fill()
        self._tokens = min(self._tokens, usable)
        if usable <= 0:
            # a clock that differs from ours must not stop us for hours
            pause = reading.window / max(remaining, 1)
            if reading.reset is not None:
                pause = min(reading.reset, reading.window)
            self._held_until = max(self._held_until, self._clock() + pause)

    def _set(self, limit: int, window: float) -> None:
        self.limit, self.window = limit, window
        self.capacity = max(1.0, limit * _BURST)
        self.flow = limit * _FLOW / window

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self.capacity, self._tokens + (now - self._at) * self.flow * self.factor)
        self._at = now

    def _wait(self) -> float:
        held = self._held_until - self._clock()
        if held > 0:
            return held
        self._fill()
        if self._tokens >= 1:
            return 0.0
        return max(_SHORTEST, (1 - self._tokens) / (self.flow * self.factor))
