"""What is done now and then: deliveries that no job is left for, those that are too old, and what is kept no longer."""

from __future__ import annotations

from functools import partial

from deskmind.database import Database
from deskmind.governance.audit import record
from deskmind.scope import Scope
from deskmind.settings import WebhooksSettings
from deskmind.tenantwise import in_each
from deskmind.webhooks.turns import begin_anew

__all__ = ["expire", "wake_due"]

_PAGE = 5_000
_TOO_OLD = """
UPDATE webhook_deliveries SET state = 'dead', settled_at = clock_timestamp(),
       problem = CASE WHEN problem = '' THEN 'expired' ELSE problem END
 WHERE tenant_id = %s AND state = 'pending' AND due_at < now()
   AND wanted_at < now() - make_interval(secs => %s * 3600)
"""
_OLD_SECRETS = """
UPDATE webhooks SET old_sealed = NULL, old_until = NULL WHERE tenant_id = %s AND old_until <= now()
"""
_KEPT = """
DELETE FROM webhook_events WHERE tenant_id = %(tenant)s AND event_id IN (
       SELECT e.event_id FROM webhook_events e
        WHERE e.tenant_id = %(tenant)s AND e.created_at < now() - make_interval(days => %(days)s)
          AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.tenant_id = e.tenant_id AND d.event_id = e.event_id
                             AND (d.state = 'pending' OR d.settled_at >= now() - make_interval(days => %(days)s)))
        LIMIT %(page)s)
"""


async def wake_due(database: Database) -> int:
    """Have what is due be delivered where no job is left to do it, in all tenants; for how many webhooks."""
    async with database.transaction(Scope.directory()) as connection:
        row = await (await connection.execute("SELECT wake_due_webhooks()")).fetchone()
    return int(row[0]) if row is not None else 0


async def expire(database: Database, settings: WebhooksSettings) -> None:
    """Give up what nobody sends any more, remove events older than ``webhooks.keep_days`` with their deliveries, and secrets
    whose overlap is over."""
    async with database.transaction(Scope.directory()) as connection:
        cursor = await connection.execute("SELECT tenant_id, tenant FROM webhook_tenants()")
        tenants = await cursor.fetchall()
    await in_each(
        ((Scope.operator(tenant_id, tenant, "worker"),) for tenant_id, tenant in tenants),
        partial(_expire, database, settings),
    )


async def _expire(database: Database, settings: WebhooksSettings, scope: Scope) -> None:
    async with database.transaction(scope) as connection:
        given_up = (await connection.execute(_TOO_OLD, (scope.tenant_id, settings.give_up_hours))).rowcount
        if given_up:
            await record(connection, scope, "webhooks.expire", resource="deliveries", given_up=given_up)
        await begin_anew(connection, scope)
        secrets = (await connection.execute(_OLD_SECRETS, (scope.tenant_id,))).rowcount
        if secrets:
            await record(connection, scope, "webhooks.expire", resource="secrets", removed=secrets)
    values = {"tenant": scope.tenant_id, "days": settings.keep_days, "page": _PAGE}
    while True:
        async with database.transaction(scope) as connection:
            removed = (await connection.execute(_KEPT, values)).rowcount
            if removed:
                await record(connection, scope, "webhooks.expire", resource="events", removed=removed)
        if removed < _PAGE:
            return
