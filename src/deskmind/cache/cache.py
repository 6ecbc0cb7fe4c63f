"""The cache of an application: one memory, perhaps one shared server, a view for each tenant and use."""

from __future__ import annotations

from dataclasses import replace
from typing import Self, TypeVar
from uuid import UUID

from deskmind.cache.codec import Codec
from deskmind.cache.measures import CacheStats, UseStats, caches
from deskmind.cache.memory import MemoryTier
from deskmind.cache.names import OWN_USES, Namespace
from deskmind.cache.scoped import Lifetimes, ScopedCache
from deskmind.cache.tier import CacheTier
from deskmind.cache.tiers import Tiers
from deskmind.errors import ConfigurationError

__all__ = ["Cache"]

T = TypeVar("T")


class Cache:
    """Values kept in this process, and in a server that processes share if one is given.

    It has no method that takes a key: ``scoped`` gives the cache of one tenant and one use.

    >>> import asyncio, uuid
    >>> async def main() -> None:
    ...     async with Cache() as cache:
    ...         titles = cache.scoped(uuid.uuid4(), "titles", codec=JsonCodec(str), ttl=300)
    ...         async def load() -> str:
    ...             return "Reset the VPN token"
    ...         print(await titles.get_or_load("KB0001", load), titles.peek("KB0001"))
    >>> from deskmind.cache import JsonCodec
    >>> asyncio.run(main())
    Reset the VPN token Reset the VPN token
    """

    def __init__(self, memory: MemoryTier | None = None, remote: CacheTier | None = None) -> None:
        self._tiers = Tiers(MemoryTier() if memory is None else memory, remote)
        self._uses: dict[str, UseStats] = {}
        self._formats: dict[str, str] = {}
        caches.add(self)

    def scoped(
        self,
        tenant_id: UUID,
        use: str,
        *,
        codec: Codec[T],
        ttl: float,
        negative_ttl: float | None = None,
        refresh_at: float | None = 0.8,
    ) -> ScopedCache[T]:
        """The cache of a tenant and a use; cheap, make one where it is needed.

        Args:
            tenant_id: whose values.
            use: what for, such as ``embeddings``; a short lower-case name. One use has one codec.
            codec: how values become bytes.
            ttl: seconds a value is served.
            negative_ttl: seconds an absence is served; without it absences are not kept.
            refresh_at: share of the lifetime after which values are loaded anew in the background; see
                ``Lifetimes``.

        Raises:
            ConfigurationError: for a bad use or times, or a use that has another codec already.
        """
        namespace = Namespace(tenant_id, use)
        known = self._formats.setdefault(use, codec.format)
        if known != codec.format:
            raise ConfigurationError(
                f"The cache for {use!r} holds values of another type.",
                why=f"It was first used with the format {known}, now with {codec.format}.",
                remedy="Give each type of value a use of its own.",
            )
        stats = self._uses.setdefault(use, UseStats())
        return ScopedCache(self._tiers, namespace, codec, Lifetimes(ttl, negative_ttl, refresh_at), stats)

    async def forget(self, tenant_id: UUID) -> bool:
        """Forget all of a tenant's values: Deskmind's own, and in every other use that this process knows.

        ``False`` as for ``ScopedCache.delete``.
        """
        roots = [Namespace(tenant_id, use).root for use in sorted({*OWN_USES, *self._formats})]
        return all([await self._tiers.remove("root", root) for root in roots])

    def stats(self) -> CacheStats:
        """The counts at this moment."""
        memory, remote = self._tiers.memory, self._tiers.remote
        return CacheStats(
            entries=len(memory),
            bytes=memory.size,
            evictions=memory.evictions,
            expirations=memory.expirations,
            refusals=memory.refusals,
            loading=len(self._tiers.loads),
            uses={use: replace(counts) for use, counts in self._uses.items()},
            remote={} if remote is None else remote.measures(),
        )

    async def close(self) -> None:
        """End loads and background work, let go of the server, forget what was kept."""
        await self._tiers.close()

    async def __aenter__(self) -> Self:
        if self._tiers.remote is not None:
            await self._tiers.remote.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
