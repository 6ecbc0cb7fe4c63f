"""A figure that costs a question to somebody else: asked for now and then, by one process of the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

from deskmind.errors import DeskmindError
from deskmind.observability.logs import logger
from deskmind.observability.metering.running import current_provider

__all__ = ["Polled"]

_T = TypeVar("_T")
_STALE = 3


class _Reading(NamedTuple, Generic[_T]):
    until: float
    value: _T


class Polled(Generic[_T]):
    """What was read last; nothing when that is too long ago, or could not be had.

    Args:
        name: of what is asked for, such as ``sync``: of its logger and of the role that one process takes.
        ask: for it.
        every: seconds.
    """

    def __init__(self, name: str, ask: Callable[[], Awaitable[_T]], *, every: float) -> None:
        self._name = name
        self._ask = ask
        self._every = every
        self._reading: _Reading[_T] | None = None

    async def keep_asking(self) -> None:
        """Until cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(self._every)

    async def ask(self) -> None:
        """Ask now, unless another process of the service does it."""
        provider = current_provider()
        if provider is not None and not provider.group.elected(f"{self._name}.lock"):
            return
        try:
            found = await self._ask()
            self._reading = _Reading(time.monotonic() + _STALE * self._every, found)
        except Exception as error:  # a figure that cannot be had must not end anything
            self._reading = None
            if not isinstance(error, DeskmindError):  # those tell whoever needs the database
                logger(f"deskmind.{self._name}").warning(f"{self._name}.not_measured", exc_info=error)

    @property
    def value(self) -> _T | None:
        """What was read last, or None."""
        reading = self._reading
        return reading.value if reading is not None and time.monotonic() < reading.until else None
