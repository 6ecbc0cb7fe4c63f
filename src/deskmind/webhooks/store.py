"""Rows of webhooks and their deliveries, as operators see and change them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from deskmind.database import Connection
from deskmind.errors import NotFoundError
from deskmind.scope import Scope
from deskmind.webhooks.rows import Delivery, DeliveryState, Webhook

__all__ = [
    "add_webhook",
    "find_delivery",
    "find_webhook",
    "list_deliveries",
    "list_webhooks",
    "remove_deliveries",
    "remove_webhook",
    "replay",
    "replay_dead",
    "wake",
]

_WEBHOOK = (
    "SELECT webhook_id, url, types, description, active, disabled_because,"
    " CASE WHEN old_until > now() THEN old_until END AS old_secret_until, failing_since, created_at, changed_at"
    " FROM webhooks WHERE tenant_id = %s"
)
_ADD = """
INSERT INTO webhooks (tenant_id, webhook_id, url, types, description, sealed)
SELECT %(tenant)s, %(webhook)s, %(url)s, %(types)s, %(description)s, %(sealed)s
 WHERE (SELECT count(*) FROM webhooks WHERE tenant_id = %(tenant)s) < %(most)s
"""
_DELIVERY = (
    "SELECT d.delivery_id, d.webhook_id, d.event_id, e.type, d.state, d.attempts,"
    " CASE WHEN d.state = 'pending' THEN d.due_at END AS due_at, d.status, d.problem, d.milliseconds, d.attempted_at,"
    " d.settled_at, d.created_at FROM webhook_deliveries d"
    " JOIN webhook_events e ON e.tenant_id = d.tenant_id AND e.event_id = d.event_id WHERE d.tenant_id = %s"
)
_AGAIN = """
UPDATE webhook_deliveries SET state = 'pending', tries = 0, wanted_at = clock_timestamp(), settled_at = NULL,
       due_at = CASE WHEN state = 'pending' AND attempted_at IS NOT NULL AND milliseconds IS NULL
                     THEN greatest(due_at, clock_timestamp()) ELSE clock_timestamp() END
 WHERE tenant_id = %(tenant)s AND delivery_id = ANY (%(ids)s) AND state = ANY (%(states)s)
"""
"""Of an attempt that is under way nobody knows yet how long it took: until its claim ends, no other one begins."""
_DEAD = """
SELECT d.delivery_id, d.webhook_id FROM webhook_deliveries d
  JOIN webhooks w ON w.tenant_id = d.tenant_id AND w.webhook_id = d.webhook_id AND w.active
 WHERE d.tenant_id = %s AND d.state = 'dead' AND d.settled_at >= %s AND (%s::uuid IS NULL OR d.webhook_id = %s)
 ORDER BY d.settled_at, d.delivery_id LIMIT %s FOR NO KEY UPDATE OF d SKIP LOCKED
"""

_PAGE = 5_000
_REMOVE_PAGE = """
WITH c AS MATERIALIZED (
    SELECT delivery_id FROM webhook_deliveries WHERE tenant_id = %(tenant)s AND webhook_id = %(webhook)s
     LIMIT %(page)s FOR UPDATE SKIP LOCKED)
DELETE FROM webhook_deliveries d USING c WHERE d.tenant_id = %(tenant)s AND d.delivery_id = c.delivery_id
"""
"""Materialised for the reason that ``turns`` gives for what is claimed: a page stays a page."""


async def add_webhook(
    connection: Connection,
    scope: Scope,
    webhook_id: UUID,
    *,
    url: str,
    types: Sequence[str],
    description: str,
    sealed: bytes,
    most: int,
) -> bool:
    """A new one; False where there are ``most`` already."""
    values = {"url": url, "types": list(types), "description": description, "sealed": sealed, "most": most}
    key = {"tenant": scope.tenant_id, "webhook": webhook_id}
    return (await connection.execute(_ADD, {**key, **values})).rowcount == 1


async def find_webhook(
    connection: Connection, scope: Scope, webhook_id: UUID, *, lock: bool = False
) -> Webhook:
    """One of the tenant's.

    Raises:
        NotFoundError: there is none of this id.
    """
    cursor = connection.cursor(row_factory=class_row(Webhook))
    locking = " FOR NO KEY UPDATE" if lock else ""
    await cursor.execute(f"{_WEBHOOK} AND webhook_id = %s{locking}".encode(), (scope.tenant_id, webhook_id))
    found = await cursor.fetchone()
    if found is None:
        raise NotFoundError(
            f"There is no webhook {webhook_id}.", remedy="`deskmind webhooks list` shows those there are."
        )
    return found


async def list_webhooks(connection: Connection, scope: Scope) -> list[Webhook]:
    """All of the tenant's, the oldest first."""
    cursor = connection.cursor(row_factory=class_row(Webhook))
    await cursor.execute(f"{_WEBHOOK} ORDER BY created_at, webhook_id".encode(), (scope.tenant_id,))
    return await cursor.fetchall()


