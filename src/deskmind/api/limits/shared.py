"""Limits across processes: arrival times in a Valkey or Redis server, decided there in one round trip."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from deskmind.api.limits.gcra import Decision, Standing
from deskmind.api.limits.local import Asked, LocalLimits
from deskmind.cache.breaker import Breaker
from deskmind.cache.line import Line, connect
from deskmind.ending import ended
from deskmind.observability import logger

__all__ = ["SharedLimits"]

_log = logger("deskmind.limits")

_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local ahead, reply, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local interval, span = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local arrival = tonumber(redis.call('GET', key) or '0')
  ahead[i] = math.max(0, arrival - now)
  local wait = math.max(0, ahead[i] + interval - span)
  refused = refused or wait > 0
  reply[2 * i] = wait
end
for i, key in ipairs(KEYS) do
  if not refused then
    ahead[i] = ahead[i] + tonumber(ARGV[2 * i - 1])
    redis.call('SET', key, string.format('%.0f', now + ahead[i]), 'PX', math.ceil(ahead[i] / 1000))
  end
  reply[2 * i - 1] = ahead[i]
end
return reply
"""
"""The server's own clock, so that processes whose clocks differ agree."""


class SharedLimits:
    """Asks the server; while it does not answer, this process counts alone, from where things stood.

    Requests that come at the same moment are asked for in one round trip, each by a command of its own.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        local: counts meanwhile.
        timeout: seconds a request may be held up.
        cooldown: seconds until a silent server is tried again.
        connections: at most.
        patience: seconds to connect, and to wait for a reply on a connection that is kept after that.

    Raises:
        MissingExtraError: redis-py is not installed.
    """

    def __init__(
        self,
        url: str,
        local: LocalLimits,
        *,
        timeout: float = 0.1,
        cooldown: float = 1.0,
        connections: int = 64,
        patience: float = 1.0,
    ) -> None:
        client = connect(url, connections=connections, patience=patience)
        self._line = Line(client, timeout=timeout, connections=connections, breaker=Breaker(3, cooldown))
        self._local = local
        self._waiting: list[tuple[Asked, asyncio.Future[object]]] = []
        self._asking: set[asyncio.Task[list[Any] | None]] = set()
        self._closed = False
        self.alone = False

    async def take(self, asked: Asked) -> Decision:
        """Count a request, if every limit admits it."""
        if self._closed:
            return self._local.take(asked)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[object] = loop.create_future()
        self._waiting.append((asked, answer))
        if len(self._waiting) == 1:
            loop.call_soon(self._ask)
        reply = await answer
        self._say(alone=not isinstance(reply, list))
        if not isinstance(reply, list):
            return self._local.take(asked)
        numbers = cast("list[int]", reply)
        decision = Decision(
            tuple(
                Standing(limit, int(numbers[2 * place]), int(numbers[2 * place + 1]))
                for place, (_, limit) in enumerate(asked)
            ),
            shared=True,
        )
        self._local.learn(asked, decision)
        return decision

    async def close(self) -> None:
        """Let go of the server; whoever still asks is told by this process."""
        self._closed = True
        self._ask()
        await ended(*self._asking)
        await self._line.close()

    def _ask(self) -> None:
        """Ask for all that has come by now."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        work = self._line.ask(lambda pipeline: [_take(pipeline, asked) for asked, _ in batch])
        task = asyncio.create_task(work)
        self._asking.add(task)

        def told(done: asyncio.Task[list[Any] | None]) -> None:
            self._asking.discard(done)
            replies = None if done.cancelled() or done.exception() else done.result()
            for place, (_, answer) in enumerate(batch):
                if not answer.done():  # its caller may have gone
                    answer.set_result(replies[place] if replies else None)

        task.add_done_callback(told)

    def _say(self, *, alone: bool) -> None:
        if alone and not self.alone:
            _log.warning(
                "limits.alone", why="the shared server does not answer; each process counts for itself"
            )
        if self.alone and not alone:
            _log.info("limits.shared_again")
        self.alone = alone


def _take(pipeline: Any, asked: Asked) -> None:
    numbers = [number for _, limit in asked for number in (limit.interval, limit.span)]
    pipeline.execute_command("EVAL", _TAKE, len(asked), *(name for name, _ in asked), *numbers)
