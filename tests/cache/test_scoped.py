"""One process: loads are shared, values refresh, absences are remembered, tenants never meet."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.cache import Cache, JsonCodec, MemoryTier, ScopedCache
from deskmind.cache.names import Namespace
from deskmind.errors import ConfigurationError, UnavailableError, UncacheableValueError

TEXT = JsonCodec(str)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Source:
    """A loader that counts its calls and answers when it is let."""

    def __init__(self, value: str | None = "value", error: Exception | None = None) -> None:
        self.value, self.error, self.calls = value, error, 0
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> str | None:
        self.calls += 1
        value = self.value
        self.begun.set()
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return value


def at_once(value: str | None, calls: list[object] | None = None) -> Callable[[], Awaitable[str | None]]:
    async def load() -> str | None:
        if calls is not None:
            calls.append(value)
        return value

    return load


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Cache:
    return Cache(MemoryTier(clock=clock))


@pytest.fixture
def texts(cache: Cache) -> ScopedCache[str]:
    return cache.scoped(uuid4(), "texts", codec=TEXT, ttl=100, negative_ttl=5)


async def settle() -> None:
    """Let every ready task run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_thousand_simultaneous_misses_make_one_load(cache: Cache, texts: ScopedCache[str]) -> None:
    source = Source()
    callers = [asyncio.create_task(texts.get_or_load("k", source)) for _ in range(1000)]
    await source.begun.wait()
    await settle()
    source.may_end.set()
    assert set(await asyncio.gather(*callers)) == {"value"}
    assert source.calls == 1
    assert cache.stats().uses["texts"].shared == 999


async def test_a_failing_load_reaches_all_who_wait_and_is_not_kept(texts: ScopedCache[str]) -> None:
    source = Source(error=ValueError("no"))
    callers = [asyncio.create_task(texts.get_or_load("k", source)) for _ in range(50)]
    await source.begun.wait()
    source.may_end.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [ValueError] * 50
    assert source.calls == 1
    assert await texts.get_or_load("k", at_once("better")) == "better"


@pytest.mark.parametrize("who", [0, 3, 9])
async def test_a_cancelled_caller_the_first_included_takes_nothing_from_the_others(
    texts: ScopedCache[str], who: int
) -> None:
    source = Source()
    callers = [asyncio.create_task(texts.get_or_load("k", source)) for _ in range(10)]
    await source.begun.wait()
    callers[who].cancel()
    await settle()
    source.may_end.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results.pop(who), asyncio.CancelledError)
    assert results == ["value"] * 9
    assert source.calls == 1


async def test_a_load_that_nobody_waits_for_is_stopped(cache: Cache, texts: ScopedCache[str]) -> None:
    stopped = asyncio.Event()
    begun = asyncio.Event()

    async def load() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return ""

    callers = [asyncio.create_task(texts.get_or_load("k", load)) for _ in range(3)]
    await begun.wait()
    for caller in callers:
        caller.cancel()
    await stopped.wait()
    await settle()
    assert cache.stats().loading == 0
    assert await texts.get_or_load("k", at_once("next")) == "next"


async def test_a_loader_cancelled_from_within_is_an_error_and_not_a_cancellation(
    texts: ScopedCache[str],
) -> None:
    async def load() -> str:
        raise asyncio.CancelledError

    with pytest.raises(UnavailableError, match="cancelled from within"):
        await texts.get_or_load("k", load)


async def test_a_loader_that_asks_for_its_own_key_does_not_wait_for_itself(texts: ScopedCache[str]) -> None:
    async def load() -> str | None:
        return await texts.get_or_load("k", at_once("inner"))

    assert await texts.get_or_load("k", load) == "inner"


async def test_what_is_set_is_got_until_it_is_too_old(texts: ScopedCache[str], clock: Clock) -> None:
    assert await texts.get("k") is None
    assert await texts.set("k", "v")
    assert (await texts.get("k"), texts.peek("k")) == ("v", "v")
    clock.now = 99.9
    assert texts.peek("k") == "v"
    clock.now = 100
    assert texts.peek("k") is None


