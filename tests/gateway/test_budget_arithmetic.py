"""Budgets: what is granted never exceeds the limit, what was not used comes back, and a refusal says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.errors import BudgetExceededError, UnknownPriceError
from deskmind.gateway import (
    Budget,
    BudgetAlert,
    BudgetKeeper,
    Caller,
    Gateway,
    MemoryBudgetStore,
    MemoryLedger,
)
from deskmind.gateway.budgets import Counter, Reservation, nanodollars, window_of
from deskmind.sandbox.models import ModelSandbox

HELLO = [{"role": "user", "content": "hello there my friend"}]
NOON = datetime(2025, 1, 31, 12, 0, tzinfo=UTC)
ANN, BOB = Caller(user=UUID(int=1)), Caller(user=UUID(int=2))

Open = Callable[..., Gateway]
Make = Callable[..., dict[str, Any]]


class YieldingStore(MemoryBudgetStore):
    """A store that others can get in between, as one on a network lets them."""

    async def lease(self, counter: Counter, wanted: int) -> tuple[int, int]:
        await asyncio.sleep(0)
        answer = await super().lease(counter, wanted)
        await asyncio.sleep(0)
        return answer

    async def give_back(self, counter: Counter, amount: int) -> None:
        await asyncio.sleep(0)
        await super().give_back(counter, amount)
        await asyncio.sleep(0)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment.timestamp()


def taken(store: MemoryBudgetStore) -> int:
    """What is leased in all, of the one counter."""
    return sum(store._leased.values())


async def reserve(
    keeper: BudgetKeeper, budget: Budget, tokens: int, caller: Caller = ANN, nanos: int | None = None
) -> Reservation:
    """Hold tokens of one budget."""
    return await keeper.reserve([budget], caller, "m", tokens=tokens, nanos=nanos)


CALLS = st.lists(
    st.tuples(
        st.integers(0, 2),  # which keeper
        st.integers(1, 400),  # the most it can use
        st.floats(0, 1),  # the part of it that it uses
        st.integers(0, 12),  # how many calls begin before it ends
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(limit=st.integers(0, 2_000), calls=CALLS)
def test_grants_stay_within_the_limit_and_what_was_used_is_what_is_left_taken(
    limit: int, calls: list[tuple[int, int, float, int]]
) -> None:
    async def play() -> None:
        store = MemoryBudgetStore()
        budget = Budget("b", "day", tokens=limit)
        keepers = [BudgetKeeper(store=store, clock=Clock()) for _ in range(3)]
        held: list[tuple[int, BudgetKeeper, Reservation, int, int]] = []
        used = 0
        for place, (which, most, share, later) in enumerate(calls):
            for ended in [item for item in held if item[0] <= place]:
                held.remove(ended)
                _, keeper, reservation, _, spent = ended
                keeper.settle(reservation, tokens=spent, nanos=None)
                used += spent
            keeper = keepers[which]
            try:
                reservation = await reserve(keeper, budget, most)
            except BudgetExceededError:
                pass
            else:
                held.append((place + later, keeper, reservation, most, int(most * share)))
            assert used + sum(item[3] for item in held) <= limit
            assert taken(store) <= limit
        for _, keeper, reservation, _, spent in held:
            keeper.settle(reservation, tokens=spent, nanos=None)
            used += spent
        for keeper in keepers:
            await keeper.close()
        assert taken(store) == used <= limit

    asyncio.run(play())


@settings(max_examples=50, deadline=None)
@given(amounts=st.lists(st.integers(1, 300), min_size=1, max_size=30), limit=st.integers(1, 2_000))
def test_calls_at_the_same_time_stay_within_the_limit_too(amounts: list[int], limit: int) -> None:
    async def play() -> None:
        store = YieldingStore()
        budget = Budget("b", "day", tokens=limit)
        keepers = [BudgetKeeper(store=store, clock=Clock()) for _ in range(2)]
        used = 0

        async def call(keeper: BudgetKeeper, most: int) -> None:
            nonlocal used
            reservation = await reserve(keeper, budget, most)
            await asyncio.sleep(0)
            keeper.settle(reservation, tokens=most, nanos=None)
            used += most

        work = [call(keepers[place % 2], most) for place, most in enumerate(amounts)]
        results = await asyncio.gather(*work, return_exceptions=True)
        assert {type(result) for result in results} <= {type(None), BudgetExceededError}
        assert used <= limit
        for keeper in keepers:
            await keeper.close()
        assert taken(store) == used

    asyncio.run(play())


@settings(max_examples=100, deadline=None)
@given(
    reserved=st.integers(1, 100),
    more=st.integers(0, 100),
    spent=st.integers(0, 300),
    limit=st.integers(300, 900),
)
def test_an_extension_is_held_and_settled_with_the_rest(
    reserved: int, more: int, spent: int, limit: int
) -> None:
    async def play() -> None:
        store = MemoryBudgetStore()
        keeper = BudgetKeeper(store=store, clock=Clock())
        budget = Budget("b", "day", tokens=limit, usd=Decimal(1))
        reservation = await reserve(keeper, budget, reserved, nanos=more)
        await keeper.extend(reservation)
        assert taken(store) >= 2 * (reserved + more)
        keeper.settle(reservation, tokens=spent, nanos=spent)
        await keeper.close()
        assert taken(store) == 2 * spent

    asyncio.run(play())


async def test_a_call_that_costs_more_than_it_reserved_comes_off_what_is_left() -> None:
    store = MemoryBudgetStore()
    keeper = BudgetKeeper(store=store, clock=Clock())
    budget = Budget("b", "day", tokens=100)
    keeper.settle(await reserve(keeper, budget, 40), tokens=70, nanos=None)
    with pytest.raises(BudgetExceededError):
        await reserve(keeper, budget, 31)
    keeper.settle(await reserve(keeper, budget, 30), tokens=30, nanos=None)
    await keeper.close()
    assert taken(store) == 100


async def test_a_refused_call_leaves_what_is_left_to_other_replicas() -> None:
    store = MemoryBudgetStore()
    north, south = (BudgetKeeper(store=store, clock=Clock()) for _ in range(2))
    budget = Budget("b", "day", tokens=100)
    with pytest.raises(BudgetExceededError):
        await reserve(north, budget, 101)
    await reserve(south, budget, 100)


async def test_one_budget_that_refuses_frees_what_others_held() -> None:
    store = MemoryBudgetStore()
    keeper = BudgetKeeper(store=store, clock=Clock())
    wide, narrow = Budget("wide", "day", tokens=100), Budget("narrow", "day", tokens=10)
    for _ in range(5):
        with pytest.raises(BudgetExceededError, match="'narrow'"):
            await keeper.reserve([wide, narrow], ANN, "m", tokens=60, nanos=None)
    await keeper.reserve([wide], ANN, "m", tokens=100, nanos=None)


async def test_each_user_has_a_limit_of_its_own() -> None:
    keeper = BudgetKeeper(clock=Clock())
    budget = Budget("b", "day", tokens=100, per=("user",))
    await reserve(keeper, budget, 100, ANN)
    await reserve(keeper, budget, 100, BOB)
    with pytest.raises(BudgetExceededError):
        await reserve(keeper, budget, 1, ANN)


def test_a_budget_counts_only_what_it_is_for() -> None:
    tenant = uuid4()
    keeper = BudgetKeeper(
        [
            Budget("all", "day", tokens=1),
            Budget("tenant", "day", tokens=1, tenant_id=tenant),
            Budget("user", "day", tokens=1, user=ANN.user),
            Budget("key", "day", tokens=1, key="k"),
            Budget("feature", "day", tokens=1, feature="answer"),
            Budget("model", "day", tokens=1, model="smart"),
        ]
    )

    def names(caller: Caller, model: str = "fast") -> list[str]:
        return [budget.name for budget in keeper.matching(caller, model)]

    assert names(Caller()) == ["all"]
    assert names(Caller(tenant_id=tenant, user=ANN.user)) == ["all", "tenant", "user"]
    assert names(Caller(key="k", feature="answer"), "smart") == ["all", "key", "feature", "model"]
    more = [Budget("further", "day", tokens=1)]
    assert [budget.name for budget in keeper.matching(Caller(), "fast", more)] == ["all", "further"]


@pytest.mark.parametrize(
    ("window", "moment", "start", "end"),
    [
        ("minute", datetime(2025, 1, 31, 12, 0, 59, 5, UTC), (2025, 1, 31, 12, 0), (2025, 1, 31, 12, 1)),
        ("day", datetime(2025, 2, 28, 23, 59, 59, 0, UTC), (2025, 2, 28), (2025, 3, 1)),
        ("month", datetime(2024, 12, 31, 5, 0, 0, 0, UTC), (2024, 12, 1), (2025, 1, 1)),
        ("month", datetime(2025, 1, 1, 0, 0, 0, 0, UTC), (2025, 1, 1), (2025, 2, 1)),
    ],
)
def test_windows_begin_and_end_with_the_calendar(window: Any, moment: datetime, start: Any, end: Any) -> None:
    assert window_of(window, moment) == (datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC))


@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    window=st.sampled_from(["minute", "day", "month"]),
)
def test_windows_follow_each_other_without_a_gap(moment: datetime, window: Any) -> None:
    start, end = window_of(window, moment)
    assert start <= moment < end
    assert window_of(window, end)[0] == end
    assert window_of(window, end - timedelta(microseconds=1)) == (start, end)


@pytest.mark.parametrize("window", ["minute", "day", "month"])
async def test_a_new_window_has_the_whole_limit_again(window: Any) -> None:
    clock = Clock()
    store = MemoryBudgetStore()
    keeper = BudgetKeeper(store=store, clock=clock)
    budget = Budget("b", window, tokens=100)
    late = await reserve(keeper, budget, 100)
    with pytest.raises(BudgetExceededError):
        await reserve(keeper, budget, 1)
    clock.moment = window_of(window, NOON)[1]
    await reserve(keeper, budget, 100)
    keeper.settle(late, tokens=10, nanos=None)  # a call of the old window ends in the new one
    with pytest.raises(BudgetExceededError):
        await reserve(keeper, budget, 1)


async def test_calls_that_meet_at_the_turn_of_a_window_lose_nothing() -> None:
    clock = Clock()
    store = YieldingStore()
    keeper = BudgetKeeper(store=store, clock=clock)
    budget = Budget("b", "day", tokens=1_000)
    keeper.settle(await reserve(keeper, budget, 500), tokens=1, nanos=None)
    clock.moment += timedelta(days=1)
    held = await asyncio.gather(*(reserve(keeper, budget, 10) for _ in range(20)))
    for reservation in held:
        keeper.settle(reservation, tokens=10, nanos=None)
    await keeper.close()
    assert sorted(store._leased.values()) == [1, 200]


async def test_a_raised_limit_counts_at_once_and_nothing_under_way_is_lost() -> None:
    store = MemoryBudgetStore()
    keeper = BudgetKeeper(store=store, clock=Clock())
    first = await reserve(keeper, Budget("b", "day", tokens=100), 100)
    raised = Budget("b", "day", tokens=150)
    second = await reserve(keeper, raised, 50)
    with pytest.raises(BudgetExceededError):
        await reserve(keeper, raised, 1)
    for reservation in (first, second):
        keeper.settle(reservation, tokens=20, nanos=None)
    await keeper.close()
    assert taken(store) == 40


async def test_alerts_are_raised_once_a_window_each() -> None:
    clock = Clock()
    alerts: list[BudgetAlert] = []
    keeper = BudgetKeeper(clock=clock, on_alert=alerts.append)
    budget = Budget("b", "day", tokens=100, alerts=(0.5, 0.8, 1.0))

    async def spend(times: int) -> list[float]:
        alerts.clear()
        for _ in range(times):
            keeper.settle(await reserve(keeper, budget, 10), tokens=10, nanos=None)
        return [alert.share for alert in alerts]

    assert await spend(4) == []
    assert await spend(4) == [0.5, 0.8]
    assert await spend(2) == [1.0]
    clock.moment += timedelta(days=1)
    assert await spend(5) == [0.5]
    assert (alerts[0].budget, alerts[0].window_start) == ("b", window_of("day", clock.moment)[0])


@given(st.decimals(0, 1_000_000, places=15))
def test_money_is_rounded_up_to_a_billionth(dollars: Decimal) -> None:
    nanos = nanodollars(dollars)
    assert 0 <= Decimal(nanos) / 1_000_000_000 - dollars < Decimal("1e-9")


async def test_a_refusal_names_budget_reset_and_remedy_and_sends_nothing(
    open_gateway: Open, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    keeper = BudgetKeeper([Budget("daily limit", "day", tokens=50)], clock=Clock())
    gateway = open_gateway(ledger=ledger, keeper=keeper)
    for operation in (gateway.chat, gateway.stream):
        with pytest.raises(
            BudgetExceededError, match=r"'daily limit' of 50 tokens a day is used up"
        ) as raised:
            await operation("m", HELLO, max_tokens=50)
        assert raised.value.details["budget"] == "daily limit"
        assert raised.value.details["resets_at"] == "2025-02-01T00:00:00+00:00"
        assert "2025-02-01 00:00 UTC" in raised.value.remedy
    with pytest.raises(BudgetExceededError):
        await gateway.embed("m", ["word " * 100])
    with pytest.raises(BudgetExceededError):
        await gateway.rerank("m", "word", ["word " * 100])
    assert len(sandbox.book) == 0
    assert not ledger.entries
    assert not ledger.pending
    assert (await gateway.chat("m", HELLO, max_tokens=5)).text  # what fits is still answered


async def test_dollars_are_spent_exactly(open_gateway: Open, sandbox: ModelSandbox) -> None:
    store = MemoryBudgetStore()
    keeper = BudgetKeeper([Budget("money", "month", usd=Decimal("0.01"))], store=store, clock=Clock())
    gateway = open_gateway(keeper=keeper)
    replies = [await gateway.chat("m", HELLO, max_tokens=20) for _ in range(5)]
    await gateway.close()
    assert taken(store) == sum(nanodollars(reply.cost or Decimal(0)) for reply in replies)
    assert len(sandbox.book) == 5


async def test_an_unknown_price_fails_closed_under_a_budget_in_dollars(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    priced = named("priced")
    unpriced = named("unpriced", price=None)
    models = {"m": {"deployments": [priced, unpriced], "retries": 0}}
    keeper = BudgetKeeper([Budget("money", "month", usd=Decimal(5))], clock=Clock())
    gateway = open_gateway(models, keeper=keeper)
    with pytest.raises(UnknownPriceError, match=r"'m' has no known price.*'money'") as raised:
        await gateway.chat("m", HELLO)
    assert "price.input" in raised.value.remedy
    assert len(sandbox.book) == 0
    free = open_gateway({"m": {"deployments": [unpriced], "retries": 0}})
    assert (await free.chat("m", HELLO)).cost is None  # unknown, not zero


async def test_a_call_without_max_tokens_is_bound_by_what_was_reserved(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    models = {"m": {"deployments": [named("echo-50", max_output_tokens=10)], "retries": 0}}
    gateway = open_gateway(models, keeper=BudgetKeeper([Budget("b", "day", tokens=1_000)]))
    reply = await gateway.chat("m", HELLO)
    assert (reply.usage.output_tokens, reply.finish_reason) == (10, "length")


async def test_a_charged_attempt_needs_room_for_the_next(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    store = MemoryBudgetStore()
    budget = Budget("b", "day", tokens=100)
    models = {"m": {"deployments": [named()], "retries": 3, "backoff": 0}}
    keeper = BudgetKeeper([budget], store=store, clock=Clock())
    gateway = open_gateway(models, ledger=ledger, keeper=keeper)
    sandbox.faults.add("bad_json")
    with pytest.raises(BudgetExceededError) as raised:
        await gateway.chat("m", HELLO, max_tokens=40)
    assert raised.value.details["attempts"] == ["echo: model-unavailable"]
    assert len(sandbox.book) == 1  # 55 tokens were held for it, and another 55 do not fit into 100
    (row,) = ledger.entries
    assert (row.outcome, row.error) == ("estimated", "budget-exceeded")
    await gateway.close()
    assert taken(store) == row.usage.input_tokens + row.usage.output_tokens


async def test_an_attempt_that_is_not_charged_needs_no_more_room(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    models = {"m": {"deployments": [named()], "retries": 3, "backoff": 0}}
    gateway = open_gateway(models, keeper=BudgetKeeper([Budget("b", "day", tokens=60)], clock=Clock()))
    sandbox.faults.add("server_error", at=(1, 2, 3))
    assert len((await gateway.chat("m", HELLO, max_tokens=40)).attempts) == 4


async def test_replicas_together_stay_within_the_limit(open_gateway: Open, sandbox: ModelSandbox) -> None:
    store = YieldingStore()
    budget = Budget("b", "day", tokens=1_000)
    gateways = [open_gateway(keeper=BudgetKeeper([budget], store=store, clock=Clock())) for _ in range(3)]
    results = await asyncio.gather(
        *(gateway.chat("m", HELLO, max_tokens=30) for _ in range(60) for gateway in gateways),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, BaseException)]
    assert refused
    assert all(isinstance(result, BudgetExceededError) for result in refused)
    spent = sum(entry.input_tokens + entry.output_tokens for entry in sandbox.book)
    assert 0 < spent <= 1_000
    for gateway in gateways:
        await gateway.close()
    assert taken(store) == spent
