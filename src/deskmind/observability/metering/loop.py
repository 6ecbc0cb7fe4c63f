"""How late the event loop is."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable

from deskmind.observability.instruments import LOOP_LAG
from deskmind.observability.metering.labels import Labels, labels
from deskmind.observability.metering.sources import Sources

__all__ = ["LoopWatch"]

_EVERY = 0.5
_REMEMBERED = 30
_NONE = labels()


class LoopWatch:
    """Sleeps, and sees how late it wakes up; remembers some 15 seconds."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=_REMEMBERED)
        _watches.add(self)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            due = time.perf_counter() + _EVERY
            await asyncio.sleep(_EVERY)
            self._late.append(max(time.perf_counter() - due, 0.0))

    def worst(self) -> Iterable[tuple[float, Labels]]:
        """The greatest delay, in seconds."""
        late = list(self._late)
        return [(max(late), _NONE)] if late else []


_watches: Sources[LoopWatch] = Sources()
_watches.show(LOOP_LAG, LoopWatch.worst)
