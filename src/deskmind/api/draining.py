"""How a process that serves ends without losing a request.

On SIGTERM it says that it is not ready and goes on serving, for as long as balancers need to notice; each response then closes
its connection (``Connection: close``), so that no client sends another request on a connection that is about to go.
After that the server's own ending begins: it listens no more and finishes what is under way. On SIGINT that begins at once.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from deskmind.observability import logger

__all__ = ["Drain"]

_log = logger("deskmind.http")


class Drain:
    """One process's.

    Args:
        seconds: from SIGTERM to the server's own ending; 0 for none.

    Attributes:
        begun: whether the process is about to end.
    """

    def __init__(self, seconds: float) -> None:
        self.begun = False
        self._seconds = seconds

    @contextmanager
    def heeding(self) -> Generator[None]:
        """Inside, SIGTERM is heard before the server hears of it."""
        ends = signal.getsignal(signal.SIGTERM)
        if (
            not self._seconds
            or not callable(ends)
            or threading.current_thread() is not threading.main_thread()
        ):
            yield
            return
        loop = asyncio.get_running_loop()

        def hear(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._begin, lambda: ends(number, frame))

        signal.signal(signal.SIGTERM, hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, ends)

    def _begin(self, end: Callable[[], Any]) -> None:
        """Whoever ends a whole service may tell each process twice."""
        if self.begun:
            return
        self.begun = True
        _log.info("http.draining", seconds=self._seconds)
        asyncio.get_running_loop().call_later(self._seconds, end)