async def test_an_absence_is_remembered_for_its_own_shorter_time(
    texts: ScopedCache[str], clock: Clock
) -> None:
    calls: list[object] = []
    for _ in range(3):
        assert await texts.get_or_load("k", at_once(None, calls)) is None
    assert len(calls) == 1
    clock.now = 5
    assert await texts.get_or_load("k", at_once("now there", calls)) == "now there"


async def test_without_a_negative_time_absences_are_asked_again(cache: Cache) -> None:
    texts = cache.scoped(uuid4(), "texts", codec=TEXT, ttl=100)
    calls: list[object] = []
    for _ in range(3):
        assert await texts.get_or_load("k", at_once(None, calls)) is None
    assert len(calls) == 3


async def test_an_old_value_is_served_while_one_refresh_loads_the_next(
    texts: ScopedCache[str], clock: Clock
) -> None:
    await texts.set("k", "old")
    clock.now = 91
    source = Source("new")
    assert [await texts.get_or_load("k", source) for _ in range(5)] == ["old"] * 5
    await source.begun.wait()
    source.may_end.set()
    await settle()
    assert source.calls == 1
    assert texts.peek("k") == "new"
    clock.now = 150
    assert texts.peek("k") == "new"


async def test_a_failed_refresh_keeps_the_old_value_and_tries_again_later(
    texts: ScopedCache[str], clock: Clock
) -> None:
    await texts.set("k", "old")
    clock.now = 91
    source = Source(error=ValueError("no"))
    source.may_end.set()
    assert await texts.get_or_load("k", source) == "old"
    await settle()
    assert await texts.get_or_load("k", source) == "old"
    await settle()
    assert source.calls == 1
    await texts.set("k2", "old")
    clock.now = 99.9
    assert texts.peek("k") == "old"


async def test_a_refresh_goes_on_when_those_who_joined_it_are_cancelled(
    texts: ScopedCache[str], clock: Clock
) -> None:
    await texts.set("k", "old")
    clock.now = 91
    source = Source("new")
    await texts.get_or_load("k", source)
    await source.begun.wait()
    clock.now = 101
    joined = asyncio.create_task(texts.get_or_load("k", source))
    await settle()
    joined.cancel()
    await settle()
    source.may_end.set()
    await settle()
    assert texts.peek("k") == "new"


async def test_a_tag_forgets_what_carries_it_and_nothing_else(texts: ScopedCache[str]) -> None:
    await texts.set("a", "1", tags=["doc-1", "doc-2"])
    await texts.set("b", "2", tags=["doc-2"])
    await texts.set("c", "3")
    assert await texts.invalidate("doc-1")
    assert (texts.peek("a"), texts.peek("b"), texts.peek("c")) == (None, "2", "3")
    assert await texts.clear()
    assert (texts.peek("b"), texts.peek("c")) == (None, None)


@pytest.mark.parametrize("removal", ["tag", "delete", "clear", "set"])
async def test_what_was_loaded_before_a_removal_is_not_kept_after_it(
    texts: ScopedCache[str], removal: str
) -> None:
    source = Source("before")
    first = asyncio.create_task(texts.get_or_load("k", source, tags=["t"]))
    await source.begun.wait()
    match removal:
        case "tag":
            await texts.invalidate("t")
        case "delete":
            await texts.delete("k")
        case "clear":
            await texts.clear()
        case _:
            await texts.set("k", "after")
    later = asyncio.create_task(texts.get_or_load("k", at_once("after"), tags=["t"]))
    assert await later == "after"
    source.may_end.set()
    assert await first == "before"
    assert await texts.get("k") == "after"


async def test_closing_ends_loads_and_tells_those_who_wait(cache: Cache, texts: ScopedCache[str]) -> None:
    source = Source()
    caller = asyncio.create_task(texts.get_or_load("k", source))
    await source.begun.wait()
    await cache.close()
    with pytest.raises(UnavailableError):
        await caller


@dataclass(frozen=True)
class Ticket:
    number: int
    title: str


async def test_a_value_of_another_type_is_refused_when_it_is_cached(cache: Cache) -> None:
    tickets = cache.scoped(uuid4(), "tickets", codec=JsonCodec(Ticket), ttl=10)
    with pytest.raises(UncacheableValueError, match="str"):
        await tickets.set("k", "INC0001")  # type: ignore[arg-type]
    await tickets.set("k", Ticket(1, "VPN"))
    assert tickets.peek("k") == Ticket(1, "VPN")


