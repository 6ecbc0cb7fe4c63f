"""A cache in two tiers: this process, and optionally a Valkey or Redis that processes share.

``Cache().scoped(tenant_id, "embeddings", codec=…, ttl=…)`` is the cache of one tenant's one use; nothing takes a
key without a tenant. ``get_or_load`` makes one load of many simultaneous misses, refreshes values before they
expire, and remembers absences. ``invalidate(tag)`` reaches every process. A server that is slow, broken or gone
costs hits, never an error.
"""

from deskmind.cache.cache import Cache
from deskmind.cache.codec import Codec, Float32Codec, JsonCodec
from deskmind.cache.measures import CacheStats, UseStats
from deskmind.cache.memory import CacheLimits, MemoryTier
from deskmind.cache.scoped import ScopedCache
from deskmind.cache.tier import CacheTier
from deskmind.cache.valkey import ValkeyTier

__all__ = [
    "Cache",
    "CacheLimits",
    "CacheStats",
    "CacheTier",
    "Codec",
    "Float32Codec",
    "JsonCodec",
    "MemoryTier",
    "ScopedCache",
    "UseStats",
    "ValkeyTier",
]
