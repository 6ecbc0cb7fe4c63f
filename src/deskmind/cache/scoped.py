"""The cache of one tenant's one use: the only way to a value."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from opentelemetry import trace

from deskmind.cache.codec import Codec
from deskmind.cache.eviction import Entry
from deskmind.cache.flights import Flight
from deskmind.cache.measures import UseStats
from deskmind.cache.names import Namespace
from deskmind.cache.tier import Reading, Record, Unreachable
from deskmind.cache.tiers import Tiers
from deskmind.errors import ConfigurationError, UncacheableValueError
from deskmind.observability import logger, note

__all__ = ["Lifetimes", "ScopedCache"]

T = TypeVar("T")
_log = logger("deskmind.cache")
_random = secrets.SystemRandom()

_MOST_REFRESHES = 64
"""Refreshes in progress in a process; further ones wait for the next reader."""

_RETRY_SHARE = 0.1
"""After a failed refresh, the next is tried after this share of the lifetime."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long values live.

    Attributes:
        ttl: seconds a value is served.
        negative_ttl: seconds an absence (``None``) is served; ``None``: absences are not kept.
        refresh_at: share of the lifetime after which a reader starts a refresh in the background; it is spread
            over the first half of what is left, so that processes do not refresh together. ``None``: never.

    Raises:
        ConfigurationError: for times that are not positive, or a share outside 0 to 1.
    """

    ttl: float
    negative_ttl: float | None = None
    refresh_at: float | None = None

    def __post_init__(self) -> None:
        shares_fit = self.refresh_at is None or 0 < self.refresh_at < 1
        if not (0 < self.ttl < float("inf")) or (self.negative_ttl or 1.0) <= 0 or not shares_fit:
            raise ConfigurationError(
                "The lifetimes of a cache cannot be used.",
                why=f"{self}",
                remedy="Give positive seconds, and refresh_at between 0 and 1.",
            )

    def of(self, payload: bytes | None) -> float:
        """Seconds that a value or an absence lives; 0 when it is not kept."""
        return self.ttl if payload is not None else self.negative_ttl or 0.0

    def refresh_after(self, payload: bytes | None, lifetime: float) -> float:
        """Seconds from being made to the first refresh, drawn anew at each call."""
        if self.refresh_at is None or payload is None:
            return float("inf")
        return lifetime * (self.refresh_at + (1 - self.refresh_at) / 2 * _random.random())


class ScopedCache(Generic[T]):
    """Values of one type for one tenant and one use; made by ``Cache.scoped``.

    ``None`` is an absence: a loader that returns it says that there is nothing, which is kept for
    ``negative_ttl``. Values are shared between callers: treat them as read-only. To be used in one event loop.
    """

    __slots__ = ("_codec", "_lifetimes", "_memory", "_name", "_namespace", "_remote", "_stats", "_tiers")

    def __init__(
        self, tiers: Tiers, namespace: Namespace, codec: Codec[T], lifetimes: Lifetimes, stats: UseStats
    ) -> None:
        self._tiers = tiers
        self._memory = tiers.memory
        self._remote = tiers.remote
        self._namespace = namespace
        self._name = namespace.key
        self._codec = codec
        self._lifetimes = lifetimes
        self._stats = stats

    def peek(self, key: str | bytes) -> T | None:
        """The value if this process has it; neither waits nor counts."""
        entry = self._memory.get(self._name(key))
        return None if entry is None else cast("T | None", entry.value)

    async def get(self, key: str | bytes) -> T | None:
        """The value if a tier has it."""
        name = self._name(key)
        entry = self._memory.get(name)
        if entry is not None:
            self._stats.memory_hits += 1
            self._told("hit", "in memory")
            self._note("memory")
            return cast("T | None", entry.value)
        if self._remote is None:
            self._stats.misses += 1
            self._told("miss", "not in memory")
            self._note("miss")
            return None
        value, _ = await self._tiers.reads.run(name, self._read)
        self._told(
            "miss" if value is None else "hit", "not in any tier" if value is None else "in the shared tier"
        )
        return cast("T | None", value)

    async def set(self, key: str | bytes, value: T | None, *, tags: Iterable[str] = ()) -> bool:
        """Keep a value in both tiers. ``False``: other processes may see it late, or load their own.

        Raises:
            UncacheableValueError: the codec cannot carry the value.
        """
        name, names = self._name(key), self._tag_names(tags)
        record, kept = self._record(value, names)
        if record.ttl == 0:
            return await self._tiers.remove("key", name)
        self._tiers.removed("key", name)
        self._remember(name, record, kept, record.ttl)
        return self._remote is None or await self._remote.write(name, self._namespace.root, record)

    async def offer(self, key: str | bytes, value: T) -> None:
        """Keep a value that was made after a ``get`` which found none, unless another process has kept one meanwhile.

        It is no question to the cache: it is neither counted nor told.

        Raises:
            UncacheableValueError: the codec cannot carry the value.
        """
        name = self._name(key)
        if self._remote is None:
            record, kept = self._record(value, ())
            self._remember(name, record, kept, record.ttl)
            return

        async def made() -> T:
            return value

        await self._tiers.loads.run(name, lambda flight: self._load(flight, made, asked=False), ())

    async def get_or_load(
        self, key: str | bytes, loader: Callable[[], Awaitable[T | None]], *, tags: Iterable[str] = ()
    ) -> T | None:
        """The value, loaded when no tier has it; one load for all who ask at the same time.

        Args:
            key: of any length.
            loader: called without the cache's timeouts; what it raises reaches everyone who waits, and is not
                kept. It runs in the context of the first who asked.
            tags: by which the value can be invalidated.

        Raises:
            UncacheableValueError: the codec cannot carry what the loader returned.
            UnavailableError: the load was cancelled from within.
        """
        name = self._name(key)
        entry = self._memory.get(name)
        if entry is not None:
            self._stats.memory_hits += 1
            self._told("hit", "in memory")
            self._note("memory")
            if entry.refresh_at <= self._memory.clock():
                self._refresh(name, entry, loader, self._tag_names(tags))
            return cast("T | None", entry.value)
        names = self._tag_names(tags)
        loaded = False

        async def load() -> T | None:
            nonlocal loaded
            loaded = True
            return await loader()

        value, shared = await self._tiers.loads.run(name, lambda flight: self._load(flight, load), names)
        self._stats.shared += shared
        if loaded:
            self._told("miss", "loaded anew")
        else:
            self._told("hit", "another request loaded it" if shared else "in the shared tier")
        return cast("T | None", value)

    async def delete(self, key: str | bytes) -> bool:
        """Forget a value everywhere. ``False``: other processes will be told when the server answers again."""
        return await self._tiers.remove("key", self._name(key))

    async def invalidate(self, tag: str) -> bool:
        """Forget all values that carry a tag; ``False`` as for ``delete``."""
        return await self._tiers.remove("tag", self._namespace.tag(tag))

    async def clear(self) -> bool:
        """Forget all values of this tenant and use; ``False`` as for ``delete``."""
        return await self._tiers.remove("root", self._namespace.root)

    def _told(self, outcome: str, why: str) -> None:
        """Leave what became of a look-up in the request's story."""
        note("cache", cache=self._namespace.use, outcome=outcome, why=why)

    def _note(self, outcome: str) -> None:
        """Leave an event of a look-up on the current span: where the value was found, or ``miss``."""
        current = trace.get_current_span()
        if current.is_recording():
            found = {"deskmind.cache.use": self._namespace.use, "deskmind.cache.outcome": outcome}
            current.add_event("cache.lookup", found)

    def _tag_names(self, tags: Iterable[str]) -> tuple[bytes, ...]:
        return tuple(sorted({self._namespace.tag(tag) for tag in tags})) if tags else ()

    async def _read(self, flight: Flight) -> object:
        assert self._remote is not None
        reading = await self._remote.read(flight.name, self._namespace.root, codec_format=self._codec.format)
        entry = self._take(flight, reading)
        self._stats.misses += entry is None
        self._note("remote" if entry is not None else "miss")
        return None if entry is None else entry.value

    async def _load(
        self, flight: Flight, loader: Callable[[], Awaitable[T | None]], *, asked: bool = True
    ) -> object:
        reading = await self._claim(flight)
        entry = self._take(flight, reading, asked=asked)
        if entry is not None:
            if asked:
                self._note("remote")
            return entry.value
        if asked:
            self._stats.misses += 1
            self._note("miss")
        return await self._load_anew(flight, reading, loader)

    async def _claim(self, flight: Flight) -> Reading:
        if self._remote is None:
            return Unreachable
        return await self._remote.read(
            flight.name, self._namespace.root, flight.tags, codec_format=self._codec.format, claim=True
        )

    async def _load_anew(
        self, flight: Flight, reading: Reading, loader: Callable[[], Awaitable[T | None]]
    ) -> object:
        self._stats.loads += 1
        try:
            value = await loader()
        except BaseException:
            self._stats.load_errors += 1
            raise
        record, kept = self._record(value, flight.tags)
        if record.ttl == 0:
            return kept
        if not flight.may_keep(record.tags):
            self._stats.unkept += 1
            return kept
        self._remember(flight.name, record, kept, record.ttl)
        if self._remote is not None:
            self._remote.fill(flight.name, self._namespace.root, reading, record)
        return kept

    def _take(self, flight: Flight, reading: Reading, *, asked: bool = True) -> Entry | None:
        """What was read, kept in memory; ``None`` for a miss and for bytes that the codec refuses."""
        record = reading.record
        if record is None:
            return None
        try:
            value = None if record.payload is None else self._codec.decode(record.payload)
        except Exception:  # foreign bytes may break a codec in any way
            return None
        self._stats.remote_hits += asked
        if flight.may_keep(record.tags):
            self._remember(flight.name, record, value, reading.remaining)
        return Entry(value, size=0, expires_at=0, refresh_at=0, lifetime=record.ttl)

    def _record(self, value: T | None, tags: tuple[bytes, ...]) -> tuple[Record, T | None]:
        """What is stored, and the value as everyone will read it."""
        if value is None:
            return Record(None, self._codec.format, self._lifetimes.of(None), tags), None
        payload = self._codec.encode(value)
        try:
            kept = self._codec.decode(payload)
        except Exception as error:
            raise UncacheableValueError(
                f"A value of type {type(value).__name__} cannot be cached.",
                why="Its codec writes it and cannot read it back.",
                remedy="Give the cache the codec for the type that its loader returns.",
            ) from error
        return Record(payload, self._codec.format, self._lifetimes.of(payload), tags), kept

    def _remember(self, name: bytes, record: Record, value: object, remaining: float) -> None:
        age = record.ttl - remaining
        self._memory.put(
            name,
            value,
            size=0 if record.payload is None else self._codec.memory(record.payload),
            ttl=remaining,
            refresh_in=self._lifetimes.refresh_after(record.payload, record.ttl) - age,
            lifetime=record.ttl,
            tags=record.tags,
        )

    def _refresh(
        self,
        name: bytes,
        entry: Entry,
        loader: Callable[[], Awaitable[T | None]],
        tags: tuple[bytes, ...],
    ) -> None:
        if name in self._tiers.loads or self._tiers.refreshing >= _MOST_REFRESHES:
            return
        self._tiers.refreshing += 1
        self._stats.refreshes += 1
        flight = self._tiers.loads.launch(
            name, lambda flight: self._reload(flight, loader), tags, unattended=True
        )
        flight.done.add_done_callback(lambda done: self._refreshed(entry, done.exception()))

    async def _reload(self, flight: Flight, loader: Callable[[], Awaitable[T | None]]) -> object:
        reading = await self._claim(flight)
        record = reading.record
        if record is not None and reading.remaining > record.ttl * (1 - (self._lifetimes.refresh_at or 1)):
            taken = self._take(flight, reading)  # another process was faster
            if taken is not None:
                return taken.value
        return await self._load_anew(flight, reading, loader)

    def _refreshed(self, entry: Entry, error: BaseException | None) -> None:
        self._tiers.refreshing -= 1
        if error is not None:
            entry.refresh_at = self._memory.clock() + entry.lifetime * _RETRY_SHARE
            _log.warning("cache.refresh_failed", use=self._namespace.use, error=type(error).__name__)
