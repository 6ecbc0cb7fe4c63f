"""Budgets: never more is reserved than the limit, everything unused comes back, and what is refused is not sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import BudgetExceededError, ModelUnavailableError, RateLimitedError, UnknownPriceError
from deskmind.gateway import (
    Budget,
    BudgetAlert,
    BudgetKeeper,
    Caller,
    Gateway,
    MemoryBudgetStore,
    MemoryLedger,
    UsageEntry,
)
from deskmind.gateway.budgets import nanodollars, window_of
from deskmind.gateway.tokens import estimate_output, estimate_request, estimate_text
from deskmind.sandbox.models import ModelSandbox

MakeGateway = Callable[..., Gateway]
_HELLO = [{"role": "user", "content": "hello there my friend"}]
_ANN, _BOB = Caller(user=UUID(int=1)), Caller(user=UUID(int=2))


@given(
    st.integers(0, 2_000),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 400), st.floats(0, 1)), max_size=40),
)
def test_replicas_never_hold_more_than_the_limit_and_give_back_what_they_did_not_use(
    limit: int, calls: list[tuple[int, int, float]]
) -> None:
    async def play() -> None:
        store = MemoryBudgetStore()
        budget = Budget("b", "month", tokens=limit)
        keepers = [BudgetKeeper([budget], store=store) for _ in range(3)]
        held: list[tuple[BudgetKeeper, Any, int]] = []
        used = 0
        for place, amount, share in calls:
            keeper = keepers[place]
            try:
                reservation = await keeper.reserve([budget], _ANN, "m", tokens=amount, nanos=None)
            except BudgetExceededError:
                continue
            held.append((keeper, reservation, amount))
            assert used + sum(item[2] for item in held) <= limit
            if share > 0.5:
                owner, first, most = held.pop(0)
                spent = int(most * share)
                owner.settle(first, tokens=spent, nanos=None)
                used += spent
        for keeper, reservation, _ in held:
            keeper.settle(reservation, tokens=0, nanos=None)
        for keeper in keepers:
            await keeper.close()
        assert used <= limit
        if used < limit:  # all that was not used can be had again
            fresh = BudgetKeeper([budget], store=store)
            await fresh.reserve([budget], _ANN, "m", tokens=limit - used, nanos=None)

    asyncio.run(play())


async def test_each_user_has_the_limit_to_itself() -> None:
    budget = Budget("b", "day", tokens=100, per=("user",))
    keeper = BudgetKeeper([budget])
    await keeper.reserve([budget], _ANN, "m", tokens=100, nanos=None)
    with pytest.raises(BudgetExceededError):
        await keeper.reserve([budget], _ANN, "m", tokens=1, nanos=None)
    await keeper.reserve([budget], _BOB, "m", tokens=100, nanos=None)


async def test_a_refusal_holds_nothing_of_the_other_budgets() -> None:
    wide, narrow = Budget("wide", "day", tokens=100), Budget("narrow", "day", tokens=10)
    keeper = BudgetKeeper([wide, narrow])
    for _ in range(5):
        with pytest.raises(BudgetExceededError, match="'narrow'"):
            await keeper.reserve([wide, narrow], _ANN, "m", tokens=50, nanos=None)
    await keeper.reserve([wide], _ANN, "m", tokens=100, nanos=None)


async def test_windows_begin_anew() -> None:
    now = [datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC).timestamp()]
    budget = Budget("b", "minute", tokens=10)
    keeper = BudgetKeeper([budget], clock=lambda: now[0])
    await keeper.reserve([budget], _ANN, "m", tokens=10, nanos=None)
    with pytest.raises(BudgetExceededError) as refused:
        await keeper.reserve([budget], _ANN, "m", tokens=1, nanos=None)
    assert refused.value.details["resets_at"] == "2026-02-01T00:00:00+00:00"
    now[0] += 31
    await keeper.reserve([budget], _ANN, "m", tokens=10, nanos=None)


async def test_a_window_that_is_over_leaves_nothing_in_memory() -> None:
    now = [datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC).timestamp()]
    each = Budget("each", "minute", tokens=10, per=("user",))
    whole = Budget("whole", "day", tokens=1_000)
    keeper = BudgetKeeper([each, whole], clock=lambda: now[0])
    for _ in range(20):
        held = await keeper.reserve([each, whole], Caller(user=uuid4()), "m", tokens=5, nanos=None)
        keeper.settle(held, tokens=5, nanos=None)
    for _ in range(2):
        now[0] += 60
        await keeper.reserve([each, whole], _ANN, "m", tokens=5, nanos=None)
    assert sorted(budget.name for budget, _, _ in keeper.used()) == ["each", "whole"]


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(["minute", "day", "month"]))
def test_a_moment_lies_in_its_window(moment: datetime, window: Any) -> None:
    if moment.year < 9000:
        start, end = window_of(window, moment)
        assert start <= moment < end
        assert window_of(window, end)[0] == end


async def test_alerts_come_once_for_each_threshold() -> None:
    seen: list[BudgetAlert] = []
    budget = Budget("b", "day", usd=Decimal(1))
    keeper = BudgetKeeper([budget], on_alert=seen.append)
    for _ in range(100):
        reservation = await keeper.reserve([budget], _ANN, "m", tokens=1, nanos=nanodollars(Decimal("0.01")))
        keeper.settle(reservation, tokens=1, nanos=nanodollars(Decimal("0.01")))
    assert [alert.share for alert in seen] == [0.5, 0.8, 1.0]


async def test_an_unknown_price_fails_closed_only_where_dollars_count() -> None:
    tokens, dollars = Budget("t", "day", tokens=100), Budget("d", "day", usd=Decimal(1))
    keeper = BudgetKeeper([tokens, dollars])
    await keeper.reserve([tokens], _ANN, "m", tokens=10, nanos=None)
    with pytest.raises(UnknownPriceError, match="price"):
        await keeper.reserve([dollars], _ANN, "m", tokens=10, nanos=None)


async def test_a_refused_call_is_not_sent_and_costs_nothing(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    keeper = BudgetKeeper([Budget("b", "day", tokens=30)])
    gateway = make_gateway({"m": deployment()}, keeper)
    with pytest.raises(BudgetExceededError, match="max_tokens"):
        await gateway.chat("m", _HELLO)
    assert sandbox.book.entries == []
    reply = await gateway.chat("m", _HELLO, max_tokens=5)
    assert reply.text


async def test_a_charged_attempt_that_failed_needs_room_for_the_next(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("bad_json", model="echo")
    keeper = BudgetKeeper([Budget("b", "day", tokens=45)])
    gateway = make_gateway(
        {"m": {"deployments": [deployment(name="one"), deployment("echo-2", name="two")], "retries": 0}},
        keeper,
    )
    with pytest.raises(BudgetExceededError) as refused:
        await gateway.chat("m", _HELLO, max_tokens=20)
    assert refused.value.details["attempts"] == ["one: model-unavailable"]
    ledger = gateway.ledger
    assert isinstance(ledger, MemoryLedger)
    (row,) = ledger.entries
    assert (row.outcome, row.error) == ("estimated", "budget-exceeded")


async def test_faults_hang_ups_and_the_providers_own_count(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("server_error", rate=0.05, seed=1)
    sandbox.faults.add("rate_limit", rate=0.05, seed=2)
    sandbox.faults.add("close_without_answer", rate=0.05, seed=3)
    sandbox.faults.add("cut_after", rate=0.05, seed=4, after=3)
    gateway = make_gateway(
        {
            "m": {
                "deployments": [deployment("echo-8")],
                "retries": 1,
                "backoff": 0.001,
                "breaker_failures": 10_000,
            }
        }
    )

    async def one(number: int) -> None:
        try:
            if number % 2:
                await gateway.chat("m", _HELLO, max_tokens=20)
                return
            async with await gateway.stream("m", _HELLO, max_tokens=20) as stream:
                async for _ in stream:
                    if number % 10 == 0:
                        return
        except (ModelUnavailableError, RateLimitedError):
            return

    gate = asyncio.Semaphore(32)

    async def gated(number: int) -> None:
        async with gate:
            await one(number)

    await asyncio.gather(*(gated(number) for number in range(600)))
    await gateway.close()
    await sandbox.book.settled()
    ledger = gateway.ledger
    assert isinstance(ledger, MemoryLedger)
    rows = {str(row.intent.call_id): row for row in ledger.entries}
    assert len(rows) == len(ledger.entries) == 600
    assert ledger.pending == ()
    counted: dict[str, int] = dict.fromkeys(rows, 0)
    for entry in sandbox.book.entries:
        if entry.billed:
            assert entry.headers is not None
            counted[entry.headers["x-client-request-id"]] += entry.input_tokens + entry.output_tokens
    settled = {call for call, row in rows.items() if row.outcome == "settled"}
    assert len(settled) > 400
    assert [call for call in settled if _tokens(rows[call]) != counted[call]] == []
    estimated = [call for call, row in rows.items() if row.outcome == "estimated"]
    assert estimated
    ours, theirs = (
        sum(values) for values in zip(*((_tokens(rows[c]), counted[c]) for c in estimated), strict=True)
    )
    assert abs(ours - theirs) <= 0.05 * theirs
    assert all(counted[call] == 0 for call, row in rows.items() if row.outcome == "free")


def _tokens(row: UsageEntry) -> int:
    return row.usage.input_tokens + row.usage.output_tokens


@given(st.lists(st.text(max_size=200), min_size=1, max_size=5))
def test_estimates_are_never_below_the_words(texts: list[str]) -> None:
    from deskmind.gateway import ChatRequest

    words = sum(len(text.split()) for text in texts)
    request = ChatRequest([{"role": "user", "content": text} for text in texts])
    assert estimate_request(request) >= words
    assert all(estimate_text(text) >= 1 for text in texts)


def test_estimates_of_tools_images_and_streams() -> None:
    from deskmind.gateway import ChatRequest

    image = {"type": "image_url", "image_url": {"url": "data:"}}
    plain = ChatRequest([{"role": "user", "content": [{"type": "text", "text": "hi"}]}])
    rich = ChatRequest(
        [
            {"role": "user", "content": [{"type": "text", "text": "hi"}, image]},
            {"role": "assistant", "tool_calls": [{"id": 1}]},
        ],
        options={"tools": [{"type": "function", "function": {"name": "lookup" * 20}}]},
    )
    assert estimate_request(rich) > estimate_request(plain) + 1_000
    assert estimate_text("日本語のテキスト") >= 8
    assert (estimate_output(0, 0), estimate_output(10, 40), estimate_output(2, 400)) == (0, 10, 100)
