"""Round trips to a Valkey or Redis server that never hold a caller up and never raise."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any

from deskmind.cache.breaker import Breaker
from deskmind.ending import ended
from deskmind.errors import ConfigurationError, MissingExtraError
from deskmind.observability import logger

__all__ = ["Line", "connect"]

_log = logger("deskmind.cache")
_SCHEMES = ("redis://", "rediss://", "unix://")


def connect(url: str, *, connections: int, patience: float) -> Any:
    """A client of redis-py; connects at its first command.

    Args:
        url: ``redis://``, ``rediss://`` (TLS), ``unix://``, or the same beginning with ``valkey``.
        connections: at most.
        patience: seconds to connect, and to wait for a reply.

    Raises:
        MissingExtraError: redis-py is not installed.
        ConfigurationError: for another kind of URL. Its text is not shown: it may hold a password.
    """
    try:
        asynchronous = importlib.import_module("redis.asyncio")
        retry = importlib.import_module("redis.asyncio.retry")
        backoff = importlib.import_module("redis.backoff")
    except ImportError:
        raise MissingExtraError("A cache in Valkey or Redis", "redis") from None
    spoken = "redis" + url.removeprefix("valkey") if url.startswith("valkey") else url
    try:
        if not spoken.startswith(_SCHEMES):
            raise ValueError
        return asynchronous.Redis.from_url(
            spoken,
            protocol=2,
            max_connections=connections,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=retry.Retry(backoff.NoBackoff(), 0),
        )
    except ValueError:
        raise ConfigurationError(
            "The address of the cache server cannot be used.",
            why="It is not a URL of Valkey or Redis.",
            remedy="Write it as redis://host:6379/0, rediss://… for TLS, or unix:///path.",
        ) from None


class _Trip:
    """How far a round trip is: whether it has a connection, and whether its caller has gone.

    One whose caller has gone tells the breaker nothing more: a server that always answers late is no use.
    """

    __slots__ = ("begun", "late")

    def __init__(self) -> None:
        self.begun = self.late = False


class Line:
    """Pipelines of commands, each with a deadline for whoever waits.

    A round trip goes on in a task of its own when its caller's deadline has passed, until the client's own patience
    ends: a slow moment costs no connection, and connecting over a long way may take longer than a read may.

    Attributes:
        breaker: holds calls back while the server does not answer.
        counts: what happened, by name.
    """

    def __init__(self, client: Any, *, timeout: float, connections: int, breaker: Breaker) -> None:
        self.breaker = breaker
        self.counts = {"requests": 0, "errors": 0, "timeouts": 0, "held_back": 0, "busy": 0}
        self._client = client
        self._timeout = timeout
        self._room = asyncio.Semaphore(connections)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def ask(self, fill: Callable[[Any], object]) -> list[Any] | None:
        """The replies to the commands that ``fill`` puts into a pipeline, or ``None`` if they did not come in time.

        A command that the server refuses has its error as reply.
        """
        if not self.breaker.admits():
            self.counts["held_back"] += 1
            return None
        self.counts["requests"] += 1
        trip = _Trip()
        task = asyncio.create_task(self._round_trip(fill, trip))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.wait((task,), timeout=self._timeout)
        except asyncio.CancelledError:
            trip.late = True
            self.breaker.unknown()
            raise
        if task.done():
            return None if task.cancelled() else task.result()
        trip.late = True
        if trip.begun:
            self.counts["timeouts"] += 1
            self._lost("TimeoutError")
        else:
            self.counts["busy"] += 1
            self.breaker.unknown()
            task.cancel()
        return None

    async def close(self) -> None:
        """End what is under way and close all connections."""
        await ended(*self._tasks)
        await self._client.aclose()

    async def _round_trip(self, fill: Callable[[Any], object], trip: _Trip) -> list[Any] | None:
        async with self._room:
            trip.begun = True
            try:
                async with self._client.pipeline(transaction=False) as pipeline:
                    fill(pipeline)
                    replies: list[Any] = await pipeline.execute(raise_on_error=False)
            except Exception as error:
                self.counts["errors"] += 1
                if not trip.late:
                    self._lost(type(error).__name__)
                await self._client.connection_pool.disconnect(inuse_connections=False)
                return None
        self.counts["errors"] += sum(isinstance(reply, Exception) for reply in replies)
        if not trip.late and self.breaker.succeeded():
            _log.info("cache.server_back")
        return replies

    def _lost(self, why: str) -> None:
        if self.breaker.failed():
            _log.warning("cache.server_lost", error=why)
