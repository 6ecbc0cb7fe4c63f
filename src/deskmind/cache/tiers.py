"""Both tiers and the loads in progress, kept in step with what is removed here and elsewhere."""

from __future__ import annotations

from deskmind.cache.flights import Flights
from deskmind.cache.memory import MemoryTier
from deskmind.cache.tier import CacheTier, Kind

__all__ = ["Tiers"]

_ROOT_KIND = 1


class Tiers:
    """What all namespaces of a cache share.

    Attributes:
        memory: the first tier.
        remote: the second, if there is one.
        loads: loader calls in progress.
        reads: readings of the second tier in progress for callers without a loader.
        refreshing: background refreshes in progress.
    """

    def __init__(self, memory: MemoryTier, remote: CacheTier | None) -> None:
        self.memory = memory
        self.remote = remote
        self.loads = Flights()
        self.reads = Flights()
        self.refreshing = 0
        if remote is not None:
            remote.listen(self)

    def removed(self, kind: Kind, name: bytes) -> None:
        """Forget in this process what a name stands for, also what is being loaded."""
        flights = (self.loads, self.reads)
        if kind == "key":
            self.memory.drop(name)
            for each in flights:
                each.supersede(name)
        elif kind == "tag":
            self.memory.drop_tag(name)
            for each in flights:
                each.invalidate(name)
        else:
            prefix = name[:-_ROOT_KIND]
            self.memory.drop_prefix(prefix)
            for each in flights:
                each.invalidate_prefix(prefix)

    def missed(self) -> None:
        """Forget all of this process."""
        self.memory.clear()
        for each in (self.loads, self.reads):
            each.invalidate_prefix(b"")

    async def remove(self, kind: Kind, name: bytes) -> bool:
        """Forget everywhere. ``False``: other processes will be told later."""
        self.removed(kind, name)
        return self.remote is None or await self.remote.remove(kind, name)

    async def close(self) -> None:
        """End what is under way and let go of the second tier."""
        await self.loads.close()
        await self.reads.close()
        if self.remote is not None:
            await self.remote.close()
        self.memory.clear()
