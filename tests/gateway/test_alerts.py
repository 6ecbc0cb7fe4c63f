"""Budgets that pass a threshold tell: listeners, and the tenant's audit log once over all replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.gateway import Budget, BudgetAlert, BudgetKeeper, Caller
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

_HELLO = [{"role": "user", "content": "hello"}]
_ANN = Caller(UUID(int=7), UUID(int=8))


async def test_a_listener_that_fails_or_waits_disturbs_no_call() -> None:
    heard: list[float] = []
    gate = asyncio.Event()

    def broken(alert: BudgetAlert) -> None:
        raise RuntimeError(alert.budget)

    async def broken_later(alert: BudgetAlert) -> None:
        raise RuntimeError(alert.budget)

    async def slow(alert: BudgetAlert) -> None:
        await gate.wait()
        heard.append(alert.share)

    budget = Budget("b", "day", tokens=100, alerts=(0.5,))
    keeper = BudgetKeeper([budget], on_alert=[broken, broken_later, slow])
    reservation = await keeper.reserve([budget], _ANN, "m", tokens=60, nanos=None)
    keeper.settle(reservation, tokens=60, nanos=None)
    assert not heard
    gate.set()
    await keeper.close()  # waits for who is told
    assert heard == [0.5]


async def _spend(desk: Desk, calls: int) -> None:
    for _ in range(calls):
        await desk.models.chat("fast", _HELLO, max_tokens=20)


async def test_an_alert_is_one_event_of_the_tenant_however_many_replicas_raise_it(
    operator: Desk,
    desk_home: Path,
    sandbox: ModelSandbox,
    app: Deskmind,
    new_tenant: Callable[[], Awaitable[str]],
) -> None:
    heard: list[BudgetAlert] = []
    given: dict[str, Any] = {
        "home": desk_home,
        "knowledge": {"embedder": "hashing"},
        "models": {"fast": {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}},
    }
    await operator.budgets.set("all", window="month", tokens=100, alerts=(0.2,))
    async with (
        Deskmind.open(**given, on_budget_alert=heard.append) as first,
        Deskmind.open(**given, on_budget_alert=heard.append) as second,
    ):
        for each in (first, second):
            await _spend(await each.desk(tenant=operator.scope.tenant), 1)
    assert [alert.share for alert in heard] == [0.2, 0.2]  # each replica says so
    (event,) = [item for item in await operator.audit() if item.action == "budget.alert"]
    assert (event.resource, event.principal, event.outcome) == ("all", "budgets", "done")
    assert event.details["share"] == 0.2
    assert event.details["limit"] == 100
    assert event.details["window_start"] == heard[0].window_start.isoformat()
    stranger = await app.desk(tenant=await new_tenant())
    assert not [item for item in await stranger.audit() if item.action == "budget.alert"]


async def test_a_budget_of_the_installation_is_no_tenants_event(
    operator: Desk, desk_home: Path, sandbox: ModelSandbox
) -> None:
    heard: list[BudgetAlert] = []
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        models={"fast": {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}},
        budgets={operator.scope.tenant: {"window": "day", "tokens": 30}},
        on_budget_alert=heard.append,
    ) as opened:
        await _spend(await opened.desk(tenant=operator.scope.tenant), 1)
    assert [(alert.tenant_id, alert.share) for alert in heard] == [(None, 0.8)]
    assert not [item for item in await operator.audit() if item.action == "budget.alert"]
