"""The first tier: values in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deskmind.cache.eviction import Entry, S3Fifo
from deskmind.errors import ConfigurationError

__all__ = ["CacheLimits", "MemoryTier"]

_ENTRY_BYTES = 640
"""What an entry costs besides its value: key, queue, index and remembered keys (measured, CPython 3.11)."""

_TAG_BYTES = 200
_LARGEST_SHARE = 8


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """Bounds of the first tier; both hold at all times.

    Attributes:
        max_entries: number of values.
        max_bytes: estimated bytes of values and their bookkeeping. A value that needs more than an eighth of it
            is not kept in this tier.

    Raises:
        ConfigurationError: for bounds that leave no room.
    """

    max_entries: int = 100_000
    max_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        if self.max_entries < 1 or self.max_bytes < 64 * 1024:
            raise ConfigurationError(
                "The cache has no room.",
                why=f"It may hold {self.max_entries} entries and {self.max_bytes} bytes.",
                remedy="Allow at least 1 entry and 65,536 bytes.",
            )


class MemoryTier:
    """Values by key, bounded by entries and bytes, each with a time to live, dropped by key, tag or prefix.

    Reading takes no lock; changes do, so that threads may share a tier. The objects are handed out as they are:
    treat what a cache returns as read-only.

    Attributes:
        limits: the bounds.
        evictions: entries that left for want of room.
        expirations: entries found too old when read.
        refusals: values that were too large to be kept.
    """

    def __init__(
        self, limits: CacheLimits | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits or CacheLimits()
        self.clock = clock
        self.evictions = self.expirations = self.refusals = 0
        self._entries = S3Fifo(self.limits.max_entries, self.limits.max_bytes)
        self._index = self._entries.index
        self._tagged: dict[bytes, set[bytes]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._index)

    @property
    def size(self) -> int:
        """Estimated bytes held."""
        return self._entries.size

    def get(self, key: bytes) -> Entry | None:
        """The live entry of a key."""
        entry = self._index.get(key)
        if entry is None:
            return None
        if entry.expires_at <= self.clock():
            self._expire(key, entry)
            return None
        if entry.hits < 3:
            entry.hits += 1
        return entry

    def put(
        self,
        key: bytes,
        value: object,
        *,
        size: int,
        ttl: float,
        refresh_in: float = float("inf"),
        lifetime: float | None = None,
        tags: tuple[bytes, ...] = (),
    ) -> None:
        """Keep a value for ``ttl`` seconds at most; the older value of the key is gone in any case.

        Args:
            key: the full name.
            value: what is kept.
            size: bytes of the value.
            ttl: seconds from now to expiry.
            refresh_in: seconds from now until a refresh is due.
            lifetime: seconds from the value's making to expiry, when it was made earlier than now.
            tags: names of tags.
        """
        now = self.clock()
        entry = Entry(
            value,
            size=size + len(key) + _ENTRY_BYTES + _TAG_BYTES * len(tags),
            expires_at=now + ttl,
            refresh_at=now + refresh_in,
            lifetime=ttl if lifetime is None else lifetime,
            tags=tags,
        )
        with self._lock:
            if entry.size * _LARGEST_SHARE > self.limits.max_bytes or ttl <= 0:
                self._pop(key)
                self.refusals += ttl > 0
                return
            self._untag(key, self._index.get(key))
            for tag in tags:
                self._tagged.setdefault(tag, set()).add(key)
            for name, gone in self._entries.put(key, entry):
                self._untag(name, gone)
                self.evictions += 1

    def drop(self, key: bytes) -> None:
        """Forget one key."""
        with self._lock:
            self._pop(key)

    def drop_tag(self, tag: bytes) -> None:
        """Forget every entry that carries a tag; O(their number)."""
        with self._lock:
            self._pop_all(self._tagged.get(tag, ()))

    def drop_prefix(self, prefix: bytes) -> None:
        """Forget every key that begins so; O(entries held)."""
        with self._lock:
            self._pop_all(key for key in self._index if key.startswith(prefix))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._tagged.clear()

    def _expire(self, key: bytes, entry: Entry) -> None:
        with self._lock:
            if self._index.get(key) is entry:
                self._pop(key)
                self.expirations += 1

    def _pop_all(self, keys: Iterable[bytes]) -> None:
        for key in list(keys):
            self._pop(key)

    def _pop(self, key: bytes) -> None:
        self._untag(key, self._entries.pop(key))

    def _untag(self, key: bytes, entry: Entry | None) -> None:
        for tag in entry.tags if entry is not None else ():
            tagged = self._tagged.get(tag)
            if tagged is not None:
                tagged.discard(key)
                if not tagged:
                    del self._tagged[tag]
