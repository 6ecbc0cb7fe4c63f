"""One id that follows a request through logs, spans, jobs and the audit log."""

from __future__ import annotations

import functools
import os
import random
import re
import time
from contextvars import ContextVar

from deskmind.observability.leaving import leave

__all__ = ["accept_correlation_id", "correlation", "correlation_id", "new_correlation_id"]

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_drawing = random.Random(os.urandom(32))  # noqa: S311 - no secret
"""Seeded by the system, which is not asked again for each id: that lets other threads in between."""
os.register_at_fork(after_in_child=lambda: _drawing.seed(os.urandom(32)))
_current: ContextVar[str] = ContextVar("deskmind_correlation_id", default="")


def correlation_id() -> str:
    """The current id, empty outside of any request."""
    return _current.get()


def new_correlation_id() -> str:
    """``req_`` and 26 characters in Crockford's base 32: 48 bits of milliseconds, then 82 random ones.

    Put together in parts of 30 bits, whose arithmetic costs a third of that with one large number.
    """
    milliseconds = time.time_ns() // 1_000_000
    first = (milliseconds & 255) << 22 | _drawing.getrandbits(22)
    second, third = _drawing.getrandbits(30), _drawing.getrandbits(30)
    return (
        f"{_begun(milliseconds >> 8)}{_PAIRS[first >> 20]}{_PAIRS[first >> 10 & 1023]}{_PAIRS[first & 1023]}"
        f"{_PAIRS[second >> 20]}{_PAIRS[second >> 10 & 1023]}{_PAIRS[second & 1023]}"
        f"{_PAIRS[third >> 20]}{_PAIRS[third >> 10 & 1023]}{_PAIRS[third & 1023]}"
    )


@functools.lru_cache(maxsize=4)
def _begun(time_: int) -> str:
    """What ids of a quarter of a second begin with: 40 bits in eight characters."""
    return "req_" + "".join([_PAIRS[time_ >> shift & 1023] for shift in (30, 20, 10, 0)])


def accept_correlation_id(value: str | None) -> str:
    """A caller's ``X-Request-ID`` when it is 1 to 128 of ``A-Z a-z 0-9 . _ -``, else a new id."""
    return value if value is not None and _ACCEPTED.fullmatch(value) else new_correlation_id()


class correlation:  # noqa: N801
    """Work under an id: ``with correlation(given) as id``; the given one when it is acceptable, else a new one.

    A class, not a generator: every request and operation passes it.
    """

    __slots__ = ("_id", "_token")

    def __init__(self, value: str | None = None) -> None:
        self._id = accept_correlation_id(value)

    def __enter__(self) -> str:
        self._token = _current.set(self._id)
        return self._id

    def __exit__(self, *_: object) -> None:
        leave(self._token)
