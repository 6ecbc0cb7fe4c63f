"""Recording audit events.

The application may add events and an operator may read them; nobody may change or remove one through the
application's login.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Literal, get_args
from uuid import UUID, uuid4

from psycopg import errors as pg

from deskmind.database import Connection
from deskmind.errors import TenantNotFoundError, UnavailableError
from deskmind.governance.audit.circumstances import current_address, current_decision
from deskmind.governance.audit.claims import mark_acted
from deskmind.governance.audit.draft import Draft, Value
from deskmind.governance.audit.reading import AuditEvent, read_events
from deskmind.governance.audit.subjects import Person, SubjectKeys, SubjectRing
from deskmind.observability import correlation_id
from deskmind.observability.instruments import AUDIT_EVENTS, counter
from deskmind.observability.metering import labels
from deskmind.scope import OPERATOR, Scope

__all__ = ["AuditEvent", "Outcome", "audit_events", "record"]

Outcome = Literal["allowed", "denied", "done", "failed"]

_TRIES = 5
_MOST_WAITING = 1_000
_events = counter(AUDIT_EVENTS)
_outcomes = {outcome: labels({"deskmind.outcome": outcome}) for outcome in get_args(Outcome)}

_INSERT = "SELECT audit_append(%s, %s, %s)"


async def record(
    connection: Connection,
    scope: Scope,
    action: str,
    *,
    resource: str | Person = "",
    outcome: Outcome = "done",
    event_id: UUID | None = None,
    **details: Value | Person,
) -> None:
    """Write one event in the caller's transaction, so that act and record stand or fall together.

    The events of a transaction are written together before it commits, or a savepoint is set or released. Who acts is
    encrypted under a key of that person, unless it is an operator, a worker or the system; and so is whoever
    ``resource`` or a detail names, given as a ``Person`` (one an event).

    Args:
        connection: the transaction of the act.
        scope: who acts.
        action: the permission's name, such as ``documents.delete``.
        resource: what was acted on, an identifier.
        outcome: how it ended.
        event_id: of an event that several processes may record; it is kept once.
        details: counts and identifiers; never content or secrets.

    Raises (when they are written):
        TenantNotFoundError: the tenant was erased since the scope was made.
    """
    if scope.agent is not None:
        details = {**details, "agent": _agent(scope.agent, (resource, *details.values()))}
    draft = Draft.of(
        event_id or uuid4(),
        action=action,
        resource=resource,
        outcome=outcome,
        decision=current_decision() or f"role:{scope.role}",
        correlation_id=correlation_id(),
        details=details,
        by=None if scope.principal_id == OPERATOR else Person(scope.principal, scope.principal_id),
        name=scope.principal,
        address=current_address(),
    )
    if connection.waiting is None:
        await _write(connection, [(scope, draft)])
        return
    waiting = connection.waiting.setdefault(_write, [])
    waiting.append((scope, draft))
    if len(waiting) >= _MOST_WAITING:
        await connection.settle()


async def audit_events(connection: Connection, scope: Scope, *, limit: int = 100) -> list[AuditEvent]:
    """The newest events of the scope's tenant, newest first (operators only, by the database's policy)."""
    return await read_events(connection, scope.tenant_id, limit=limit)


def _agent(agent: Scope, named: Iterable[object]) -> str | Person:
    """Who acts in the place of who acts: by its id alone, where the event names another person already."""
    if any(isinstance(item, Person) for item in named):
        return str(agent.principal_id)
    return Person(agent.principal, agent.principal_id)


async def _write(connection: Connection, waiting: list[tuple[Scope, Draft]]) -> None:
    """Write the events of a transaction, which all are of one scope."""
    scope = waiting[0][0]
    try:
        await _append(connection, scope, [draft for _, draft in waiting])
    except (pg.InsufficientPrivilege, pg.ForeignKeyViolation):
        raise TenantNotFoundError(
            f"The tenant '{scope.tenant}' does not exist any more.", why="Nothing can be recorded for it."
        ) from None
    await mark_acted(connection, scope.tenant_id)
    for _, draft in waiting:
        _events.add(1, _outcomes[draft.clear["outcome"]])


async def _append(connection: Connection, scope: Scope, drafts: list[Draft]) -> None:
    """Those whose keys were destroyed meanwhile again, under new ones."""
    keys = connection.companion(SubjectRing).of(scope.tenant_id)
    for _ in range(_TRIES):
        now = time.monotonic()
        rows = [await _row(connection, scope, keys, draft, now) for draft in drafts]
        values = (scope.tenant_id, scope.principal_id, f"[{','.join(rows)}]")
        found = await (await connection.execute(_INSERT, values)).fetchone()
        left_out: list[UUID] = found[0] if found is not None else []
        if not left_out:
            return
        drafts = [draft for draft in drafts if draft.event_id in left_out]
        for draft in drafts:
            for person in draft.people:
                keys.forget(person)
    raise UnavailableError(
        "An audit event could not be written.",
        why="The keys of the people in it were destroyed again and again.",
        remedy="Try again.",
    )


async def _row(connection: Connection, scope: Scope, keys: SubjectKeys, draft: Draft, now: float) -> str:
    by = await keys.of(connection, draft.by) if draft.by is not None else None
    about = await keys.of(connection, draft.about) if draft.about is not None else None
    return draft.row(scope.tenant_id, by, about, now)
