"""Which acts are told, what of them, and what is left out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from tests.webhooks.conftest import Hook

from deskmind.agents.memory.keeping import record_change
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.gateway.alerts import BudgetAlert
from deskmind.gateway.service.alerts import AuditedAlerts
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.webhooks import EVENT_TYPES, publish


@pytest.fixture
async def told(make_hook: Callable[..., Awaitable[Hook]]) -> Callable[[], Awaitable[list[dict[str, Any]]]]:
    """What was published since, in order."""
    hook = await make_hook(url="https://hooks.invalid/x")

    async def events() -> list[dict[str, Any]]:
        statement = "SELECT body FROM webhook_events WHERE tenant_id = %s ORDER BY created_at"
        return [json.loads(body) for (body,) in await hook.sql(statement, hook.desk.scope.tenant_id)]

    return events


async def test_a_connected_system_that_was_read_written_to_or_refuses(
    told: Callable[[], Awaitable[list[dict[str, Any]]]], desk: Desk
) -> None:
    async with ServiceNowSandbox(size="tiny") as box:
        await desk.connections.add(
            "now", box.vendor, box.url, box.credentials, kinds=["person"], every_seconds=0
        )
        await desk.sync.run("now")
        made = await desk.writes.propose("now", "create", values={"title": "The printer of Ann Lee burns"})
        await desk.writes.send(made.write_id)
        wrong = {**box.credentials, "password": "wrong"}
        await desk.connections.add(
            "now", box.vendor, box.url, wrong, kinds=["person"], every_seconds=0, replace=True
        )
        await desk.sync.run("now")
    found = {one["type"]: one for one in await told()}
    assert found.keys() == {"sync.finished", "ticket.written", "sync.failed"}
    connection = await desk.connections.get("now")
    finished, written = found["sync.finished"]["data"], found["ticket.written"]["data"]
    assert finished["connection_id"] == str(connection.connection_id)
    assert finished["added"] > 0
    assert (written["write_id"], written["act"]) == (str(made.write_id), "create")
    assert written["link"] == f"/v1/writes/{made.write_id}"
    assert "printer" not in json.dumps(list(found.values()))


async def test_a_memory_and_a_budget(
    told: Callable[[], Awaitable[list[dict[str, Any]]]], desk: Desk, hooked: Deskmind
) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        await record_change(connection, desk.scope, uuid4(), "forget", memories=2)
    alert = BudgetAlert("all", "", 0.8, datetime(2026, 1, 1, tzinfo=UTC), desk.scope.tenant_id)
    for _ in range(2):  # two replicas raise it
        await AuditedAlerts(hooked.database)(alert)
    events = await told()
    assert [one["type"] for one in events] == ["memory.changed", "budget.threshold"]
    assert (events[0]["data"]["act"], events[1]["data"]["share"]) == ("forget", 0.8)


async def test_a_member_publishes_and_sees_nothing_of_it(
    told: Callable[[], Awaitable[list[dict[str, Any]]]], desk: Desk, hooked: Deskmind
) -> None:
    await desk.principals.add_user("ann")
    ann = await hooked.desk(tenant=desk.scope.tenant, user="ann")
    await ann.knowledge.add("note.md", b"# A note\n\nThe VPN is slow.")
    assert [one["type"] for one in await told()] == ["document.stored"]
    async with ann.database.transaction(ann.scope) as connection:
        for table in ("webhooks", "webhook_events", "webhook_deliveries"):
            cursor = await connection.execute(f"SELECT count(*) FROM {table}".encode())
            assert await cursor.fetchone() == (0,)


async def test_another_tenants_webhooks_are_told_nothing(
    told: Callable[[], Awaitable[list[dict[str, Any]]]],
    hooked: Deskmind,
    new_tenant: Callable[[], Awaitable[str]],
) -> None:
    other = await hooked.desk(tenant=await new_tenant())
    await other.knowledge.add("note.md", b"# A note\n\nThe VPN is slow.")
    assert await told() == []


async def test_types_that_do_not_exist_are_not_published(desk: Desk) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        with pytest.raises(KeyError):
            await publish(connection, desk.scope, "nothing.known", {})


async def test_values_are_cut_short_so_that_no_text_fits_in(hook: Hook, desk: Desk) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        await publish(connection, desk.scope, "run.done", {"name": "x\0" * 5_000})
    ((body,),) = await hook.sql("SELECT body FROM webhook_events WHERE tenant_id = %s", desk.scope.tenant_id)
    assert len(json.loads(body)["data"]["name"]) == 200


def test_every_type_says_what_it_is() -> None:
    assert all(name.count(".") == 1 and text and not text.endswith(".") for name, text in EVENT_TYPES.items())
