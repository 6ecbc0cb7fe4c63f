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
        standings = self._counted(asked, now) if count else None
        if standings is None:
            standings = [self._standing(name, limit, now) for name, limit in asked]
        return Decision(tuple(standings), shared=False)

    def _counted(self, asked: Asked, now: int) -> list[Standing] | None:
        """How the limits stand with one request more; None, and nothing is counted, where one does not admit it."""
        arrivals = self._arrivals
        standings: list[Standing] = []
        for name, limit in asked:
            ahead = arrivals.get(name, 0) - now
            after = ahead + limit.interval if ahead > 0 else limit.interval
            if after > limit.span:
                return None
            standings.append(Standing(limit, after))
        self._keep(asked, [standing.ahead for standing in standings], now)
        return standings

    def _standing(self, name: str, limit: Limit, now: int) -> Standing:
        ahead = max(0, self._arrivals.get(name, 0) - now)
        return Standing(limit, ahead, max(0, ahead + limit.interval - limit.span))

    def knows(self, name: str) -> bool:
        """Whether anything was counted under a name, as far back as is remembered."""
        return name in self._arrivals

    def learn(self, asked: Asked, decision: Decision) -> None:
        """Take over what was decided for all processes, to go on from there when they cannot be asked."""
        self._keep(asked, [standing.ahead for standing in decision.standings], self._now())

    def _keep(self, asked: Asked, ahead: Sequence[int], now: int) -> None:
        arrivals = self._arrivals
        for (name, _), after in zip(asked, ahead, strict=True):
            arrivals[name] = now + after
            arrivals.move_to_end(name)
        while len(arrivals) > self._most:
            arrivals.popitem(last=False)

    def _now(self) -> int:
        return int(self._clock() * 1_000_000)
