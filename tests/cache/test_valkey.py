"""Several processes and one real server: shared values, invalidation, and a server that comes and goes."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskmind.cache import Cache, Float32Codec, JsonCodec, MemoryTier, ScopedCache, ValkeyTier
from deskmind.cache.hearing import Hearing
from deskmind.cache.line import connect
from deskmind.cache.names import OWN_USES
from deskmind.cache.tier import Kind, Reading, Record
from deskmind.errors import ConfigurationError

TEXT = JsonCodec(str)


class Server(Protocol):
    url: str
    client: Any

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


class Machine:
    """One process' cache; the server's answer may take long, for the machines of tests are busy."""

    def __init__(self, url: str, tenant: UUID, **options: float) -> None:
        self.cache = Cache(remote=ValkeyTier(url, **{"timeout": 2.0, "cooldown": 0.05, **options}))  # type: ignore[arg-type]
        self.texts: ScopedCache[str] = self.cache.scoped(
            tenant, "texts", codec=TEXT, ttl=600, negative_ttl=60
        )

    def measure(self, name: str) -> float:
        return self.cache.stats().remote[name]

    async def until(self, name: str, reached: Callable[[float], bool]) -> None:
        """Wait for a count."""
        await until(lambda: reached(self.measure(name)))


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.005)


@pytest.fixture
async def machine(valkey: Server) -> AsyncIterator[Callable[..., Awaitable[Machine]]]:
    made: list[Machine] = []
    shared = uuid4()

    async def make(tenant: UUID = shared, **options: float) -> Machine:
        one = Machine(valkey.url, tenant, **options)
        made.append(one)
        await one.cache.__aenter__()
        await one.until("subscriptions", lambda count: count == 1)
        return one

    yield make
    for each in made:
        await each.cache.close()


def loads(value: str | None, calls: list[str | None] | None = None) -> Callable[[], Awaitable[str | None]]:
    async def load() -> str | None:
        if calls is not None:
            calls.append(value)
        return value

    return load


Make = Callable[..., Awaitable[Machine]]


async def test_what_one_process_loads_another_gets(machine: Make) -> None:
    one, other = await machine(), await machine()
    assert await one.texts.get_or_load("k", loads("v")) == "v"
    await one.until("fills", lambda count: count == 1)
    calls: list[str | None] = []
    assert await other.texts.get_or_load("k", loads("not called", calls)) == "v"
    assert calls == []
    assert other.texts.peek("k") == "v"
    assert other.cache.stats().uses["texts"].remote_hits == 1


async def test_absences_are_shared_too(machine: Make) -> None:
    one, other = await machine(), await machine()
    assert await one.texts.get_or_load("k", loads(None)) is None
    await one.until("fills", lambda count: count == 1)
    calls: list[str | None] = []
    assert await other.texts.get_or_load("k", loads("x", calls)) is None
    assert calls == []


async def test_arrays_come_back_bit_for_bit_and_read_only(machine: Make) -> None:
    one, other = await machine(), await machine()
    tenant = uuid4()
    vectors = np.array([[1.5, -0.0], [np.nan, np.inf]], np.float32)
    await one.cache.scoped(tenant, "vectors", codec=Float32Codec(), ttl=60).set("k", vectors)
    found = await other.cache.scoped(tenant, "vectors", codec=Float32Codec(), ttl=60).get("k")
    assert found is not None
    assert found.tobytes() == vectors.tobytes()
    assert found.shape == (2, 2)
    assert not found.flags.writeable


async def test_setting_and_deleting_reach_the_memory_of_other_processes(machine: Make) -> None:
    one, other = await machine(), await machine()
    assert await one.texts.set("k", "first")
    assert await other.texts.get("k") == "first"
    assert await one.texts.set("k", "second")
    await until(lambda: other.texts.peek("k") is None)
    assert await other.texts.get("k") == "second"
    assert await one.texts.delete("k")
    await until(lambda: other.texts.peek("k") is None)
    assert await other.texts.get("k") is None


async def test_a_tag_is_invalidated_in_every_process_and_in_the_server(machine: Make) -> None:
    one, other = await machine(), await machine()
    await one.texts.set("a", "1", tags=["doc-1", "doc-2"])
    await one.texts.set("b", "2", tags=["doc-2"])
    assert (await other.texts.get("a"), await other.texts.get("b")) == ("1", "2")
    assert await one.texts.invalidate("doc-1")
    await until(lambda: other.texts.peek("a") is None)
    assert (await other.texts.get("a"), other.texts.peek("b")) == (None, "2")
    newcomer = await machine()
    assert (await newcomer.texts.get("a"), await newcomer.texts.get("b")) == (None, "2")


async def test_clearing_reaches_one_tenant_only(machine: Make) -> None:
    one, other, stranger = await machine(), await machine(), await machine(uuid4())
    for each in (one, stranger):
        await each.texts.set("k", "v")
    assert await other.texts.get("k") == "v"
    assert await one.texts.clear()
    await until(lambda: other.texts.peek("k") is None)
    assert await other.texts.get("k") is None
    assert stranger.texts.peek("k") == "v"
    assert await (await machine(stranger.texts._namespace.tenant_id)).texts.get("k") == "v"


@pytest.mark.parametrize("removal", ["delete", "tag", "clear", "set"])
async def test_what_was_loaded_before_a_removal_elsewhere_is_never_stored_after_it(
    machine: Make, removal: str
) -> None:
    one, other = await machine(), await machine()
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def load() -> str:
        begun.set()
        await may_end.wait()
        return "before"

    loading = asyncio.create_task(one.texts.get_or_load("k", load, tags=["t"]))
    await begun.wait()
    match removal:
        case "delete":
            await other.texts.delete("k")
        case "tag":
            await other.texts.invalidate("t")
        case "clear":
            await other.texts.clear()
        case _:
            await other.texts.set("k", "after", tags=["t"])
    may_end.set()
    assert await loading == "before"
    await until(lambda: one.measure("pending") == 0 and one.texts.peek("k") is None)
    expected = "after" if removal == "set" else None
    assert await one.texts.get("k") == expected
    assert await (await machine()).texts.get("k") == expected


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.uuids(), min_size=2, max_size=2, unique=True),
    st.one_of(st.text(max_size=80), st.binary(max_size=80)),
)
def test_two_tenants_with_the_same_key_never_meet_in_the_server(
    valkey: Server, tenants: list[UUID], key: str | bytes
) -> None:
    async def scenario() -> None:
        writing, reading = (Cache(remote=ValkeyTier(valkey.url, timeout=2)) for _ in range(2))
        async with writing, reading:
            for tenant in tenants:
                texts = writing.scoped(tenant, "texts", codec=TEXT, ttl=60)
                assert await texts.get(key) is None
                assert await texts.set(key, tenant.hex)
            for tenant in tenants:
                assert await reading.scoped(tenant, "texts", codec=TEXT, ttl=60).get(key) == tenant.hex

    asyncio.run(scenario())


def _value_keys(valkey: Server) -> list[bytes]:
    return list(valkey.client.keys("*:texts:v*"))


async def test_a_value_under_the_name_of_another_tenant_is_a_miss(machine: Make, valkey: Server) -> None:
    one, stranger = await machine(), await machine(uuid4())
    await one.texts.set("k", "secret of one")
    (source,) = _value_keys(valkey)
    target = stranger.texts._namespace.key("k")
    valkey.client.copy(source, target)
    root = (one.texts._namespace.root, stranger.texts._namespace.root)
    valkey.client.copy(*root)
    assert await stranger.texts.get("k") is None
    assert stranger.measure("corrupt") == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_bytes_are_a_miss_and_are_replaced(valkey: Server, data: st.DataObject) -> None:
    async def scenario() -> None:
        tenant = uuid4()
        writing, reading = (Cache(remote=ValkeyTier(valkey.url, timeout=2)) for _ in range(2))
        async with writing, reading:
            texts = writing.scoped(tenant, "texts", codec=TEXT, ttl=60)
            await texts.set("k", "value", tags=["t"])
            name = texts._namespace.key("k")
            client = valkey.client
            stored = bytearray(client.get(name))
            if data.draw(st.booleans()):
                stored[data.draw(st.integers(9, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
            else:
                stored = bytearray(data.draw(st.binary(min_size=1, max_size=200)))
            client.set(name, bytes(stored), px=60_000)
            client.close()
            mine = reading.scoped(tenant, "texts", codec=TEXT, ttl=60)
            assert await mine.get("k") is None
            assert await mine.get_or_load("k", loads("healed")) == "healed"
            await until(lambda: reading.stats().remote["fills"] == 1)

    asyncio.run(scenario())


async def test_a_value_of_an_older_shape_is_a_miss(machine: Make) -> None:
    one, other = await machine(), await machine()
    tenant = uuid4()
    await one.cache.scoped(tenant, "changing", codec=JsonCodec(list[int]), ttl=60).set("k", [])
    assert await other.cache.scoped(tenant, "changing", codec=JsonCodec(list[str]), ttl=60).get("k") is None


async def test_another_kind_of_value_under_the_name_is_a_miss(machine: Make, valkey: Server) -> None:
    one = await machine()
    valkey.client.rpush(one.texts._namespace.key("k"), "x")
    assert await one.texts.get("k") is None
    assert await one.texts.get_or_load("k", loads("v")) == "v"
    assert await one.texts.set("k", "w")
    assert await (await machine()).texts.get("k") == "w"


async def test_a_server_killed_in_use_costs_no_error_and_is_used_again(machine: Make, valkey: Server) -> None:
    one, other = await machine(), await machine()
    stop = asyncio.Event()
    wrong: list[object] = []

    async def use(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            key = f"{number}-{turn % 50}"
            try:
                if turn % 7 == 0:
                    await one.texts.delete(key)
                elif turn % 11 == 0:
                    await one.texts.set(key, key, tags=["t"])
                elif turn % 97 == 0:
                    await one.texts.invalidate("t")
                elif await one.texts.get_or_load(key, loads(key), tags=["t"]) != key:
                    wrong.append(key)
            except Exception as error:
                wrong.append(error)
            await asyncio.sleep(0)

    users = [asyncio.create_task(use(number)) for number in range(8)]
    await one.until("fills", lambda count: count > 20)
    valkey.kill()
    await one.until("opened", lambda count: count >= 1)
    await one.until("held_back", lambda count: count > 20)
    valkey.start()
    await one.until("open", lambda is_open: not is_open)
    hits = one.measure("fills")
    await one.until("fills", lambda count: count > hits + 20)
    stop.set()
    await asyncio.gather(*users)
    assert wrong == []
    await one.until("subscriptions", lambda count: count >= 2)
    await other.until("subscriptions", lambda count: count >= 2)
    await one.until("owed", lambda count: count == 0)
    await other.until("open", lambda is_open: not is_open)
    assert await one.texts.set("after", "all")
    await until(lambda: other.measure("open") == 0)
    assert await other.texts.get("after") == "all"


async def test_a_frozen_server_holds_nobody_up_and_is_left_alone(machine: Make, valkey: Server) -> None:
    one = await machine(timeout=0.05, cooldown=60)
    valkey.freeze()
    try:
        for number in range(20):
            assert await one.texts.get_or_load(f"{number}", loads("v")) == "v"
        assert 1 <= one.measure("timeouts") <= 3
        assert one.measure("held_back") >= 17
    finally:
        valkey.thaw()


async def test_a_removal_while_the_server_is_away_is_made_good_when_it_is_back(
    machine: Make, valkey: Server
) -> None:
    one, other = await machine(timeout=0.2), await machine()
    await one.texts.set("by key", "old")
    await one.texts.set("by tag", "old", tags=["t"])
    valkey.freeze()
    try:
        assert await one.texts.delete("by key") is False
        assert await one.texts.invalidate("t") is False
        assert await one.texts.get("by key") is None
        assert await one.texts.get("by tag") is None
    finally:
        valkey.thaw()
    await one.until("owed", lambda count: count == 0)
    assert (await one.texts.get("by key"), await one.texts.get("by tag")) == (None, None)
    assert (await other.texts.get("by key"), await other.texts.get("by tag")) == (None, None)


async def test_what_may_have_gone_unheard_is_forgotten_when_the_subscription_returns(
    machine: Make, valkey: Server
) -> None:
    one, other = await machine(), await machine()
    await one.texts.set("k", "old")
    assert await other.texts.get("k") == "old"
    begun = other.measure("subscriptions")
    with valkey.client as client:
        client.client_kill_filter(_type="pubsub")
        await one.texts.set("k", "new")
    await other.until("subscriptions", lambda count: count > begun)
    assert await other.texts.get("k") == "new"


async def test_without_any_server_everything_works_in_this_process() -> None:
    one = Machine("redis://127.0.0.1:1/0", uuid4(), timeout=0.5)
    async with one.cache:
        assert await one.texts.get_or_load("k", loads("v")) == "v"
        assert await one.texts.set("k", "w") is False
        assert await one.texts.get("k") == "w"
        assert await one.texts.delete("k") is False
        assert await one.texts.get("k") is None


async def test_a_thousand_misses_make_one_load_and_one_reading(machine: Make) -> None:
    one = await machine()
    requests = one.measure("requests")
    calls: list[str | None] = []
    found = await asyncio.gather(*(one.texts.get_or_load("k", loads("v", calls)) for _ in range(1000)))
    assert set(found) == {"v"}
    assert len(calls) == 1
    await one.until("pending", lambda count: count == 0)
    assert one.measure("requests") == requests + 2
    other = await machine()
    requests = other.measure("requests")
    assert set(await asyncio.gather(*(other.texts.get("k") for _ in range(1000)))) == {"v"}
    assert other.measure("requests") == requests + 1


async def test_background_fillings_are_bounded(machine: Make, valkey: Server) -> None:
    one = await machine(timeout=0.05, max_pending=4, failures=1000)
    await one.texts.get("warm")
    valkey.freeze()
    try:
        names = [one.texts._namespace.key(str(number)) for number in range(20)]
        reading = Reading(claim=b"L12345678", generations=(b"12345678",))
        tier = one.cache._tiers.remote
        assert tier is not None
        for name in names:
            tier.fill(name, one.texts._namespace.root, reading, Record(b'"v"', TEXT.format, 60))
        assert one.measure("pending") == 4
        assert one.measure("dropped") == 16
    finally:
        valkey.thaw()


async def test_a_value_too_large_for_the_server_stays_out_and_replaces_what_was_there(machine: Make) -> None:
    one, other = await machine(max_value_bytes=1000), await machine()
    await one.texts.set("k", "small")
    await one.texts.set("k", "x" * 2000)
    assert await one.texts.get("k") == "x" * 2000
    assert await other.texts.get("k") is None


@pytest.mark.parametrize("url", ["", "http://secret@localhost", "redis://localhost:port", "valkeys//x"])
def test_a_url_of_another_kind_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ValkeyTier(url)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_a_full_server_serves_what_it_has_and_removals_work(machine: Make, valkey: Server) -> None:
    one, other = await machine(), await machine()
    await one.texts.set("k", "v", tags=["t"])
    client = valkey.client
    try:
        client.config_set("maxmemory", "1")
        assert await other.texts.get("k") == "v"
        assert await one.texts.set("k2", "v") is False
        assert await one.texts.get_or_load("k3", loads("v")) == "v"
        assert await one.texts.invalidate("t")
        await until(lambda: other.texts.peek("k") is None)
        assert await other.texts.get("k") is None
    finally:
        client.config_set("maxmemory", "0")
        client.close()


async def test_a_server_that_asks_for_a_password_is_as_none(valkey: Server) -> None:
    client = valkey.client
    client.config_set("requirepass", "needed")
    one = Machine(valkey.url, uuid4())
    try:
        async with one.cache:
            assert await one.texts.get_or_load("k", loads("v")) == "v"
            assert await one.texts.set("k", "w") is False
            assert await one.texts.get("k") == "w"
            assert one.measure("errors") > 0
    finally:
        client.config_set("requirepass", "")
        client.close()


async def test_a_generation_that_the_server_lost_makes_a_miss_and_never_an_old_value(
    machine: Make, valkey: Server
) -> None:
    one = await machine()
    await one.texts.set("k", "v", tags=["t"])
    with valkey.client as client:
        client.unlink(one.texts._namespace.tag("t"))
    newcomer = await machine()
    assert await newcomer.texts.get("k") is None
    assert await newcomer.texts.get_or_load("k", loads("w"), tags=["t"]) == "w"
    await newcomer.until("fills", lambda count: count == 1)
    assert await (await machine()).texts.get("k") == "w"


async def test_a_subscription_that_fell_silent_is_made_anew(machine: Make, valkey: Server) -> None:
    one = await machine(heartbeat=0.1, patience=0.3)
    tier = one.cache._tiers.remote
    assert isinstance(tier, ValkeyTier)
    assert tier._hearing is not None
    valkey.freeze()
    try:
        await until(lambda: not tier._hearing.active.is_set())
    finally:
        valkey.thaw()
    await one.until("subscriptions", lambda count: count >= 2)


async def test_a_refresh_takes_what_another_process_has_refreshed(valkey: Server) -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock, tenant = Clock(), uuid4()
    slow = Cache(MemoryTier(clock=clock), ValkeyTier(valkey.url, timeout=2))
    fast = Machine(valkey.url, tenant)
    async with slow, fast.cache:
        await until(lambda: slow.stats().remote["subscriptions"] == 1)
        texts = slow.scoped(tenant, "texts", codec=TEXT, ttl=600, negative_ttl=60)
        await texts.set("k", "old")
        name, root = texts._namespace.key("k"), texts._namespace.root
        tier = fast.cache._tiers.remote
        assert tier is not None
        reading = await tier.read(name, root, codec_format=TEXT.format, claim=True)
        assert reading.record is not None
        tier.fill(name, root, reading, Record(b'"refreshed"', TEXT.format, 600))
        await fast.until("fills", lambda count: count == 1)
        clock.now = 545
        calls: list[str | None] = []
        assert await texts.get_or_load("k", loads("loaded", calls)) == "old"
        await until(lambda: texts.peek("k") == "refreshed")
        assert calls == []


async def test_a_process_that_kept_nothing_forgets_a_tenant_for_the_others(valkey: Server) -> None:
    """As ``deskmind tenant delete`` does, which has asked nothing and so knows no use of the cache."""
    tenant, other = uuid4(), uuid4()
    writer, command, reader = (Cache(remote=ValkeyTier(valkey.url, timeout=2.0)) for _ in range(3))
    try:
        for use in OWN_USES:
            for owner in (tenant, other):
                await writer.scoped(owner, use, codec=TEXT, ttl=600).set("asked", "said")
        assert await command.forget(tenant)
        for use in OWN_USES:
            assert await reader.scoped(tenant, use, codec=TEXT, ttl=600).get("asked") is None
            assert await reader.scoped(other, use, codec=TEXT, ttl=600).get("asked") == "said"
    finally:
        for cache in (writer, command, reader):
            await cache.close()


def test_every_use_of_deskmind_is_known_and_documented() -> None:
    root = Path(__file__).parents[2]
    sources = [path.read_text() for path in (root / "src" / "deskmind").rglob("*.py")]
    used = {name for text in sources for name in re.findall(r'scoped\(\s*[\w.]+,\s*"([a-z-]+)",', text)}
    documented = set(
        re.findall(r"^\| `([a-z-]+)` \|", (root / "docs" / "cache.md").read_text(), re.MULTILINE)
    )
    assert used - {"titles"} == OWN_USES == documented & OWN_USES


class _Deaf:
    """A subscription that loses the first cancellation, as waiting in redis-py may."""

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription
        self.lost = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._subscription, name)

    async def get_message(self, **options: Any) -> Any:
        try:
            return await self._subscription.get_message(**options)
        except asyncio.CancelledError:
            self.lost += 1
            if self.lost > 1:
                raise
            return None


class _Lost:
    def missed(self) -> None: ...

    def removed(self, kind: Kind, name: bytes) -> None: ...


async def test_closing_ends_also_when_the_subscription_does_not_hear_of_it(valkey: Server) -> None:
    subscriptions: list[_Deaf] = []

    def client() -> Any:
        made = connect(valkey.url, connections=1, patience=2.0)
        subscribe = made.pubsub

        def pubsub() -> _Deaf:
            subscriptions.append(_Deaf(subscribe()))
            return subscriptions[-1]

        made.pubsub = pubsub
        return made

    hearing = Hearing(client, _Lost(), heartbeat=60.0, patience=2.0)
    await hearing.active.wait()
    async with asyncio.timeout(60):
        await hearing.close()
    assert [each.lost for each in subscriptions] == [2]
