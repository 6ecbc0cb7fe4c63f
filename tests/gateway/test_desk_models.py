"""Model calls of a desk: booked for its tenant and user, held to the tenant's budgets, seen by whom they may be."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import (
    BudgetExceededError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    UnknownPriceError,
)
from deskmind.gateway.budgets import Budget, Counter
from deskmind.gateway.ledger.postgres import PostgresBudgets
from deskmind.sandbox.models import ModelSandbox

_HELLO = [{"role": "user", "content": "hello there my friend"}]


@pytest.fixture
async def desk(operator: Desk, modelled: Deskmind) -> Desk:
    """The operator's desk with models."""
    return await modelled.desk(tenant=operator.scope.tenant)


async def _member(modelled: Deskmind, desk: Desk, name: str) -> Desk:
    await desk.principals.add_user(name)
    return await modelled.desk(tenant=desk.scope.tenant, user=name)


async def test_a_call_is_one_row_with_what_the_provider_counted(
    desk: Desk, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    member = await _member(modelled, desk, "ann")
    reply = await member.models.chat("fast", _HELLO)
    assert reply.text == "hello there my friend"
    (row,) = await desk.usage.report(["user", "model", "feature", "outcome"])
    assert row.group == {"user": "ann", "model": "fast", "feature": "chat", "outcome": "settled"}
    (entry,) = sandbox.book.entries
    assert (row.calls, row.input_tokens, row.output_tokens) == (1, entry.input_tokens, entry.output_tokens)
    assert row.cost == (Decimal(entry.input_tokens) + 2 * entry.output_tokens) / 1_000_000 == reply.cost


async def test_a_member_sees_its_own_usage_an_operator_all_a_stranger_none(
    desk: Desk, modelled: Deskmind, app: Deskmind, new_tenant: Any
) -> None:
    ann, bob = await _member(modelled, desk, "ann"), await _member(modelled, desk, "bob")
    await ann.models.chat("fast", _HELLO)
    await bob.models.chat("fast", _HELLO)
    await bob.models.chat("fast", _HELLO)
    assert [(row.group["user"], row.calls) for row in await ann.usage.report(["user"])] == [("ann", 1)]
    assert {(row.group["user"], row.calls) for row in await desk.usage.report(["user"])} == {
        ("ann", 1),
        ("bob", 2),
    }
    stranger = await app.desk(tenant=await new_tenant())
    assert await stranger.usage.report(["user"]) == []


async def test_rows_cannot_be_changed_or_forged_through_the_applications_login(
    desk: Desk, modelled: Deskmind
) -> None:
    await desk.models.chat("fast", _HELLO)
    await desk.usage.report(["model"])
    for statement in (
        "UPDATE usage_entries SET cost = 0",
        "DELETE FROM usage_entries",
        "INSERT INTO usage_entries SELECT * FROM usage_entries",
        "SELECT lease_budget(tenant_id, 'x', '', 'usd', now(), 1, 1) FROM usage_entries",
        "SELECT ensure_usage_partition(now())",
        "UPDATE budget_counters SET leased = 0",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with desk.database.transaction(desk.scope) as connection:
                await connection.execute(statement.encode())
    async with await psycopg.AsyncConnection.connect(modelled.database.endpoints.ledger) as ledger:
        await ledger.execute(f"SET search_path = {modelled.database.endpoints.schema}".encode())
        for statement in ("SELECT * FROM usage_entries", "SELECT * FROM documents", "DELETE FROM budgets"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await ledger.execute(statement.encode())
            await ledger.rollback()


async def test_a_budget_of_the_tenant_stops_calls_before_they_are_sent(
    desk: Desk, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    await desk.budgets.set("day", window="day", tokens=100)
    ann = await _member(modelled, desk, "ann")
    await ann.models.chat("fast", _HELLO, max_tokens=50)
    sent = len(sandbox.book.entries)
    with pytest.raises(BudgetExceededError, match=r"'day'.*used up") as refused:
        await ann.models.chat("fast", _HELLO, max_tokens=95)
    assert refused.value.details["resets_at"]
    assert len(sandbox.book.entries) == sent
    ((budget, taken),) = await desk.budgets.list()
    assert (budget.name, budget.tokens) == ("day", 100)
    assert 0 < taken["tokens"] <= 100
    await desk.budgets.delete("day")
    await ann.models.chat("fast", _HELLO, max_tokens=95)
    with pytest.raises(NotFoundError, match="no budget 'day'"):
        await desk.budgets.delete("day")


async def test_an_unknown_price_fails_closed_under_a_budget_in_dollars(
    desk: Desk, sandbox: ModelSandbox
) -> None:
    unlimited = await desk.models.chat("unpriced", _HELLO)
    assert unlimited.cost is None
    sent = len(sandbox.book.entries)
    await desk.budgets.set("money", window="month", usd=Decimal(5))
    with pytest.raises(UnknownPriceError, match="no known price"):
        await desk.models.chat("unpriced", _HELLO)
    assert len(sandbox.book.entries) == sent
    (row,) = [row for row in await desk.usage.report(["model"]) if row.group["model"] == "unpriced"]
    assert (row.unpriced, row.cost) == (1, 0)


async def test_exactly_the_same_request_is_answered_once_where_that_is_wanted(
    desk: Desk, modelled: Deskmind, app: Deskmind, new_tenant: Any, sandbox: ModelSandbox
) -> None:
    first = await desk.models.chat("fast", _HELLO, temperature=0)
    again, *more = await asyncio.gather(*(desk.models.chat("fast", _HELLO, temperature=0) for _ in range(20)))
    assert (again.text, again.outcome, again.cost, again.attempts) == (first.text, "free", 0, ())
    assert {reply.text for reply in more} == {first.text}
    assert len(sandbox.book.entries) == 1
    await desk.models.chat("fast", _HELLO, temperature=0, cached=False)
    await desk.models.chat("fast", _HELLO)
    await desk.models.chat("fast", _HELLO, temperature=0, max_tokens=9)
    assert len(sandbox.book.entries) == 4
    await (await modelled.desk(tenant=await new_tenant())).models.chat("fast", _HELLO, temperature=0)
    assert len(sandbox.book.entries) == 5
    (row,) = await desk.usage.report(["model"])
    assert row.calls == 4


async def test_a_reply_of_another_deployment_is_not_the_models_own(
    desk: Desk, modelled: Deskmind, sandbox: ModelSandbox
) -> None:
    await desk.models.chat("fast", _HELLO, temperature=0)
    models = (await modelled.gateway()).models
    before = models["fast"]
    models["fast"] = models["long"]
    try:
        reply = await desk.models.chat("fast", _HELLO, temperature=0)
    finally:
        models["fast"] = before
    assert len(reply.text.split()) == 50
    assert len(sandbox.book.entries) == 2


async def test_who_asks_the_same_at_the_same_time_is_not_refused_for_anothers_budget(
    desk: Desk, modelled: Deskmind
) -> None:
    poor, rich = await _member(modelled, desk, "poor"), await _member(modelled, desk, "rich")
    await desk.budgets.set("none", window="day", tokens=0, user="poor")
    for member in (poor, rich):  # what they may do is known from here on, so that who asks first is first
        await member.models.list()
    refused, answered = await asyncio.gather(
        poor.models.chat("fast", _HELLO, temperature=0),
        rich.models.chat("fast", _HELLO, temperature=0),
        return_exceptions=True,
    )
    assert isinstance(refused, BudgetExceededError)
    assert not isinstance(answered, BaseException)
    assert answered.text == "hello there my friend"
    assert {(row.group["user"], row.calls) for row in await desk.usage.report(["user"])} == {("rich", 1)}


async def test_half_a_character_in_a_reply_fails_nobody(desk: Desk, sandbox: ModelSandbox) -> None:
    sandbox.script(["half \ud83d of it", "half \ud83d of it"])
    whole = await desk.models.chat("fast", _HELLO, temperature=0)
    async with await desk.models.stream("fast", _HELLO) as stream:
        pieces = "".join([piece.text async for piece in stream])
    assert whole.text == pieces == "half \ufffd of it"
    assert (await desk.models.chat("fast", _HELLO, temperature=0)).text == whole.text


async def test_counters_of_windows_that_are_over_are_removed(desk: Desk, modelled: Deskmind) -> None:
    await desk.budgets.set("often", window="minute", tokens=10_000)
    await desk.budgets.set("monthly", window="month", tokens=10_000)
    await desk.models.chat("fast", _HELLO)
    endpoints = modelled.database.endpoints
    counters = sql.SQL("SELECT count(*) FROM {}.budget_counters WHERE tenant_id = %s").format(
        sql.Identifier(endpoints.schema)
    )
    store = PostgresBudgets(endpoints.ledger, endpoints.schema)
    long_ago = datetime(2020, 5, 17, 12, 31, tzinfo=UTC)
    old = Counter(
        Budget("often", "minute", tokens=9, tenant_id=desk.scope.tenant_id), "", "tokens", long_ago, 9
    )
    await store.lease(old, 5)
    async with await psycopg.AsyncConnection.connect(endpoints.ledger) as connection:
        before = await (await connection.execute(counters, (desk.scope.tenant_id,))).fetchone()
        await connection.commit()
        await store.expire()
        after = await (await connection.execute(counters, (desk.scope.tenant_id,))).fetchone()
    await store.close()
    assert (before, after) == ((3,), (2,))


async def test_replicas_share_a_budget(
    desk: Desk, modelled: Deskmind, desk_home: Any, sandbox: ModelSandbox
) -> None:
    await desk.budgets.set("shared", window="day", tokens=1_000)
    async with Deskmind.open(modelled.settings) as other:
        desks = [desk, await other.desk(tenant=desk.scope.tenant)]
        results = await asyncio.gather(
            *(item.models.chat("fast", _HELLO, max_tokens=40) for _ in range(30) for item in desks),
            return_exceptions=True,
        )
    answered = [result for result in results if not isinstance(result, BaseException)]
    assert all(
        isinstance(result, BudgetExceededError) for result in results if isinstance(result, BaseException)
    )
    assert answered
    assert sum(entry.input_tokens + entry.output_tokens for entry in sandbox.book.entries) <= 1_000


async def test_budgets_are_the_operators(desk: Desk, modelled: Deskmind) -> None:
    ann = await _member(modelled, desk, "ann")
    with pytest.raises(PermissionDeniedError):
        await ann.budgets.set("mine", window="day", tokens=1)
    for wrong in (
        {"window": "year", "tokens": 1},
        {"window": "day"},
        {"window": "day", "tokens": -1},
        {"window": "day", "tokens": 1, "per": ["tenant"]},
        {"window": "day", "tokens": 1, "alerts": [2.0]},
        {"window": "day", "tokens": 1, "per": ["user", "user"]},
        {"window": "day", "tokens": 1, "feature": "a\0b"},
        {"window": "day", "tokens": 1, "model": "m" * 201},
        {"window": "day", "usd": Decimal("NaN")},
        {"window": "day", "usd": Decimal("1e30")},
        {"window": "day", "usd": Decimal("0.0000001")},  # it would be kept as nothing at all
    ):
        with pytest.raises(InvalidRequestError):
            await desk.budgets.set("wrong", **wrong)  # type: ignore[arg-type]
    assert await desk.budgets.list() == []


async def test_reports_refuse_what_they_cannot_group(desk: Desk) -> None:
    with pytest.raises(InvalidRequestError, match="grouped"):
        await desk.usage.report(["nonsense"])  # type: ignore[list-item]
    with pytest.raises(NotFoundError, match="no model 'nope'"):
        await desk.models.chat("nope", _HELLO)
    with pytest.raises(InvalidRequestError, match="no field 'api_base'"):
        await desk.models.chat("fast", _HELLO, api_base="http://elsewhere")
