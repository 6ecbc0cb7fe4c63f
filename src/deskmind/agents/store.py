"""Rows of runs: adding, taking, reading."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from deskmind.agents.limits import Used
from deskmind.agents.run import Definition, Effected, Run, Step
from deskmind.database import Connection, Database
from deskmind.scope import OPERATOR, Scope

__all__ = [
    "RUN_COLUMNS",
    "RunRow",
    "add_run",
    "beginning",
    "end_run",
    "find_run",
    "give_up",
    "lease_left",
    "list_runs",
    "owner_of",
    "queue_run",
    "read_effects",
    "read_steps",
    "root_of",
    "run_versions",
    "take_run",
    "view_of",
]

RUN_COLUMNS = (
    "run_id, principal_id, agent_id, key_id, agent, definition, prompt, untrusted, state, tainted, epoch, problem, remedy,"
    " output, steps, tool_calls, tokens, cost, seconds, correlation_id, started_at, ended_at, kind, workflow_version, parent_id,"
    " forked_from, wake_at"
)
_ADD = """
INSERT INTO agent_runs (tenant_id, run_id, principal_id, agent_id, key_id, agent, definition, prompt, untrusted, state,
                        tainted, correlation_id, parent_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'queued', %s, %s, %s)
"""
_BEGIN = """
INSERT INTO agent_runs (tenant_id, run_id, principal_id, agent_id, key_id, agent, definition, prompt, untrusted, state,
                        tainted, correlation_id, epoch, lease_until)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid, $6, $7::jsonb, $8, $9, 'running', $9 <> '', $10, 1,
        clock_timestamp() + make_interval(secs => $11::float8))
RETURNING to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
"""
_TAKE = f"""
UPDATE agent_runs
   SET epoch = epoch + 1, state = 'running', problem = '', remedy = '', ended_at = NULL, wake_at = NULL, wanted_at = NULL,
       lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE tenant_id = %(tenant)s AND run_id = %(run)s
   AND (state IN ('queued', 'waiting') OR state = 'failed' AND remedy = 'retry'
        OR state = 'running' AND lease_until < clock_timestamp())
RETURNING {RUN_COLUMNS}
"""
_QUEUE = f"""
UPDATE agent_runs
   SET state = CASE WHEN state = 'running' THEN state ELSE 'queued' END, problem = '', remedy = '', ended_at = NULL
 WHERE tenant_id = %(tenant)s AND run_id = %(run)s AND kind = 'agent'
   AND (state IN ('queued', 'waiting') OR state = 'failed' AND remedy = 'retry'
        OR state = 'running' AND lease_until < clock_timestamp())
RETURNING {RUN_COLUMNS}
"""
"""A run that a worker left behind stays as it is: should that one still live, it finds out by its lease."""
_ABOVE = """
WITH RECURSIVE above AS (
    SELECT run_id, parent_id FROM agent_runs WHERE tenant_id = %(tenant)s AND run_id = %(run)s
    UNION ALL SELECT r.run_id, r.parent_id FROM agent_runs r JOIN above a ON r.run_id = a.parent_id
     WHERE r.tenant_id = %(tenant)s)
SELECT run_id FROM above WHERE parent_id IS NULL
"""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of ``agent_runs``."""

    run_id: UUID
    principal_id: UUID | None
    agent_id: UUID | None
    key_id: UUID | None
    agent: str
    definition: Mapping[str, Any]
    prompt: str
    untrusted: str
    state: Any
    tainted: bool
    epoch: int
    problem: str
    remedy: str
    output: Any
    steps: int
    tool_calls: int
    tokens: int
    cost: Decimal
    seconds: float
    correlation_id: str
    started_at: datetime
    ended_at: datetime | None
    kind: Literal["agent", "workflow"]
    workflow_version: int
    parent_id: UUID | None
    forked_from: UUID | None
    wake_at: datetime | None

    @property
    def used(self) -> Used:
        """What it has used so far."""
        return Used(self.steps, self.tool_calls, self.tokens, self.cost, self.seconds)


