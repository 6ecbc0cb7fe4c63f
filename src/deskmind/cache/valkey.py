"""The second tier in Valkey or Redis."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from deskmind.cache import frame
from deskmind.cache.breaker import Breaker
from deskmind.cache.debts import Debt, Debts
from deskmind.cache.hearing import CHANNEL, Hearing
from deskmind.cache.line import Line, connect
from deskmind.cache.tier import Kind, Listener, Reading, Record, Unreachable
from deskmind.ending import ended

__all__ = ["ValkeyTier"]

_GENERATION_MS = 24 * 3600 * 1000
_CLAIM_MS = 60_000
_PAID_AT_ONCE = 500
_FILL = """
if redis.call('GETRANGE', KEYS[1], 0, 8) == ARGV[1] then
  return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return false
"""


class ValkeyTier:
    """Values in a Valkey or Redis server (7 or later) that processes share. Needs the extra ``redis``.

    No method raises for what goes wrong at the server: a reading is a miss, a filling is dropped, and a removal is
    owed: until it is done, this process does not read what it concerns.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        timeout: seconds an operation may hold its caller up.
        connections: at most, besides one for the subscription.
        patience: seconds to connect, and until an unanswered connection is given up.
        failures: in a row after which the server is left alone.
        cooldown: seconds until it is tried again; doubles up to 30.
        heartbeat: seconds of silence after which the subscription is checked.
        max_value_bytes: larger values stay out of this tier.
        max_pending: fillings in the background; further ones are dropped.
        max_pending_bytes: their bytes.

    Raises:
        MissingExtraError: redis-py is not installed.
        ConfigurationError: for a URL of another kind.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 0.05,
        connections: int = 32,
        patience: float = 1.0,
        failures: int = 3,
        cooldown: float = 1.0,
        heartbeat: float = 5.0,
        max_value_bytes: int = 2**20,
        max_pending: int = 256,
        max_pending_bytes: int = 16 * 2**20,
    ) -> None:
        client = connect(url, connections=connections, patience=patience)
        self._line = Line(
            client, timeout=timeout, connections=connections, breaker=Breaker(failures, cooldown)
        )
        self._new_client: Callable[[], Any] = lambda: connect(url, connections=1, patience=patience)
        self._timeout, self._patience, self._cooldown, self._heartbeat = (
            timeout,
            patience,
            cooldown,
            heartbeat,
        )
        self._max_value_bytes, self._max_pending = max_value_bytes, max_pending
        self._max_pending_bytes = max_pending_bytes
        self._debts = Debts()
        self._listener: Listener | None = None
        self._hearing: Hearing | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._changing: dict[bytes, asyncio.Task[bool]] = {}
        self._paying: asyncio.Task[None] | None = None
        self._pending = self._pending_bytes = 0
        self._closed = False
        self._counts = {"hits": 0, "misses": 0, "corrupt": 0, "fills": 0, "dropped": 0}

    def listen(self, listener: Listener) -> None:
        """See ``CacheTier.listen``."""
        self._listener = listener

    async def start(self) -> None:
        """See ``CacheTier.start``."""
        if self._hearing is None and self._listener is not None and not self._closed:
            self._hearing = Hearing(
                self._new_client, self._listener, heartbeat=self._heartbeat, patience=self._patience
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timeout):
                    await self._hearing.active.wait()

    async def read(
        self,
        name: bytes,
        root: bytes,
        tags: tuple[bytes, ...] = (),
        *,
        codec_format: str,
        claim: bool = False,
    ) -> Reading:
        """See ``CacheTier.read``: one round trip, two for a value with tags that were not asked for."""
        if self._closed or self._debts.concern((name, root, *tags)):
            return Unreachable
        if self._hearing is None:
            await self.start()
        places = (root, *tags)
        replies = await self._line.ask(lambda pipeline: _read(pipeline, name, places, claim=claim))
        if replies is None:
            return Unreachable
        data, remaining = replies[-2 - len(places)], replies[-1 - len(places)]
        generations = replies[-len(places) :]
        usable = isinstance(data, bytes) and all(isinstance(each, bytes) for each in generations)
        token = frame.token_of(data) if claim and usable else b""
        found = await self._valid(name, root, data, dict(zip(places, generations, strict=True)))
        if found is None or found.format != codec_format or not isinstance(remaining, int) or remaining <= 0:
            self._counts["misses"] += 1
            return Reading(claim=token, generations=tuple(generations) if token else ())
        self._counts["hits"] += 1
        return Reading(found, min(remaining / 1000, found.ttl), token, tuple(generations) if token else ())

    def fill(self, name: bytes, root: bytes, reading: Reading, record: Record) -> None:
        """See ``CacheTier.fill``."""
        if not reading.claim or self._closed:
            return
        data = frame.pack(name, record, reading.generations)
        if (
            len(data) > self._max_value_bytes
            or self._pending >= self._max_pending
            or self._pending_bytes + len(data) > self._max_pending_bytes
            or self._debts.concern((name, root, *record.tags))
        ):
            self._counts["dropped"] += 1
            return
        self._pending += 1
        self._pending_bytes += len(data)
        self._run(self._fill(name, (root, *record.tags), reading.claim, data, record.ttl))

    async def write(self, name: bytes, root: bytes, record: Record) -> bool:
        """See ``CacheTier.write``: two round trips."""
        if len(record.payload or b"") > self._max_value_bytes:
            return await self.remove("key", name)
        return await self._change("key", name, lambda: self._store(name, root, record))

    async def remove(self, kind: Kind, name: bytes) -> bool:
        """See ``CacheTier.remove``."""
        return await self._change(kind, name, lambda: self._pay([Debt(kind, name, -1)]))

    def measures(self) -> dict[str, float]:
        """Counts since the start, and how things stand: ``open`` (breaker), ``owed`` (removals), ``pending``."""
        return {
            **self._counts,
            **self._line.counts,
            "open": self._line.breaker.open,
            "opened": self._line.breaker.opened,
            "owed": len(self._debts),
            "pending": self._pending,
            "subscriptions": 0 if self._hearing is None else self._hearing.begun,
        }

    async def close(self) -> None:
        """Finish what is under way within the patience, then close all connections. Debts are forgotten."""
        self._closed = True
        if self._paying is not None:
            await ended(self._paying)
        if self._background:
            await asyncio.wait(self._background, timeout=self._patience)
        for task in self._background:
            task.cancel()
        if self._hearing is not None:
            await self._hearing.close()
        await self._line.close()

    async def _valid(
        self, name: bytes, root: bytes, data: object, known: dict[bytes, object]
    ) -> Record | None:
        """The record in the bytes, if nothing it depends on was invalidated since."""
        if not isinstance(data, bytes) or data[:1] == b"L":
            return None
        found = frame.unpack(name, root, data)
        if found is None:
            self._counts["corrupt"] += 1
            return None
        unknown = [tag for tag in found.record.tags if tag not in known]
        if unknown:
            replies = await self._line.ask(lambda pipeline: [pipeline.get(tag) for tag in unknown])
            known = known | dict(zip(unknown, replies or (), strict=False))
        places = (root, *found.record.tags)
        fresh = all(known.get(place) == each for place, each in zip(places, found.generations, strict=True))
        return found.record if fresh and not self._debts.concern((name, *places)) else None

    async def _fill(
        self, name: bytes, places: tuple[bytes, ...], claim: bytes, data: bytes, ttl: float
    ) -> None:
        milliseconds = _milliseconds(ttl)
        try:
            replies = await self._line.ask(
                lambda pipeline: (
                    pipeline.eval(_FILL, 1, name, claim, data, milliseconds),
                    _lengthen(pipeline, places, milliseconds),
                )
            )
            self._counts["fills" if replies and replies[0] == b"OK" else "dropped"] += 1
        finally:
            self._pending -= 1
            self._pending_bytes -= len(data)

    async def _change(self, kind: Kind, name: bytes, act: Callable[[], Coroutine[Any, Any, bool]]) -> bool:
        """Act after earlier changes of the name; owed until it has succeeded, even if the caller gives up."""
        if self._closed:
            return False
        if self._hearing is None:
            await self.start()
        debt = self._debts.add(kind, name)
        task = self._run(self._in_turn(debt, self._changing.get(name), act))
        self._changing[name] = task
        task.add_done_callback(lambda done: self._changed(name, done))
        await asyncio.wait((task,), timeout=self._timeout * 2)
        return task.done() and not task.cancelled() and task.result()

    async def _in_turn(
        self, debt: Debt, earlier: asyncio.Task[bool] | None, act: Callable[[], Coroutine[Any, Any, bool]]
    ) -> bool:
        if earlier is not None:
            await asyncio.wait((earlier,))
        done = await act()
        if done:
            self._debts.paid([debt])
        elif self._paying is None and not self._closed:
            self._paying = asyncio.create_task(self._pay_all())
        return done

    def _changed(self, name: bytes, task: asyncio.Task[bool]) -> None:
        if self._changing.get(name) is task:
            del self._changing[name]

    async def _store(self, name: bytes, root: bytes, record: Record) -> bool:
        places, milliseconds = (root, *record.tags), _milliseconds(record.ttl)
        generations = await self._line.ask(lambda pipeline: _generations(pipeline, places))
        found = tuple(each for each in (generations or ())[1::2] if isinstance(each, bytes))
        if len(found) < len(places):
            return False
        data = frame.pack(name, record, found)
        replies = await self._line.ask(
            lambda pipeline: (
                pipeline.set(name, data, px=milliseconds),
                pipeline.publish(CHANNEL, self._notice("key", name)),
                _lengthen(pipeline, places, milliseconds),
            )
        )
        return replies is not None and not any(isinstance(reply, Exception) for reply in replies[:2])

    async def _pay(self, debts: list[Debt]) -> bool:
        replies = await self._line.ask(
            lambda pipeline: [
                (pipeline.unlink(debt.name), pipeline.publish(CHANNEL, self._notice(debt.kind, debt.name)))
                for debt in debts
            ]
        )
        return replies is not None and not any(isinstance(reply, Exception) for reply in replies)

    async def _pay_all(self) -> None:
        """Pay debts until none is left; a sign of life first, so that what was sent before has been executed."""
        try:
            while self._debts:
                if await self._line.ask(lambda pipeline: pipeline.ping()):
                    debts = [
                        each for each in self._debts.some(_PAID_AT_ONCE) if each.name not in self._changing
                    ]
                    if await self._pay(debts):
                        self._debts.paid(debts)
                        if debts:
                            continue
                await asyncio.sleep(min(self._cooldown, 1.0) / 4)
        finally:
            self._paying = None

    def _notice(self, kind: Kind, name: bytes) -> bytes:
        return self._hearing.notice(kind, name) if self._hearing is not None else b""

    def _run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _read(pipeline: Any, name: bytes, places: tuple[bytes, ...], *, claim: bool) -> None:
    if claim:
        pipeline.set(name, frame.claim(), nx=True, px=_CLAIM_MS)
        for place in places:
            pipeline.set(place, secrets.token_bytes(8), nx=True, px=_GENERATION_MS)
    pipeline.get(name)
    pipeline.pttl(name)
    for place in places:
        pipeline.get(place)


def _generations(pipeline: Any, places: tuple[bytes, ...]) -> None:
    for place in places:
        pipeline.set(place, secrets.token_bytes(8), nx=True, px=_GENERATION_MS)
        pipeline.get(place)


def _lengthen(pipeline: Any, places: tuple[bytes, ...], milliseconds: int) -> None:
    """Generations outlive the values that depend on them; without them the values would be misses."""
    for place in places:
        pipeline.pexpire(place, max(_GENERATION_MS, 2 * milliseconds), gt=True)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
