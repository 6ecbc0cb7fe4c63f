"""Rows of workflows: steps, and what a workflow's run has besides an agent's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskmind.agents.limits import Limits
from deskmind.agents.run import Definition
from deskmind.agents.store import RUN_COLUMNS, RunRow, owner_of
from deskmind.database import Connection
from deskmind.scope import Scope

__all__ = [
    "NewRun",
    "StepKind",
    "StepRow",
    "StepState",
    "add_workflow_run",
    "as_json",
    "copy_steps",
    "descendants",
    "find_workflow_runs",
    "read_workflow_steps",
    "waking",
]

StepKind = Literal["step", "tool", "agent", "workflow", "sleep", "undo"]
StepState = Literal["running", "done", "failed"]
_LONG = Limits(steps=100_000, tool_calls=100_000, tokens=10**12, usd=Decimal(10**9), seconds=10**9)
"""A workflow's own limits are those of its agents, and budgets."""

_COLUMNS = "path, name, kind, state, attempts, child_id, value, problem, reason, began_at, ended_at"
_ADD = """
INSERT INTO agent_runs (tenant_id, run_id, principal_id, agent_id, key_id, agent, definition, prompt, state, tainted,
                        correlation_id, kind, workflow_version, parent_id, forked_from)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'queued', %s, %s, 'workflow', %s, %s, %s) ON CONFLICT DO NOTHING
"""
_COPY = """
INSERT INTO workflow_steps (tenant_id, run_id, path, principal_id, epoch, name, kind, state, attempts, child_id, value, problem,
                            reason, began_at, ended_at)
SELECT tenant_id, %s, path, principal_id, 0, name, kind, state, attempts, child_id, value, problem, reason, began_at, ended_at
  FROM workflow_steps WHERE tenant_id = %s AND run_id = %s AND path = ANY (%s)
"""
_BELOW = """
WITH RECURSIVE below AS (
    SELECT run_id FROM agent_runs WHERE tenant_id = %(tenant)s AND run_id = %(run)s
    UNION ALL SELECT r.run_id FROM agent_runs r JOIN below b ON r.parent_id = b.run_id WHERE r.tenant_id = %(tenant)s)
SELECT run_id FROM below
"""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A row of ``workflow_steps``."""

    path: str
    name: str
    kind: StepKind
    state: StepState
    attempts: int
    child_id: UUID | None
    value: Any
    problem: str
    reason: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewRun:
    """A workflow's run before it begins.

    Attributes:
        text: the input, as JSON.
        tainted: whether the input is text that others wrote.
    """

    run_id: UUID
    workflow: str
    version: int
    text: str
    tainted: bool = False
    parent_id: UUID | None = None
    forked_from: UUID | None = None


async def add_workflow_run(connection: Connection, scope: Scope, new: NewRun, correlation_id: str) -> bool:
    """A new run, queued; False where it is there already."""
    agent = scope.agent.principal_id if scope.agent is not None else None
    definition = Definition(new.workflow, "", "", limits=_LONG)
    who = (scope.tenant_id, new.run_id, owner_of(scope), agent, scope.key_id)
    what = (new.workflow, Jsonb(definition.as_dict()), new.text, new.tainted, correlation_id, new.version)
    cursor = await connection.execute(_ADD, (*who, *what, new.parent_id, new.forked_from))
    return cursor.rowcount == 1


async def read_workflow_steps(connection: Connection, scope: Scope, run_id: UUID) -> list[StepRow]:
    """The steps of a run, in the order they began."""
    cursor = connection.cursor(row_factory=class_row(StepRow))
    statement = (
        f"SELECT {_COLUMNS} FROM workflow_steps WHERE tenant_id = %s AND run_id = %s ORDER BY began_at, path"
    )
    await cursor.execute(statement.encode(), (scope.tenant_id, run_id))
    return await cursor.fetchall()


async def find_workflow_runs(
    connection: Connection,
    scope: Scope,
    *,
    workflow: str | None,
    state: str | None,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> list[RunRow]:
    """The newest runs of workflows that the scope may see, newest first, from ``before`` a place on."""
    cursor = connection.cursor(row_factory=class_row(RunRow))
    chosen = (" AND agent = %s" if workflow else "") + (" AND state = %s" if state else "")
    chosen += " AND (started_at, run_id) < (%s, %s)" if before else ""
    statement = (
        f"SELECT {RUN_COLUMNS} FROM agent_runs WHERE tenant_id = %s AND kind = 'workflow'{chosen}"
        " ORDER BY started_at DESC, run_id DESC LIMIT %s"
    )
    given: list[Any] = [*(one for one in (workflow, state) if one), *(before or ())]
    await cursor.execute(statement.encode(), (scope.tenant_id, *given, limit))
    return await cursor.fetchall()


async def copy_steps(
    connection: Connection, scope: Scope, source: UUID, target: UUID, paths: Sequence[str]
) -> None:
    """Take over steps that are done, or failed and were handled, from another run."""
    await connection.execute(_COPY, (target, scope.tenant_id, source, list(paths)))


async def descendants(connection: Connection, scope: Scope, run_id: UUID) -> list[UUID]:
    """A run and the runs below it."""
    cursor = await connection.execute(_BELOW, {"tenant": scope.tenant_id, "run": run_id})
    return [row[0] for row in await cursor.fetchall()]


async def waking(connection: Connection, scope: Scope) -> list[UUID]:
    """Runs of the tenant whose time to go on has come."""
    cursor = await connection.execute(
        "SELECT run_id FROM agent_runs WHERE tenant_id = %s AND state = 'waiting' AND wake_at <= now() LIMIT 1000",
        (scope.tenant_id,),
    )
    return [row[0] for row in await cursor.fetchall()]


def as_json(value: Any) -> Any:
    """A value as it will be read back: dataclasses, models and dates as JSON, without zero characters, which no row holds."""
    from pydantic_core import from_json, to_json

    return from_json(to_json(value).replace(b"\\u0000", b""))