def view_of(row: RunRow) -> Run[Any]:
    """The run as it is shown."""
    return Run(
        row.run_id,
        row.agent,
        row.state,
        row.output["value"] if row.output is not None else None,
        row.problem,
        row.remedy,
        row.tainted,
        row.steps,
        row.tool_calls,
        row.tokens,
        row.cost,
        row.seconds,
        row.started_at,
        row.ended_at,
        row.principal_id,
    )


def owner_of(scope: Scope) -> UUID | None:
    """Whose rows a scope's are; None for the operator's."""
    return None if scope.principal_id == OPERATOR else scope.principal_id


async def add_run(
    connection: Connection,
    scope: Scope,
    run_id: UUID,
    definition: Definition,
    prompt: str,
    untrusted: str,
    correlation_id: str,
    *,
    parent_id: UUID | None = None,
    tainted: bool = False,
) -> None:
    """A new run, queued; ``tainted`` where its prompt holds text that others wrote."""
    what = (prompt, untrusted, tainted or bool(untrusted), correlation_id)
    await connection.execute(_ADD, (*_who(scope, run_id, definition), *what, parent_id))


@asynccontextmanager
async def beginning(
    database: Database,
    scope: Scope,
    run_id: UUID,
    definition: Definition,
    prompt: str,
    untrusted: str,
    correlation_id: str,
    *,
    lease: float,
) -> AsyncGenerator[tuple[Connection, RunRow]]:
    """A transaction that begins with a new run, taken at once for ``lease`` seconds, and its row."""
    owner = owner_of(scope)
    agent = scope.agent.principal_id if scope.agent is not None else None
    described = definition.as_dict()
    ids = (scope.tenant_id, run_id, owner, agent, scope.key_id)
    told = (definition.name, json.dumps(described), prompt, untrusted, correlation_id, repr(lease))
    values = [*(None if one is None else str(one) for one in ids), *told]
    async with database.transaction(scope, (_BEGIN, values)) as connection:
        started = datetime.fromisoformat(str(connection.first[0][0])).replace(tzinfo=UTC)
        row = RunRow(
            run_id=run_id,
            principal_id=owner,
            agent_id=agent,
            key_id=scope.key_id,
            agent=definition.name,
            definition=json.loads(told[1]),
            prompt=prompt,
            untrusted=untrusted,
            state="running",
            tainted=bool(untrusted),
            epoch=1,
            problem="",
            remedy="",
            output=None,
            steps=0,
            tool_calls=0,
            tokens=0,
            cost=Decimal(0),
            seconds=0.0,
            correlation_id=correlation_id,
            started_at=started,
            ended_at=None,
            kind="agent",
            workflow_version=0,
            parent_id=None,
            forked_from=None,
            wake_at=None,
        )
        yield connection, row


def _who(scope: Scope, run_id: UUID, definition: Definition) -> tuple[Any, ...]:
    agent = scope.agent.principal_id if scope.agent is not None else None
    whose = (scope.tenant_id, run_id, owner_of(scope), agent, scope.key_id)
    return (*whose, definition.name, Jsonb(definition.as_dict()))


async def take_run(connection: Connection, scope: Scope, run_id: UUID, lease: float) -> RunRow | None:
    """Take a run that nobody has: under a new epoch, for ``lease`` seconds; None where it cannot be taken."""
    cursor = connection.cursor(row_factory=class_row(RunRow))
    await cursor.execute(_TAKE.encode(), {"lease": lease, "tenant": scope.tenant_id, "run": run_id})
    return await cursor.fetchone()


async def queue_run(connection: Connection, scope: Scope, run_id: UUID) -> RunRow | None:
    """Have an agent's run that nobody has wait for a worker; None where it has ended or somebody has it."""
    cursor = connection.cursor(row_factory=class_row(RunRow))
    await cursor.execute(_QUEUE.encode(), {"tenant": scope.tenant_id, "run": run_id})
    return await cursor.fetchone()


async def find_run(connection: Connection, scope: Scope, run_id: UUID) -> RunRow | None:
    """One run that the scope may see."""
    cursor = connection.cursor(row_factory=class_row(RunRow))
    statement = f"SELECT {RUN_COLUMNS} FROM agent_runs WHERE tenant_id = %s AND run_id = %s"
    await cursor.execute(statement.encode(), (scope.tenant_id, run_id))
    return await cursor.fetchone()


