"""How long until the next attempt: exponential, with full jitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["LONGEST_SECONDS", "hold_seconds", "retry_seconds"]

FIRST_SECONDS: Final = 10.0
LONGEST_SECONDS: Final = 4 * 3600.0
HELD_FROM: Final = 3
_FIRST_HOLD = 5.0
_LONGEST_HOLD = 300.0
_MOST_DOUBLINGS = 40


def retry_seconds(tries: int, draw: Callable[[], float], asked: float | None = None) -> float:
    """Until a delivery that was tried so often is tried again.

    Full jitter (Brooker, "Exponential Backoff and Jitter"): anything from 0 to 10 s × 2ⁿ⁻¹, at most 4 hours, so that what
    failed together does not come back together.

    Args:
        tries: attempts so far, 1 at least.
        draw: a number from 0 to 1.
        asked: seconds that the target asked for (``Retry-After``): the least, up to the same bound.
    """
    bound = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(tries - 1, _MOST_DOUBLINGS))
    return max(bound * draw(), min(asked or 0.0, LONGEST_SECONDS))


def hold_seconds(failures: int, draw: Callable[[], float]) -> float:
    """For how long nothing is sent to a target that did not answer so often in a row: 0 below three, then up to 5 minutes.

    At least half of the bound, so that a target that is down costs an attempt now and then and no more.
    """
    if failures < HELD_FROM:
        return 0.0
    bound = min(_LONGEST_HOLD, _FIRST_HOLD * 2 ** min(failures - HELD_FROM, _MOST_DOUBLINGS))
    return bound * (1 + draw()) / 2
