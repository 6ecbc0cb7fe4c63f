"""S3-FIFO: which entries stay when not all fit.

After Yang, Zhang, Qiu, Yue and Vigfusson, "FIFO Queues are All You Need for Cache Eviction" (SOSP 2023).
New entries wait in a small queue (a tenth of the room) and leave it unless they are read again there, so one
pass over many keys does not push out what is read often. Keys that left lately are remembered; one that
comes back goes to the main queue at once. A hit only counts up, it moves nothing.
"""

from __future__ import annotations

from collections import OrderedDict, deque

__all__ = ["Entry", "S3Fifo"]

_MOST_HITS = 3
_PROMOTED_ABOVE = 1
_LAPS = 64
"""Entries given another lap in one eviction; bounds the work of one insertion, however hot the queue is."""


class Entry:
    """A value and what is needed to keep or drop it.

    Attributes:
        value: the value; ``None`` says that it is known to be absent.
        expires_at: on the tier's clock, in seconds.
        refresh_at: from when on a background refresh is due, on the same clock.
        lifetime: seconds from being made to expiry.
        size: bytes that the entry counts for.
        tags: names of the tags it carries.
        hits: reads since it entered its queue, at most 3.
    """

    __slots__ = ("expires_at", "hits", "in_main", "lifetime", "refresh_at", "size", "tags", "value")

    def __init__(
        self,
        value: object,
        *,
        size: int,
        expires_at: float,
        refresh_at: float,
        lifetime: float,
        tags: tuple[bytes, ...] = (),
    ) -> None:
        self.value = value
        self.size = size
        self.expires_at = expires_at
        self.refresh_at = refresh_at
        self.lifetime = lifetime
        self.tags = tags
        self.hits = 0
        self.in_main = False


class S3Fifo:
    """Entries by key, bounded in number and bytes.

    ``put``, ``pop`` and a hit are O(1) amortised; one ``put`` does at most 64 extra steps for each entry it evicts.

    Attributes:
        index: every entry by its key.
        size: bytes held.
    """

    __slots__ = (
        "_ghosts",
        "_left",
        "_main",
        "_max_entries",
        "_max_size",
        "_small",
        "_small_size",
        "index",
        "size",
    )

    def __init__(self, max_entries: int, max_size: int) -> None:
        self._max_entries = max_entries
        self._max_size = max_size
        self.index: dict[bytes, Entry] = {}
        self.size = 0
        self._small: OrderedDict[bytes, Entry] = OrderedDict()
        self._small_size = 0
        self._main: OrderedDict[bytes, Entry] = OrderedDict()
        self._ghosts: set[int] = set()
        self._left: deque[int] = deque()

    def put(self, key: bytes, entry: Entry) -> list[tuple[bytes, Entry]]:
        """Add or replace; returns what had to leave, possibly the new entry itself."""
        old = self.index.get(key)
        if old is not None:
            self._replace(key, old, entry)
        else:
            self._insert(key, entry)
        evicted: list[tuple[bytes, Entry]] = []
        while self.size > self._max_size or len(self.index) > self._max_entries:
            evicted.append(self._evict())
        return evicted

    def pop(self, key: bytes) -> Entry | None:
        """Take out an entry without remembering its key."""
        entry = self.index.pop(key, None)
        if entry is not None:
            self.size -= entry.size
            if entry.in_main:
                del self._main[key]
            else:
                del self._small[key]
                self._small_size -= entry.size
        return entry

    def clear(self) -> None:
        """Forget everything."""
        self.index.clear()
        self._small.clear()
        self._main.clear()
        self._ghosts.clear()
        self._left.clear()
        self.size = self._small_size = 0

    def _replace(self, key: bytes, old: Entry, entry: Entry) -> None:
        entry.in_main, entry.hits = old.in_main, old.hits
        self.index[key] = entry
        (self._main if entry.in_main else self._small)[key] = entry
        self.size += entry.size - old.size
        if not entry.in_main:
            self._small_size += entry.size - old.size

    def _insert(self, key: bytes, entry: Entry) -> None:
        self.index[key] = entry
        self.size += entry.size
        mark = hash(key)
        if mark in self._ghosts:
            self._ghosts.discard(mark)
            self._to_main(key, entry)
        else:
            self._small[key] = entry
            self._small_size += entry.size

    def _to_main(self, key: bytes, entry: Entry) -> None:
        entry.in_main, entry.hits = True, 0
        self._main[key] = entry

    def _evict(self) -> tuple[bytes, Entry]:
        while True:
            gone = self._evict_small() if self._small_is_full() or not self._main else self._evict_main()
            if gone is not None:
                key, entry = gone
                del self.index[key]
                self.size -= entry.size
                return gone

    def _small_is_full(self) -> bool:
        """Whether it has more than its tenth; a lone entry stays, else the newest would never be kept."""
        waiting = len(self._small)
        return waiting > 1 and (self._small_size * 10 > self._max_size or waiting * 10 > self._max_entries)

    def _evict_small(self) -> tuple[bytes, Entry] | None:
        key, entry = self._small.popitem(last=False)
        self._small_size -= entry.size
        if entry.hits > _PROMOTED_ABOVE:
            self._to_main(key, entry)
            return None
        self._remember(hash(key))
        return key, entry

    def _evict_main(self) -> tuple[bytes, Entry]:
        main = self._main
        for _ in range(_LAPS):
            key, entry = main.popitem(last=False)
            if entry.hits == 0:
                return key, entry
            entry.hits -= 1
            main[key] = entry
        return main.popitem(last=False)

    def _remember(self, mark: int) -> None:
        if mark not in self._ghosts:
            self._ghosts.add(mark)
            self._left.append(mark)
        while len(self._left) > max(len(self.index), 1):
            self._ghosts.discard(self._left.popleft())
