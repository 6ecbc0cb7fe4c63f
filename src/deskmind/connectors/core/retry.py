"""When a request is tried again, and for how long anything may take."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Limits", "Retry", "retry_after"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request.

    Attributes:
        connect, read, total: seconds to connect, between two pieces of an answer, and in all (not for files).
        answer_bytes: the longest answer that is read into memory.
        file_bytes: the longest file that is downloaded.
        connections: at most this many at once.
    """

    connect: float = 10.0
    read: float = 60.0
    total: float = 180.0
    answer_bytes: int = 64 * 2**20
    file_bytes: int = 4 * 2**30
    connections: int = 8


@dataclass(frozen=True, slots=True)
class Retry:
    """Full jitter: before the n-th repetition a random time up to ``base`` x 2^n, ``longest`` at most.

    Attributes:
        attempts: in all.
        patience: the longest ``Retry-After`` that is waited for; a longer one is an error that names it.
    """

    attempts: int = 5
    base: float = 0.5
    longest: float = 30.0
    patience: float = 120.0

    def pause(
        self, repetition: int, asked: float | None, random_: Callable[[], float] = random.random
    ) -> float:
        """Seconds before a repetition (1 is the first): what the vendor asked for, and a random time."""
        jitter = random_() * min(self.longest, self.base * 2**repetition)
        return jitter if asked is None else asked + min(jitter, self.base * 2)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as seconds or as a date (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