async def list_runs(
    connection: Connection,
    scope: Scope,
    state: str | None,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> list[Run[Any]]:
    """The newest runs of agents that the scope may see, newest first, from ``before`` a place on."""
    cursor = connection.cursor(row_factory=class_row(RunRow))
    chosen = " AND kind = 'agent'" + (" AND state = %s" if state else "")
    chosen += " AND (started_at, run_id) < (%s, %s)" if before else ""
    statement = (
        f"SELECT {RUN_COLUMNS} FROM agent_runs WHERE tenant_id = %s{chosen}"
        " ORDER BY started_at DESC, run_id DESC LIMIT %s"
    )
    given = [*([state] if state else []), *(before or ())]
    await cursor.execute(statement.encode(), (scope.tenant_id, *given, limit))
    return [view_of(row) for row in await cursor.fetchall()]


async def run_versions(connection: Connection, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, str]:
    """What changes whenever a run goes a step on, of those that the scope may see."""
    cursor = await connection.execute(
        "SELECT run_id, state, epoch, steps FROM agent_runs WHERE tenant_id = %s AND run_id = ANY(%s)",
        (scope.tenant_id, list(ids)),
    )
    return {found: f"{state}:{epoch}:{steps}" for found, state, epoch, steps in await cursor.fetchall()}


async def end_run(connection: Connection, scope: Scope, run_id: UUID, states: tuple[str, ...]) -> bool:
    """Cancel a run that is in one of these states."""
    cursor = await connection.execute(
        "UPDATE agent_runs SET state = 'cancelled', ended_at = now(), lease_until = NULL"
        " WHERE tenant_id = %s AND run_id = %s AND state = ANY (%s)",
        (scope.tenant_id, run_id, list(states)),
    )
    return cursor.rowcount == 1


async def give_up(connection: Connection, scope: Scope, run_id: UUID, problem: str) -> bool:
    """End a run that may not go on, unless a worker has it."""
    cursor = await connection.execute(
        "UPDATE agent_runs SET state = 'failed', problem = %s, remedy = 'stop', ended_at = now(), lease_until = NULL"
        " WHERE tenant_id = %s AND run_id = %s"
        " AND (state IN ('queued', 'waiting') OR state = 'running' AND lease_until < now())",
        (problem, scope.tenant_id, run_id),
    )
    return cursor.rowcount == 1


async def lease_left(connection: Connection, scope: Scope, run_id: UUID) -> float:
    """Seconds for which nobody else can take a run, unless whoever has it holds it on; 0 where nobody has it."""
    cursor = await connection.execute(
        "SELECT greatest(extract(epoch FROM lease_until - clock_timestamp()), 0)::float8 FROM agent_runs"
        " WHERE tenant_id = %s AND run_id = %s",
        (scope.tenant_id, run_id),
    )
    row = await cursor.fetchone()
    return row[0] or 0.0 if row is not None else 0.0


async def root_of(connection: Connection, scope: Scope, run_id: UUID) -> UUID:
    """The run that nobody's step is, above this one or itself."""
    cursor = await connection.execute(_ABOVE, {"tenant": scope.tenant_id, "run": run_id})
    row = await cursor.fetchone()
    return run_id if row is None else row[0]


async def read_steps(connection: Connection, scope: Scope, run_id: UUID) -> list[Step]:
    """The transcript, in order."""
    cursor = connection.cursor(row_factory=class_row(Step))
    await cursor.execute(
        "SELECT position, kind, tool, outcome, content, at, call_id FROM agent_steps"
        " WHERE tenant_id = %s AND run_id = %s ORDER BY position",
        (scope.tenant_id, run_id),
    )
    return await cursor.fetchall()


async def read_effects(connection: Connection, scope: Scope, run_id: UUID) -> list[Effected]:
    """The writes of a run, in the order they were claimed."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        "SELECT call_id, tool, state FROM agent_effects WHERE tenant_id = %s AND run_id = %s ORDER BY claimed_at",
        (scope.tenant_id, run_id),
    )
    return [Effected(**row) for row in await cursor.fetchall()]
