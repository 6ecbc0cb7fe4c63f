"""The arithmetic of limits: in a process with a clock that is set, and across processes over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cache.conftest import Valkey, shared_valkey, valkey

from deskmind.api.limits.gcra import Limit
from deskmind.api.limits.limiter import Limiter
from deskmind.api.limits.local import LocalLimits
from deskmind.api.limits.shared import SharedLimits
from deskmind.errors import ConfigurationError

__all__ = ["shared_valkey", "valkey"]

DAY = Limit("tenant", 1_000, 86_400)
"""In a test's time none of it is paid back."""


@asynccontextmanager
async def shared(valkey: Valkey) -> AsyncIterator[SharedLimits]:
    """Limits of a process that waits for the server however busy the machine is, and leaves no connection behind."""
    limits = SharedLimits(valkey.url, LocalLimits(), timeout=60.0, cooldown=0.01, patience=60.0)
    try:
        yield limits
    finally:
        await limits.close()


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(
    st.integers(1, 500),
    st.sampled_from([1, 60, 3600]),
    st.lists(st.floats(0, 5_000, allow_nan=False), max_size=40),
)
def test_no_more_than_the_quota_and_what_was_paid_back_is_admitted(
    quota: int, window: int, pauses: list[float]
) -> None:
    clock = Clock()
    limits = LocalLimits(clock=clock)
    limit = Limit("tenant", quota, window)
    admitted = 0
    for pause in pauses:
        clock.now += pause
        for _ in range(20):
            decision = limits.take([("t", limit)])
            admitted += decision.refusing is None
            if decision.refusing is not None:
                assert decision.standings[0].remaining == 0
                wait = decision.standings[0].wait
    passed = sum(pauses[1:])
    assert admitted <= quota + passed * quota / window * 1.01 + 1
    if quota >= 20 * max(1, len(pauses)):
        assert admitted == 20 * len(pauses)
    decision = limits.take([("t", limit)])
    if decision.refusing is not None:
        wait = decision.standings[0].wait
        clock.now += wait / 1e6 + 1e-5
        assert limits.take([("t", limit)]).refusing is None


def test_a_steady_flood_gets_the_rate_to_a_hundredth() -> None:
    clock = Clock()
    limits = LocalLimits(clock=clock)
    limit = Limit("tenant", 600, 60)
    admitted = 0
    for _ in range(60_000):  # ten minutes, a hundred a second
        clock.now += 0.01
        admitted += limits.take([("t", limit)]).refusing is None
    assert admitted == pytest.approx(600 + 6_000, rel=0.01)


def test_what_one_limit_refuses_counts_for_none() -> None:
    limits = LocalLimits(clock=Clock())
    asked = [("tenant", Limit("tenant", 10, 60)), ("user", Limit("user", 2, 60))]
    decisions = [limits.take(asked) for _ in range(5)]
    assert [decision.refusing is None for decision in decisions] == [True, True, False, False, False]
    assert [standing.remaining for standing in decisions[-1].standings] == [8, 0]
    refusing = decisions[-1].refusing
    assert refusing is not None
    assert refusing.limit.name == "user"
    assert decisions[-1].retry_after == 30


def test_a_bound_on_what_is_remembered() -> None:
    limits = LocalLimits(clock=Clock(), most=2)
    one = Limit("user", 1, 60)
    assert [limits.take([(name, one)]).refusing is None for name in ("a", "b", "c", "c", "a")] == [
        True,
        True,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("tenant", "600"),
        ("tenant", "0/minute"),
        ("tenant", "5/week"),
        ("group", "5/minute"),
        ("user:x", "5/day"),
    ],
)
def test_limits_that_cannot_be_read_are_said(name: str, rate: str) -> None:
    with pytest.raises(ConfigurationError):
        Limiter({name: rate})


