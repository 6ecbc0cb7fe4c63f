"""Rows of proposals: what waits for a person, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskmind.database import Connection
from deskmind.scope import Scope

__all__ = [
    "ProposalState",
    "Proposed",
    "add_proposal",
    "edit_proposal",
    "escalate_proposals",
    "expire_proposals",
    "find_proposal",
    "list_proposals",
]

ProposalState = Literal["open", "approved", "rejected", "expired", "withdrawn"]
_COLUMNS = (
    "p.proposal_id, p.run_id, p.call_id, p.principal_id, r.agent_id, r.agent, p.tool, p.kind, p.arguments, p.changes,"
    " p.prepared, p.reason, p.needed, CASE WHEN p.state = 'open' AND p.expires_at < now() THEN 'expired' ELSE p.state END"
    " AS state, p.answer, p.made_at, p.expires_at, (SELECT count(*) FROM agent_votes v WHERE v.tenant_id = p.tenant_id"
    " AND v.proposal_id = p.proposal_id AND v.revision = p.revision AND v.verdict = 'approve') AS approvals,"
    " p.revision, p.edits, p.escalated_at"
)
_FROM = "FROM agent_proposals p JOIN agent_runs r ON r.tenant_id = p.tenant_id AND r.run_id = p.run_id"
_ADD = """
INSERT INTO agent_proposals (tenant_id, proposal_id, run_id, call_id, principal_id, tool, kind, arguments, changes, prepared,
                             reason, needed, expires_at, escalates_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now() + make_interval(secs => %s), now() + make_interval(secs => %s))
"""
_EDIT = """
UPDATE agent_proposals
   SET arguments = %s, changes = %s, prepared = %s, needed = %s, revision = revision + 1, edits = edits || %s
 WHERE tenant_id = %s AND proposal_id = %s
"""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A write that waits for approval, or a question that waits for an answer.

    Attributes:
        proposal_id: its id.
        run_id: the run that waits.
        call_id: the call of the tool.
        principal_id: who asked for the run; None for the operator.
        agent_id: who acts in its place.
        agent: the agent's name.
        tool: the tool's name.
        kind: ``write`` or ``question``.
        arguments: of the call.
        changes: the difference: ``field``, ``before``, ``after``.
        prepared: how it will be done; for the tool.
        reason: why a person is asked.
        needed: approvals that are needed.
        state: where it stands.
        answer: what a person said.
        approvals: those there are, for the values as they are now.
        revision: how often an approver has changed the values.
        edits: each change: ``by``, ``at``, ``before`` and ``after`` of the values that changed.
        escalated_at: when it was announced again because nobody had decided.
    """

    proposal_id: UUID
    run_id: UUID
    call_id: str
    principal_id: UUID | None
    agent_id: UUID | None
    agent: str
    tool: str
    kind: Literal["write", "question"]
    arguments: Mapping[str, Any]
    changes: list[dict[str, Any]]
    prepared: Mapping[str, Any] | None
    reason: str
    needed: int
    state: ProposalState
    answer: str
    made_at: datetime
    expires_at: datetime
    approvals: int
    revision: int = 0
    edits: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    escalated_at: datetime | None = None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list."""
        return self.made_at, self.proposal_id

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, without how it is done."""
        shown = asdict(self)
        del shown["prepared"], shown["principal_id"], shown["agent_id"]
        return {key: _json(value) for key, value in shown.items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


async def add_proposal(
    connection: Connection, scope: Scope, made: Proposed, seconds: float, escalate: float
) -> None:
    """A new one, open for so many seconds, escalated after ``escalate`` of them."""
    values = (scope.tenant_id, made.proposal_id, made.run_id, made.call_id, made.principal_id, made.tool)
    texts = (made.kind, Jsonb(made.arguments), Jsonb(made.changes), Jsonb(made.prepared), made.reason)
    await connection.execute(_ADD, (*values, *texts, made.needed, seconds, escalate))


async def find_proposal(
    connection: Connection,
    scope: Scope,
    *,
    proposal_id: UUID | None = None,
    call: tuple[UUID, str] | None = None,
    lock: bool = False,
) -> Proposed | None:
    """One by its id, or by run and call; ``lock`` keeps others from deciding meanwhile."""
    where, values = "p.proposal_id = %s", (proposal_id,)
    if call is not None:
        where, values = "p.run_id = %s AND p.call_id = %s", call
    cursor = connection.cursor(row_factory=class_row(Proposed))
    statement = f"SELECT {_COLUMNS} {_FROM} WHERE p.tenant_id = %s AND {where}"
    locking = " FOR UPDATE OF p" if lock else ""
    await cursor.execute((statement + locking).encode(), (scope.tenant_id, *values))
    return await cursor.fetchone()


async def list_proposals(
    connection: Connection,
    scope: Scope,
    *,
    run_id: UUID | None = None,
    waiting: bool = True,
    limit: int = 100,
    after: tuple[datetime, UUID] | None = None,
) -> list[Proposed]:
    """Those that wait, or all; the oldest first, from ``after`` a place on."""
    where = " AND p.state = 'open' AND p.expires_at >= now()" if waiting else ""
    where += " AND p.run_id = %s" if run_id else ""
    where += " AND (p.made_at, p.proposal_id) > (%s, %s)" if after else ""
    cursor = connection.cursor(row_factory=class_row(Proposed))
    statement = (
        f"SELECT {_COLUMNS} {_FROM} WHERE p.tenant_id = %s{where} ORDER BY p.made_at, p.proposal_id LIMIT %s"
    )
    await cursor.execute(
        statement.encode(), (scope.tenant_id, *([run_id] if run_id else []), *(after or ()), limit)
    )
    return await cursor.fetchall()


async def expire_proposals(connection: Connection, scope: Scope) -> list[tuple[UUID, UUID]]:
    """Close those whose time is over; gives each with the run that waited for it."""
    cursor = await connection.execute(
        "UPDATE agent_proposals SET state = 'expired' WHERE tenant_id = %s AND state = 'open' AND expires_at < now()"
        " RETURNING proposal_id, run_id",
        (scope.tenant_id,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def edit_proposal(
    connection: Connection,
    scope: Scope,
    proposal_id: UUID,
    *,
    arguments: Mapping[str, Any],
    changes: list[dict[str, Any]],
    prepared: Mapping[str, Any],
    needed: int,
    edit: Mapping[str, Any],
) -> None:
    """Another revision of one: approvals that were given to the values before no longer count."""
    values = (Jsonb(arguments), Jsonb(changes), Jsonb(prepared), needed, Jsonb([edit]))
    await connection.execute(_EDIT, (*values, scope.tenant_id, proposal_id))


async def escalate_proposals(connection: Connection, scope: Scope) -> list[UUID]:
    """Mark those that nobody decided in time; gives their ids."""
    cursor = await connection.execute(
        "UPDATE agent_proposals SET escalated_at = now() WHERE tenant_id = %s AND state = 'open' AND escalated_at IS NULL"
        " AND escalates_at < now() AND expires_at >= now() RETURNING proposal_id",
        (scope.tenant_id,),
    )
    return [row[0] for row in await cursor.fetchall()]
