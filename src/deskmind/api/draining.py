"""How a process that serves ends without losing a request.

On SIGTERM it says that it is not ready and goes on serving, for as long as balancers need to notice; each response then closes
its connection (``Connection: close``), so that no client sends another request on a connection that is about to go, and streams
that only wait are ended. After that the server's own ending begins: it listens no more and finishes what is under way. On SIGINT
that begins at once.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from deskmind.observability import logger

__all__ = ["Drain"]

_log = logger("deskmind.http")


class Drain:
    """One process's.

    Args:
        seconds: from SIGTERM to the server's own ending; 0 for none.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begins = asyncio.Event()

    @property
    def begun(self) -> bool:
        """Whether the process is about to end."""
        return self._begins.is_set()

    def begin(self) -> None:
        """The process is about to end."""
        self._begins.set()

    async def begins(self, within: float | None = None) -> None:
        """Wait until the process is about to end.

        Args:
            within: seconds to wait at most; None for as long as it takes.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._begins.wait()

    @contextmanager
    def heeding(self) -> Generator[None]:
        """Inside, SIGTERM and SIGINT are heard before the server hears of them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        with self._hearing(signal.SIGTERM, self._seconds), self._hearing(signal.SIGINT, 0.0):
            yield

    @contextmanager
    def _hearing(self, number: signal.Signals, seconds: float) -> Generator[None]:
        ends = signal.getsignal(number)
        if not callable(ends):
            yield
            return
        loop = asyncio.get_running_loop()

        def hear(number: int, frame: FrameType | None) -> None:
            if seconds:
                loop.call_soon_threadsafe(self._end_later, lambda: ends(number, frame))
            else:
                loop.call_soon_threadsafe(self.begin)
                ends(number, frame)

        signal.signal(number, hear)
        try:
            yield
        finally:
            signal.signal(number, ends)

    def _end_later(self, end: Callable[[], Any]) -> None:
        """Whoever ends a whole service may tell each process twice."""
        if self.begun:
            return
        self.begin()
        _log.info("http.draining", seconds=self._seconds)
        asyncio.get_running_loop().call_later(self._seconds, end)
