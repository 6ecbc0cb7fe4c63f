"""What a cache counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from deskmind.observability.instruments import CACHE_ENTRIES, CACHE_REQUESTS, CACHE_SIZE
from deskmind.observability.metering import Bounded, Labels, Sources, labels

__all__ = ["CacheStats", "Counted", "UseStats", "caches"]

_Readings = Iterator[tuple[float, Labels]]
_use = Bounded(9)


@dataclass(slots=True)
class UseStats:
    """Counts of one use, over all tenants, since the cache was made.

    Attributes:
        memory_hits: values found in this process, known absences included.
        remote_hits: values found in the shared tier.
        misses: values found in neither.
        shared: callers that waited for somebody else's load.
        loads: loader calls.
        load_errors: loader calls that failed.
        refreshes: loads begun before expiry, in the background.
        unkept: loaded values not kept because they were invalidated meanwhile.
    """

    memory_hits: int = 0
    remote_hits: int = 0
    misses: int = 0
    shared: int = 0
    loads: int = 0
    load_errors: int = 0
    refreshes: int = 0
    unkept: int = 0


@dataclass(frozen=True, slots=True)
class CacheStats:
    """A cache at one moment.

    Attributes:
        entries: values in memory.
        bytes: their estimated size, bookkeeping included.
        evictions: entries that left memory for want of room.
        expirations: entries found too old.
        refusals: values too large for memory.
        loading: loads in progress.
        uses: counts by use.
        remote: counts of the shared tier by name; empty without one.
    """

    entries: int
    bytes: int
    evictions: int
    expirations: int
    refusals: int
    loading: int
    uses: dict[str, UseStats] = field(default_factory=dict[str, UseStats])
    remote: dict[str, float] = field(default_factory=dict[str, float])


class Counted(Protocol):
    """Something with counts."""

    def stats(self) -> CacheStats:
        """The counts at this moment."""
        ...


def _requests(cache: Counted) -> _Readings:
    stats = cache.stats()
    for use, counts in stats.uses.items():
        beyond = counts.remote_hits + counts.misses
        yield counts.memory_hits, _labelled(use, "memory", "hit")
        yield beyond, _labelled(use, "memory", "miss")
        if stats.remote:
            yield counts.remote_hits, _labelled(use, "shared", "hit")
            yield counts.misses, _labelled(use, "shared", "miss")


def _size(cache: Counted) -> _Readings:
    yield cache.stats().bytes, labels()


def _entries(cache: Counted) -> _Readings:
    yield cache.stats().entries, labels()


def _labelled(use: str, tier: str, result: str) -> Labels:
    return labels({"deskmind.cache": _use(use), "deskmind.tier": tier, "deskmind.result": result})


caches: Sources[Counted] = Sources()
"""Those whose counts are shown as metrics."""
caches.show(CACHE_REQUESTS, _requests)
caches.show(CACHE_SIZE, _size)
caches.show(CACHE_ENTRIES, _entries)
