"""Usage over all tenants: the installation's operator sees sums by tenant, nobody sees another tenant's users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, PermissionDeniedError
from deskmind.gateway.service import UsageSurvey
from deskmind.scope import Scope

_HELLO = [{"role": "user", "content": "hello there my friend"}]


@pytest.fixture
async def two(modelled: Deskmind, new_tenant: Callable[[], Awaitable[str]]) -> list[Desk]:
    """Two tenants; the first made one call, the second two."""
    desks = [await modelled.desk(tenant=await new_tenant()) for _ in range(2)]
    for desk in (desks[0], desks[1], desks[1]):
        await desk.models.chat("fast", _HELLO)
    return desks


async def test_sums_of_all_tenants_are_the_sums_of_each(modelled: Deskmind, two: list[Desk]) -> None:
    rows = await modelled.usage.report(["tenant", "outcome"])
    found = {(row.group["tenant"], row.group["outcome"]): row for row in rows}
    assert len(found) == len(rows)
    for desk, calls in zip(two, (1, 2), strict=True):
        (own,) = await desk.usage.report(["tenant", "outcome"])
        assert found[desk.scope.tenant, own.group["outcome"]] == own
        assert own.calls == calls
    whole = await modelled.usage.report(["model"])
    assert sum(row.calls for row in whole) == sum(row.calls for row in found.values())


@pytest.mark.parametrize("group", ["user", "key", "nonsense"])
async def test_nothing_inside_a_tenant_is_named(modelled: Deskmind, group: Any) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be grouped"):
        await modelled.usage.report(["tenant", group])


async def test_only_the_installation_may_ask(modelled: Deskmind, two: list[Desk]) -> None:
    survey = UsageSurvey(modelled.database, modelled)
    for scope in (two[0].scope, Scope.operator(two[0].scope.tenant_id, two[0].scope.tenant)):
        survey._scope = scope  # as if a mistake had given a tenant's operator the object
        with pytest.raises(PermissionDeniedError):
            await survey.report(["tenant"])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with modelled.database.transaction(scope) as connection:
                await connection.execute("SELECT * FROM usage_of_all_tenants(ARRAY['tenant'], now(), now())")


async def test_a_report_is_an_event_of_the_installation(modelled: Deskmind, two: list[Desk]) -> None:
    await modelled.usage.report(["tenant"])
    admin = modelled.database.endpoints.admin
    assert admin is not None
    async with await psycopg.AsyncConnection.connect(admin) as connection:
        cursor = await connection.execute(
            "SELECT details FROM deskmind.audit_events WHERE action = 'usage.survey'"
            " AND tenant_id = '00000000-0000-0000-0000-000000000000' ORDER BY occurred_at DESC LIMIT 1"
        )
        row = await cursor.fetchone()
    assert row is not None
    assert row[0]["groups"] == ["tenant"]
    for desk in two:
        assert "usage.survey" not in {event.action for event in await desk.audit()}
