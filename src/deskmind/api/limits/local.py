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
        found: list[tuple[Limit, int, int]] = []
        refused = False
        for name, limit in asked:
            ahead = max(0, self._arrivals.get(name, 0) - now)
            wait = max(0, ahead + limit.interval - limit.span)
            refused = refused or wait > 0
            found.append((limit, ahead, wait))
        if count and not refused:
            found = [(limit, ahead + limit.interval, 0) for limit, ahead, _ in found]
            self._keep(asked, [ahead for _, ahead, _ in found], now)
        return Decision(tuple([Standing(*each) for each in found]), shared=False)

    def knows(self, name: str) -> bool:
        """Whether anything was counted under a name, as far back as is remembered."""
        return name in self._arrivals

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
