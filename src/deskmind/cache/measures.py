"""What a cache counts."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CacheStats", "UseStats"]


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
