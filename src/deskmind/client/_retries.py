"""When a request is sent again: exponential back-off with full jitter, bounded by a total time.

The jitter is AWS's "full jitter" (Brooker, "Exponential Backoff And Jitter", 2015): a wait is drawn evenly between
nothing and a bound that doubles.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

__all__ = ["Patience", "Retries"]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a request is tried again.

    Attributes:
        attempts: at most so many in all; 1 is never again.
        total_seconds: no wait goes beyond so long after the first attempt began.
        first_seconds: bound of the first wait; it doubles with each attempt.
        longest_seconds: greatest bound of a wait. What the server itself asks for (``Retry-After``) may be longer.
    """

    attempts: int = 5
    total_seconds: float = 60.0
    first_seconds: float = 0.25
    longest_seconds: float = 8.0

    def begin(self) -> Patience:
        """For one request."""
        return Patience(self)


class Patience:
    """What is left of the attempts and the time of one request."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._began = time.monotonic()
        self._failed = 0

    def renew(self) -> None:
        """It went on: the next failure is a first one."""
        self._began, self._failed = time.monotonic(), 0

    def wait(self, asked: float | None = None) -> float | None:
        """Seconds until the next attempt; None where there is to be none.

        Args:
            asked: what the server asks for, in seconds.
        """
        self._failed += 1
        if self._failed >= self._retries.attempts:
            return None
        bound = min(self._retries.longest_seconds, self._retries.first_seconds * 2 ** (self._failed - 1))
        # on top of what the server asks for, so that those it sent away do not come back together
        seconds = random.uniform(0, bound) + (asked or 0.0)  # noqa: S311 - spreading, no secret
        left = self._retries.total_seconds - (time.monotonic() - self._began)
        return seconds if seconds <= left else None