async def test_two_processes_share_one_quota_and_go_on_alone_when_the_server_is_killed(
    valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with shared(valkey) as first, shared(valkey) as second:
        await _share_and_go_on(first, second, valkey)
    assert any(
        "limits.alone" in record.getMessage() or "limits.alone" in str(record.msg)
        for record in caplog.records
    )


async def _share_and_go_on(first: SharedLimits, second: SharedLimits, valkey: Valkey) -> None:
    asked = [("{t}:tenant", DAY)]

    async def flood(limits: SharedLimits, requests: int) -> list[Any]:
        return [await limits.take(asked) for _ in range(requests)]

    half = await asyncio.gather(*(flood(each, 50) for each in (first, second) for _ in range(4)))
    decisions = [one for group in half for one in group]
    assert all(one.shared and one.refusing is None for one in decisions)
    rest = await asyncio.gather(*(flood(each, 150) for each in (first, second) for _ in range(4)))
    decisions += [one for group in rest for one in group]
    admitted = sum(one.refusing is None for one in decisions)
    assert len(decisions) == 1_600
    assert admitted == pytest.approx(DAY.quota, rel=0.01)
    # each knows where things stood, so that its death gives nobody a quota anew
    valkey.kill()
    alone = [*await flood(first, 20), *await flood(second, 20)]
    assert first.alone
    assert second.alone
    assert not any(one.shared for one in alone)
    assert sum(one.refusing is None for one in alone) <= 0.01 * DAY.quota
    valkey.start()
    async with asyncio.timeout(60):
        while first.alone or second.alone:
            await asyncio.gather(flood(first, 1), flood(second, 1))
            await asyncio.sleep(0)


async def test_a_decision_is_one_round_trip(valkey: Valkey) -> None:
    async with shared(valkey) as limits:
        await limits.take([("{t}:a", DAY)])
        await _ten_decisions(limits, valkey)


async def _ten_decisions(limits: SharedLimits, valkey: Valkey) -> None:
    with valkey.client as client:
        before = client.info("stats")["total_commands_processed"]
        calls = client.info("commandstats")["cmdstat_eval"]["calls"]
        for _ in range(10):
            await limits.take([("{t}:a", DAY), ("{t}:b", DAY), ("{t}:c", DAY)])
        stats = client.info("commandstats")
    assert stats["cmdstat_eval"]["calls"] - calls == 10
    assert before


async def test_requests_of_the_same_moment_share_a_round_trip_and_count_each_for_itself(
    valkey: Valkey,
) -> None:
    few = Limit("user", 3, 86_400)
    async with shared(valkey) as limits:
        await limits.take([("{t}:warm", DAY)])
        with valkey.client as client:
            # a read of the server's is what comes in one packet or more of one pipeline
            reads = client.info("stats")["total_reads_processed"]
            found = await asyncio.gather(
                *(limits.take([("{t}:a", DAY), (f"{{t}}:user-{number % 4}", few)]) for number in range(40))
            )
            reads = client.info("stats")["total_reads_processed"] - reads
    assert [one.refusing is None for one in found] == [number < 12 for number in range(40)]
    assert all(one.shared for one in found)
    assert reads < 40


async def test_a_request_that_gives_up_keeps_no_other_of_its_moment_waiting(valkey: Valkey) -> None:
    async with shared(valkey) as limits:
        await limits.take([("{t}:warm", DAY)])
        first = asyncio.create_task(limits.take([("{t}:a", DAY)]))
        second = asyncio.create_task(limits.take([("{t}:b", DAY)]))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).shared
        assert first.cancelled()


async def test_who_still_asks_when_the_server_is_let_go_is_told_by_this_process(valkey: Valkey) -> None:
    async with shared(valkey) as limits:
        asking = asyncio.create_task(limits.take([("{t}:a", DAY)]))
        await asyncio.sleep(0)
        await limits.close()
        later = await limits.take([("{t}:a", DAY)])
        async with asyncio.timeout(60):
            assert [(await asking).shared, later.shared] == [False, False]
