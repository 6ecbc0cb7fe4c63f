"""Recording audit events.

The application may add events and an operator may read them; nobody may change or remove one through the
application's login.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID, uuid4

from psycopg import errors as pg

from deskmind.database import Connection, Database
from deskmind.errors import TenantNotFoundError, UnavailableError
from deskmind.governance.audit.circumstances import current_address, current_decision
from deskmind.governance.audit.claims import mark_acted, under_claim
from deskmind.governance.audit.draft import Draft, Value
from deskmind.governance.audit.reading import AuditEvent, read_events
from deskmind.governance.audit.subjects import Person, SubjectKey, SubjectKeys, SubjectRing
from deskmind.observability import correlation_id
from deskmind.observability.instruments import AUDIT_EVENTS, counter
from deskmind.observability.metering import labels
from deskmind.scope import OPERATOR, Scope

__all__ = ["AuditEvent", "Outcome", "audit_events", "record", "record_alone"]

Outcome = Literal["allowed", "denied", "done", "failed"]

_TRIES = 5
_MOST_WAITING = 1_000
_events = counter(AUDIT_EVENTS)
_outcomes = {outcome: labels({"deskmind.outcome": outcome}) for outcome in get_args(Outcome)}

_INSERT = "SELECT audit_append(%s, %s, %s)"
_INSERT_ALL = "SELECT audit_append($1, $2, $3, true)"


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
    draft = _draft(scope, action, resource, outcome, event_id, details)
    if connection.waiting is None:
        await _write(connection, [(scope, draft)])
        return
    waiting = connection.waiting.setdefault(_write, [])
    waiting.append((scope, draft))
    if len(waiting) >= _MOST_WAITING:
        await connection.settle()


async def record_alone(
    database: Database,
    scope: Scope,
    action: str,
    *,
    resource: str | Person = "",
    outcome: Outcome = "done",
    **details: Value | Person,
) -> None:
    """Write one event in a transaction of its own, as ``record`` does, in one round trip where the keys are known here.

    For what is no act on the database: a refusal, what was read before.

    Raises:
        TenantNotFoundError: the tenant was erased since the scope was made.
    """
    draft = _draft(scope, action, resource, outcome, None, details)
    keys = database.companions[SubjectRing].of(scope.tenant_id)
    known = {person: key for person in draft.people if (key := keys.remembered(person)) is not None}
    alone = len(known) == len({*draft.people}) and not under_claim()
    if not alone or not await _stored_alone(database, scope, draft, known):
        async with database.transaction(scope) as connection:
            await _write(connection, [(scope, draft)])


async def audit_events(
    connection: Connection, scope: Scope, *, limit: int = 100, before: tuple[datetime, UUID] | None = None
) -> list[AuditEvent]:
    """The newest events of the scope's tenant, newest first (operators only, by the database's policy), from ``before`` a place on."""
    return await read_events(connection, scope.tenant_id, limit=limit, before=before)


async def _stored_alone(
    database: Database, scope: Scope, draft: Draft, known: Mapping[Person, SubjectKey]
) -> bool:
    """Whether an event was stored under these keys; not where one was destroyed meanwhile, which is forgotten."""
    values = (str(scope.tenant_id), str(scope.principal_id), f"[{_written(scope, draft, known)}]")
    try:
        with _of_a_tenant([(scope, draft)]):
            await database.alone(scope, _INSERT_ALL, values)
    except pg.IntegrityConstraintViolation:
        for person in known:
            database.companions[SubjectRing].of(scope.tenant_id).forget(person)
        return False
    return True


def _draft(
    scope: Scope,
    action: str,
    resource: str | Person,
    outcome: Outcome,
    event_id: UUID | None,
    details: Mapping[str, Value | Person],
) -> Draft:
    if scope.agent is not None:
        details = {**details, "agent": _agent(scope.agent, (resource, *details.values()))}
    return Draft.of(
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


def _agent(agent: Scope, named: Iterable[object]) -> str | Person:
    """Who acts in the place of who acts: by its id alone, where the event names another person, or an operator acts."""
    if agent.principal_id == OPERATOR or any(isinstance(item, Person) for item in named):
        return str(agent.principal_id)
    return Person(agent.principal, agent.principal_id)


class _Recorder:
    """Writes the events of a transaction, which all are of one scope."""

    async def __call__(self, connection: Connection, waiting: list[tuple[Scope, Draft]]) -> None:
        """Write them."""
        scope = waiting[0][0]
        with _of_a_tenant(waiting):
            await _append(connection, scope, [draft for _, draft in waiting])
        await mark_acted(connection, scope.tenant_id)

    def statement(self, waiting: list[tuple[Scope, Draft]]) -> None:
        """None: the keys may have to be read first, and what could not be written is told in the result."""
        del waiting

    async def and_commit(
        self,
        connection: Connection,
        waiting: list[tuple[Scope, Draft]],
        before: Sequence[tuple[str, Sequence[str]]],
    ) -> None:
        """Write them and commit; where a key was destroyed meanwhile, in as many round trips as it takes."""
        scope = waiting[0][0]
        keys = connection.companion(SubjectRing).of(scope.tenant_id)
        drafts = [draft for _, draft in waiting]
        await mark_acted(connection, scope.tenant_id)
        with _of_a_tenant(waiting):
            try:
                values = [str(value) for value in await _values(connection, scope, keys, drafts)]
                await connection.commit_after(*before, (_INSERT_ALL, values))
            except pg.IntegrityConstraintViolation:  # a key was destroyed
                for person in {person for draft in drafts for person in draft.people}:
                    keys.forget(person)
                await _append(connection, scope, drafts)
                if before:
                    await connection.commit_after(*before)
                else:
                    await connection.commit()


_write = _Recorder()


@contextmanager
def _of_a_tenant(waiting: list[tuple[Scope, Draft]]) -> Generator[None]:
    """Count what is written; without its tenant, nothing is."""
    scope = waiting[0][0]
    try:
        yield
    except (pg.InsufficientPrivilege, pg.ForeignKeyViolation):
        raise TenantNotFoundError(
            f"The tenant '{scope.tenant}' does not exist any more.", why="Nothing can be recorded for it."
        ) from None
    for _, draft in waiting:
        _events.add(1, _outcomes[draft.clear["outcome"]])


async def _append(connection: Connection, scope: Scope, drafts: list[Draft]) -> None:
    """Those whose keys were destroyed meanwhile again, under new ones."""
    keys = connection.companion(SubjectRing).of(scope.tenant_id)
    for _ in range(_TRIES):
        values = await _values(connection, scope, keys, drafts)
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


async def _values(
    connection: Connection, scope: Scope, keys: SubjectKeys, drafts: list[Draft]
) -> tuple[UUID, UUID, str]:
    now = time.monotonic()
    people = dict.fromkeys(person for draft in drafts for person in draft.people)
    known = {person: await keys.of(connection, person) for person in people}
    rows = [_written(scope, draft, known, now) for draft in drafts]
    return scope.tenant_id, scope.principal_id, f"[{','.join(rows)}]"


def _written(scope: Scope, draft: Draft, known: Mapping[Person, SubjectKey], now: float | None = None) -> str:
    by = known[draft.by] if draft.by is not None else None
    about = known[draft.about] if draft.about is not None else None
    return draft.row(scope.tenant_id, by, about, time.monotonic() if now is None else now)
