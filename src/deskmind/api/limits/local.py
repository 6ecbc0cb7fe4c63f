"""Limits within one process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from deskmind.api.limits.gcra import Decision, Limit, Standing

__all__ = ["Asked", "LocalLimits"]

Asked = Sequence[tuple[str, Limit]]
"""What is counted under which name."""

_MOST = 100_000


class LocalLimits:
    """Arrival times in memory; of those that were used longest ago none is kept beyond a bound.

    Args:
        clock: in seconds.
        most: names that are kept.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._arrivals: OrderedDict[str, int] = OrderedDict()

    def take(self, asked: Asked, *, count: bool = True) -> Decision:
        """Count a request, if every limit admits it.

        Args:
            asked: the limits.
            count: False only says whether they would.
        """
        now = self._now()
        ahead = [max(0, self._arrivals.get(name, 0) - now) for name, _ in asked]
        waits = [
            max(0, before + limit.interval - limit.span)
            for before, (_, limit) in zip(ahead, asked, strict=True)
        ]
        if count and not any(waits):
            ahead = [before + limit.interval for before, (_, limit) in zip(ahead, asked, strict=True)]
            self._keep(asked, ahead, now)
        standings = zip(asked, ahead, waits, strict=True)
        return Decision(
            tuple(Standing(limit, after, wait) for (_, limit), after, wait in standings), shared=False
        )

    def learn(self, asked: Asked, decision: Decision) -> None:
        """Take over what was decided for all processes, to go on from there when they cannot be asked."""
        self._keep(asked, [standing.ahead for standing in decision.standings], self._now())

    def _keep(self, asked: Asked, ahead: Sequence[int], now: int) -> None:
        for (name, _), after in zip(asked, ahead, strict=True):
            self._arrivals[name] = now + after
            self._arrivals.move_to_end(name)
        while len(self._arrivals) > self._most:
            self._arrivals.popitem(last=False)

    def _now(self) -> int:
        return int(self._clock() * 1_000_000)
