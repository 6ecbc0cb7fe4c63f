"""Synchronisation as jobs: queued in the caller's transaction, one at a time for each connection."""

from __future__ import annotations

from uuid import UUID

from deskmind.connectors.protocol import Event
from deskmind.database import Connection as DatabaseConnection
from deskmind.jobs import defer
from deskmind.observability import correlation_id
from deskmind.scope import Scope

__all__ = [
    "FOLLOW_TASK",
    "SYNC_QUEUE",
    "SYNC_TASK",
    "WEBHOOK_TASK",
    "defer_event",
    "defer_follow",
    "defer_run",
]

SYNC_TASK = "sync.run"
WEBHOOK_TASK = "sync.webhook"
FOLLOW_TASK = "sync.follow"
SYNC_QUEUE = "sync"


_WISH = """
UPDATE connections SET wish_full = wish_full OR %s, wish_sweep = wish_sweep OR %s WHERE tenant_id = %s AND connection_id = %s
"""


async def defer_run(
    connection: DatabaseConnection,
    scope: Scope,
    connection_id: UUID,
    *,
    full: bool = False,
    sweep: bool = False,
) -> None:
    """Queue a run; where one waits already, it does this too.

    Args:
        connection: an operator's transaction.
        scope: its scope.
        connection_id: what is to be read.
        full: everything anew, and every document handed to the ingest again.
        sweep: look for what is gone at the vendor, even if that was done lately.
    """
    await connection.execute(_WISH, (full, sweep, scope.tenant_id, connection_id))
    await defer(
        connection,
        SYNC_QUEUE,
        SYNC_TASK,
        str(connection_id),
        {
            "tenant_id": str(scope.tenant_id),
            "connection_id": str(connection_id),
            "correlation_id": correlation_id(),
        },
    )


async def defer_follow(connection: DatabaseConnection, scope: Scope, connection_id: UUID) -> None:
    """Queue the reading of records that call by name what was renamed or is gone; never beside a run."""
    await defer(
        connection,
        SYNC_QUEUE,
        FOLLOW_TASK,
        str(connection_id),
        {
            "tenant_id": str(scope.tenant_id),
            "connection_id": str(connection_id),
            "correlation_id": correlation_id(),
        },
    )


async def defer_event(
    connection: DatabaseConnection, scope: Scope, connection_id: UUID, event: Event
) -> None:
    """Queue the reading of the record that a webhook names."""
    await defer(
        connection,
        SYNC_QUEUE,
        WEBHOOK_TASK,
        f"{connection_id}:{event.kind}:{event.id}"[:200],
        {
            "tenant_id": str(scope.tenant_id),
            "connection_id": str(connection_id),
            "kind": str(event.kind),
            "record": event.id[:200],
            "correlation_id": correlation_id(),
        },
    )
