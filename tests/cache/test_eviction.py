"""The first tier never exceeds its bounds, keeps what is read often, and never tells an old value."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from deskmind.cache import CacheLimits, MemoryTier
from deskmind.cache.eviction import Entry, S3Fifo
from deskmind.errors import ConfigurationError

keys = st.binary(min_size=1, max_size=2)


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class MemoryModel(RuleBasedStateMachine):
    """The tier against a plain dictionary of what was last set and may still be served."""

    @initialize(entries=st.integers(1, 30), kilobytes=st.integers(64, 96))
    def begin(self, entries: int, kilobytes: int) -> None:
        self.clock = _Clock()
        self.limits = CacheLimits(entries, kilobytes * 1024)
        self.tier = MemoryTier(self.limits, clock=self.clock)
        self.model: dict[bytes, tuple[object, float, frozenset[bytes]]] = {}
        self.counter = 0

    @rule(
        key=keys,
        size=st.integers(0, 12_000),
        ttl=st.floats(0.5, 100),
        tags=st.frozensets(st.sampled_from([b"a", b"b", b"c"])),
    )
    def put(self, key: bytes, size: int, ttl: float, tags: frozenset[bytes]) -> None:
        self.counter += 1
        self.tier.put(key, self.counter, size=size, ttl=ttl, tags=tuple(tags))
        self.model[key] = (self.counter, self.clock.now + ttl, tags)

    @rule(key=keys)
    def get(self, key: bytes) -> None:
        entry = self.tier.get(key)
        if entry is not None:
            value, expires_at, _ = self.model[key]
            assert entry.value == value
            assert self.clock.now < expires_at

    @rule(key=keys)
    def drop(self, key: bytes) -> None:
        self.tier.drop(key)
        self.model.pop(key, None)

    @rule(tag=st.sampled_from([b"a", b"b", b"c"]))
    def drop_tag(self, tag: bytes) -> None:
        self.tier.drop_tag(tag)
        self.model = {key: kept for key, kept in self.model.items() if tag not in kept[2]}

    @rule(prefix=st.binary(min_size=1, max_size=1))
    def drop_prefix(self, prefix: bytes) -> None:
        self.tier.drop_prefix(prefix)
        self.model = {key: kept for key, kept in self.model.items() if not key.startswith(prefix)}

    @rule(seconds=st.floats(0, 60))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def bounds_hold(self) -> None:
        if hasattr(self, "tier"):
            assert len(self.tier) <= self.limits.max_entries
            assert 0 <= self.tier.size <= self.limits.max_bytes
            assert len(self.tier) > 0 or self.tier.size == 0


MemoryModel.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestMemoryModel = MemoryModel.TestCase


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 400), st.integers(1, 40), st.randoms(use_true_random=False))
def test_one_pass_over_many_keys_leaves_the_hot_ones(room: int, passes: int, dice: random.Random) -> None:
    queue = S3Fifo(room, 10**9)
    hot = [b"hot-%d" % number for number in range(room // 2)]

    def read_through(key: bytes) -> bool:
        entry = queue.index.get(key)
        if entry is None:
            queue.put(key, Entry(0, size=1, expires_at=0, refresh_at=0, lifetime=0))
            return False
        entry.hits = min(3, entry.hits + 1)
        return True

    for _ in range(4):
        for key in hot:
            read_through(key)
    for number in range(room * passes):
        read_through(b"scan-%d" % number)
    dice.shuffle(hot)
    assert sum(read_through(key) for key in hot) == len(hot)


def test_a_new_hot_set_takes_over_from_an_old_one() -> None:
    tier = MemoryTier(CacheLimits(100))

    def read_through(key: bytes) -> bool:
        found = tier.get(key) is not None
        if not found:
            tier.put(key, key, size=0, ttl=100)
        return found

    for era in range(3):
        found = [read_through(b"%d-%d" % (era, key)) for _ in range(12) for key in range(80)]
    assert all(found[-80:])


@pytest.mark.parametrize("entries", [1, 2, 5])
def test_what_was_just_set_is_there_however_small_and_hot_the_cache(entries: int) -> None:
    tier = MemoryTier(CacheLimits(entries))
    for number in range(50):
        tier.put(b"%d" % number, number, size=0, ttl=100)
        for _ in range(3):
            assert tier.get(b"%d" % number) is not None


def test_a_value_larger_than_an_eighth_of_the_room_is_refused_and_the_older_one_is_gone() -> None:
    tier = MemoryTier(CacheLimits(100, 64 * 1024))
    tier.put(b"k", "small", size=10, ttl=100)
    tier.put(b"k", "large", size=9 * 1024, ttl=100)
    assert tier.get(b"k") is None
    assert tier.refusals == 1


def test_tags_leave_nothing_behind_when_entries_are_evicted() -> None:
    tier = MemoryTier(CacheLimits(10))
    for number in range(1000):
        tier.put(b"%d" % number, number, size=0, ttl=100, tags=(b"t%d" % number,))
    assert len(tier._tagged) == 10


@pytest.mark.parametrize(("entries", "size"), [(0, 2**20), (10, 1000), (-1, 2**20)])
def test_a_cache_without_room_is_refused(entries: int, size: int) -> None:
    with pytest.raises(ConfigurationError, match="no room"):
        CacheLimits(entries, size)
