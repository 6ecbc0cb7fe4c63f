"""Circuit breakers that replicas share through Valkey or Redis.

Each deployment that is out stands in one hash with the time until which it is. A replica reads the hash once a second in the
background, so that a call never waits for the server; while the server is away, replicas go by what they see themselves.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from deskmind.cache.line import connect
from deskmind.ending import ended
from deskmind.observability import logger

__all__ = ["ValkeyHealth"]

_KEY = "deskmind:breakers"
_KEPT_SECONDS = 3_600
_log = logger("deskmind.gateway")


class ValkeyHealth:
    """A ``SharedHealth`` for the gateways of one installation. Needs the extra ``redis``.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        installation: sets installations that share a server apart.
        every: seconds between readings.

    Raises:
        MissingExtraError: redis-py is not installed.
        ConfigurationError: for a URL of another kind.
    """

    def __init__(self, url: str, *, installation: str = "deskmind", every: float = 1.0) -> None:
        self._client: Any = connect(url, connections=2, patience=1.0)
        self._key = f"{_KEY}:{installation}"
        self._every = every
        self._known: dict[str, float] = {}
        self._reader: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._away = False

    def announce(self, deployment: str, until: float) -> None:
        """Tell that a deployment is out until then (``time.time()``); 0 when it is back."""
        if until:
            self._known[deployment] = until
        else:
            self._known.pop(deployment, None)
        task = asyncio.get_running_loop().create_task(self._tell(deployment, until))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def known(self) -> dict[str, float]:
        """What others told, at most ``every`` seconds old."""
        if self._reader is None:
            self._reader = asyncio.get_running_loop().create_task(self._read_on())
        return self._known

    async def close(self) -> None:
        """Stop refreshing."""
        await ended(*(task for task in (self._reader, *self._telling) if task is not None))
        with suppress(Exception):
            await self._client.aclose()

    async def _tell(self, deployment: str, until: float) -> None:
        try:
            if until:
                await self._client.hset(self._key, deployment, repr(until))
                await self._client.expire(self._key, _KEPT_SECONDS)
            else:
                await self._client.hdel(self._key, deployment)
        except Exception as error:
            self._missed(error)

    async def _read_on(self) -> None:
        while True:
            if not self._telling:
                try:
                    self._take(await self._client.hgetall(self._key))
                    self._away = False
                except Exception as error:
                    self._missed(error)
            await asyncio.sleep(self._every)

    def _take(self, stored: dict[bytes, bytes]) -> None:
        now = time.time()
        found: dict[str, float] = {}
        for name, until in stored.items():
            with suppress(ValueError):
                seconds = float(until)
                if now < seconds <= now + _KEPT_SECONDS:
                    found[name.decode("utf-8", "replace")] = seconds
        self._known = found

    def _missed(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            _log.warning("breakers.not_shared", error_code=type(error).__name__)