async def test_changing_what_was_set_does_not_change_what_is_got(cache: Cache) -> None:
    rows = cache.scoped(uuid4(), "rows", codec=JsonCodec(list[int]), ttl=10)
    mine = [1, 2]
    await rows.set("k", mine)
    mine.append(3)
    assert await rows.get("k") == [1, 2]


def test_one_use_has_one_type(cache: Cache) -> None:
    cache.scoped(uuid4(), "texts", codec=TEXT, ttl=1)
    with pytest.raises(ConfigurationError, match="another type"):
        cache.scoped(uuid4(), "texts", codec=JsonCodec(int), ttl=1)


@pytest.mark.parametrize("use", ["", "A", "a:b", "ä", "a" * 65, "a b", "a\n"])
def test_a_use_that_could_break_names_is_refused(cache: Cache, use: str) -> None:
    with pytest.raises(ConfigurationError):
        cache.scoped(uuid4(), use, codec=TEXT, ttl=1)


@pytest.mark.parametrize(
    "times",
    [{"ttl": 0}, {"ttl": 1, "negative_ttl": -1}, {"ttl": 1, "refresh_at": 1.0}, {"ttl": float("inf")}],
)
def test_impossible_lifetimes_are_refused(cache: Cache, times: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="lifetimes"):
        cache.scoped(uuid4(), "texts", codec=TEXT, **times)  # type: ignore[arg-type]


uses = st.sampled_from(["a", "a.v", "embeddings", "e"])
any_key = st.one_of(st.text(st.characters(), max_size=40), st.binary(max_size=40))
places = st.tuples(st.uuids(), uses, any_key)


@given(st.lists(places, min_size=2, max_size=20, unique=True))
def test_names_of_different_tenants_uses_or_keys_differ(found: list[tuple[UUID, str, str | bytes]]) -> None:
    names = [Namespace(tenant, use).key(key) for tenant, use, key in found]
    assert len(set(names)) == len(names)
    prefixes = {Namespace(tenant, use).prefix for tenant, use, _ in found}
    for one, other in itertools.permutations(prefixes, 2):
        assert not one.startswith(other)


@given(st.uuids(), st.uuids(), any_key, st.text(max_size=5))
def test_two_tenants_with_the_same_key_and_tag_never_meet(
    one: UUID, other: UUID, key: str | bytes, tag: str
) -> None:
    if one == other:
        return

    async def scenario() -> None:
        cache = Cache()
        mine = cache.scoped(one, "texts", codec=TEXT, ttl=100)
        theirs = cache.scoped(other, "texts", codec=TEXT, ttl=100)
        await mine.set(key, "mine", tags=[tag])
        assert theirs.peek(key) is None
        await theirs.set(key, "theirs", tags=[tag])
        await theirs.invalidate(tag)
        assert mine.peek(key) == "mine"
        await theirs.clear()
        assert await mine.get(key) == "mine"

    asyncio.run(scenario())


async def test_keys_of_any_length_and_kind_are_told_apart(texts: ScopedCache[str]) -> None:
    keys: list[str | bytes] = ["", b"", "a", b"a", "a" * 10**6, "a" * (10**6 - 1) + "b", "\ud800", "\x00"]
    for number, key in enumerate(keys):
        await texts.set(key, str(number))
    assert [texts.peek(key) for key in keys] == [str(number) for number in range(len(keys))]


async def test_setting_an_absence_that_is_not_kept_forgets_the_value(cache: Cache) -> None:
    texts = cache.scoped(uuid4(), "texts", codec=TEXT, ttl=100)
    await texts.set("k", "v")
    await texts.set("k", None)
    assert await texts.get("k") is None


async def test_a_value_that_would_come_back_as_another_is_refused_at_once(cache: Cache) -> None:
    numbers = cache.scoped(uuid4(), "numbers", codec=JsonCodec(float), ttl=100)
    with pytest.raises(UncacheableValueError, match="cannot be cached"):
        await numbers.set("k", float("nan"))