async def find_delivery(connection: Connection, scope: Scope, delivery_id: UUID) -> Delivery:
    """One of the tenant's.

    Raises:
        NotFoundError: there is none of this id, or it is no longer kept.
    """
    cursor = connection.cursor(row_factory=class_row(Delivery))
    await cursor.execute(f"{_DELIVERY} AND d.delivery_id = %s".encode(), (scope.tenant_id, delivery_id))
    found = await cursor.fetchone()
    if found is None:
        raise NotFoundError(
            f"There is no delivery {delivery_id}.",
            why="It does not exist in this tenant, or is older than webhooks.keep_days.",
            remedy="`deskmind webhooks deliveries` shows those there are.",
        )
    return found


async def list_deliveries(
    connection: Connection,
    scope: Scope,
    webhook_id: UUID,
    *,
    state: DeliveryState | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Delivery]:
    """Those of a webhook, the newest first."""
    where, values = "", list[Any]()
    if state is not None:
        where, values = " AND d.state = %s", [state]
    if before is not None:
        where, values = f"{where} AND (d.created_at, d.delivery_id) < (%s, %s)", [*values, *before]
    cursor = connection.cursor(row_factory=class_row(Delivery))
    order = "ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT %s"
    statement = f"{_DELIVERY} AND d.webhook_id = %s{where} {order}"
    await cursor.execute(statement.encode(), (scope.tenant_id, webhook_id, *values, limit))
    return await cursor.fetchall()


async def remove_deliveries(connection: Connection, scope: Scope, webhook_id: UUID) -> bool:
    """Delete a page of a webhook's deliveries, but for those that somebody holds; whether there may be more."""
    values = {"tenant": scope.tenant_id, "webhook": webhook_id, "page": _PAGE}
    return (await connection.execute(_REMOVE_PAGE, values)).rowcount == _PAGE


async def remove_webhook(connection: Connection, scope: Scope, webhook_id: UUID) -> bool:
    """Delete it with what is left of its deliveries, in the order in which a worker locks them; False where it was gone."""
    key = (scope.tenant_id, webhook_id)
    await connection.execute("DELETE FROM webhook_deliveries WHERE tenant_id = %s AND webhook_id = %s", key)
    cursor = await connection.execute("DELETE FROM webhooks WHERE tenant_id = %s AND webhook_id = %s", key)
    return cursor.rowcount == 1


async def replay(
    connection: Connection,
    scope: Scope,
    delivery_ids: Sequence[UUID],
    states: Sequence[DeliveryState] = ("pending", "delivered", "dead"),
) -> None:
    """Have deliveries in these states be tried as if they were new, with the ids that their events have."""
    values = {"tenant": scope.tenant_id, "ids": list(delivery_ids), "states": list(states)}
    await connection.execute(_AGAIN, values)


async def replay_dead(
    connection: Connection, scope: Scope, since: datetime, webhook_id: UUID | None, limit: int
) -> dict[UUID, int]:
    """The same with dead letters of active webhooks, the oldest first, but for those that another call replays; how many by
    webhook, in the order of their ids, so that calls at once wait for one another and not crosswise."""
    values = (scope.tenant_id, since, webhook_id, webhook_id, limit)
    rows = await (await connection.execute(_DEAD, values)).fetchall()
    await replay(connection, scope, [row[0] for row in rows], ("dead",))
    counts: dict[UUID, int] = {}
    for one in sorted(row[1] for row in rows):
        counts[one] = counts.get(one, 0) + 1
    return counts


async def wake(connection: Connection, scope: Scope, webhook_id: UUID) -> None:
    """Have a worker deliver what is due, once the caller's transaction stands; the target is not held back any longer."""
    await connection.execute(
        "UPDATE webhooks SET resume_at = NULL WHERE tenant_id = %s AND webhook_id = %s",
        (scope.tenant_id, webhook_id),
    )
    await connection.execute("SELECT wake_webhook(%s, NULL)", (webhook_id,))
