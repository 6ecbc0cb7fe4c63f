"""The check of webhooks, and its figures as metrics; all tenants' are counted, and this test's are among them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.readiness.report import Check
from deskmind.readiness.webhooks import webhooks
from deskmind.webhooks.health import WebhookGauges


@pytest.fixture
async def waiting(operator: Desk) -> AsyncIterator[UUID]:
    """A webhook with a delivery that waits."""
    made = await operator.webhooks.add("https://hooks.invalid/x")
    await operator.webhooks.test(made.webhook.webhook_id)
    yield made.webhook.webhook_id
    await operator.webhooks.remove(made.webhook.webhook_id)


async def _after(app: Deskmind, desk: Desk, statement: str) -> Check:
    async with desk.database.transaction(desk.scope) as connection:
        await connection.execute(statement.encode(), (desk.scope.tenant_id,))
    return await webhooks(app)


async def test_it_is_red_where_nobody_delivers(app: Deskmind, operator: Desk, waiting: UUID) -> None:
    late = "UPDATE webhook_deliveries SET due_at = now() - interval '1 hour' WHERE tenant_id = %s"
    found = await _after(app, operator, late)
    assert (found.name, found.state) == ("webhooks", "red")
    assert found.evidence["waiting_seconds"] >= 3600
    assert "deskmind worker" in found.remedy


async def test_it_is_red_where_events_were_given_up_or_a_webhook_was(
    app: Deskmind, operator: Desk, waiting: UUID
) -> None:
    dead = "UPDATE webhook_deliveries SET state = 'dead', settled_at = now() WHERE tenant_id = %s"
    found = await _after(app, operator, dead)
    assert found.state == "red"
    assert found.evidence["dead_lately"] >= 1
    given_up = "UPDATE webhooks SET active = false, disabled_because = 'failing' WHERE tenant_id = %s"
    found = await _after(app, operator, given_up)
    assert found.state == "red"
    assert found.evidence["given_up"] >= 1


async def test_the_gauges_show_what_was_read_and_nothing_where_it_is_too_long_ago(
    app: Deskmind, waiting: UUID
) -> None:
    gauges = WebhookGauges(app.database, every=60)
    assert gauges.health is None
    await gauges.ask()
    assert gauges.health is not None
    assert gauges.health.pending >= 1
    stale = WebhookGauges(app.database, every=0)
    await stale.ask()
    assert stale.health is None
