"""Recording and reading audit events.

The application may add events and an operator may read them; nobody may change or remove one through the
application's login.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID, uuid4

from psycopg import errors as pg
from psycopg.types.json import Jsonb

from deskmind.database import Connection
from deskmind.errors import TenantNotFoundError
from deskmind.observability import correlation_id
from deskmind.observability.instruments import AUDIT_EVENTS, counter
from deskmind.observability.metering import labels
from deskmind.scope import Scope

__all__ = ["AuditEvent", "Outcome", "audit_events", "record"]

Outcome = Literal["allowed", "denied", "done", "failed"]

_events = counter(AUDIT_EVENTS)
_outcomes = {outcome: labels({"deskmind.outcome": outcome}) for outcome in get_args(Outcome)}

_INSERT = """
INSERT INTO audit_events
    (tenant_id, event_id, principal_id, principal, action, resource, outcome, correlation_id, details)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""

_SELECT = """
SELECT event_id, occurred_at, principal, action, resource, outcome, correlation_id, details
  FROM audit_events
 WHERE tenant_id = %s
 ORDER BY occurred_at DESC, event_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One recorded act."""

    event_id: UUID
    occurred_at: datetime
    principal: str
    action: str
    resource: str
    outcome: str
    correlation_id: str
    details: dict[str, Any]


async def record(
    connection: Connection,
    scope: Scope,
    action: str,
    *,
    resource: str = "",
    outcome: Outcome = "done",
    event_id: UUID | None = None,
    **details: str | int | float | bool | list[str] | None,
) -> None:
    """Write one event in the caller's transaction, so that act and record stand or fall together.

    Args:
        connection: the transaction of the act.
        scope: who acts.
        action: the permission's name, such as ``documents.delete``.
        resource: what was acted on, an identifier.
        outcome: how it ended.
        event_id: of an event that several processes may record; it is kept once.
        details: counts and identifiers; never content or secrets.

    Raises:
        TenantNotFoundError: the tenant was erased since the scope was made.
    """
    if scope.agent is not None:
        details = {**details, "agent": scope.agent.principal}
    who = (scope.tenant_id, event_id or uuid4(), scope.principal_id, scope.principal)
    try:
        await connection.execute(_INSERT, (*who, action, resource, outcome, correlation_id(), Jsonb(details)))
    except pg.InsufficientPrivilege:
        raise TenantNotFoundError(
            f"The tenant '{scope.tenant}' does not exist any more.", why="Nothing can be recorded for it."
        ) from None
    _events.add(1, _outcomes[outcome])


async def audit_events(connection: Connection, scope: Scope, *, limit: int = 100) -> list[AuditEvent]:
    """The newest events of the scope's tenant, newest first (operators only, by the database's policy)."""
    cursor = await connection.execute(_SELECT, (scope.tenant_id, limit))
    return [AuditEvent(*row) for row in await cursor.fetchall()]
