"""Runs as jobs: queued with their row, taken up by any worker, and again when that one is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from deskmind.agents.proposals import expire_proposals, find_proposal
from deskmind.agents.publishing import publish_proposal, publish_run
from deskmind.agents.refusals import taken_from_the_queue
from deskmind.agents.room import AgentRoom
from deskmind.agents.store import RunRow, find_run, give_up, lease_left, root_of
from deskmind.database import Connection, Database
from deskmind.errors import (
    ConflictError,
    LeaseLostError,
    LimitExceededError,
    PermissionDeniedError,
    PrincipalNotFoundError,
    WorkerDiedError,
)
from deskmind.governance.access.principals import Principals
from deskmind.jobs import defer
from deskmind.observability import logger
from deskmind.scope import OPERATOR, Scope

__all__ = [
    "AGENTS_QUEUE",
    "AGENTS_TASK",
    "check_room",
    "defer_run",
    "give_up_run",
    "recover",
    "run_job",
    "scope_of_run",
    "wake_run",
]

_log = logger("deskmind.agents")
AGENTS_QUEUE = "agents"
AGENTS_TASK = "agents.run"
_TRY_AGAIN = 30
_OVER = ("done", "failed", "cancelled", "paused")


async def defer_run(connection: Connection, scope: Scope, run_id: UUID) -> None:
    """Have a worker go on with a run, once the caller's transaction stands."""
    arguments = {"tenant_id": str(scope.tenant_id), "run_id": str(run_id)}
    await defer(connection, AGENTS_QUEUE, AGENTS_TASK, f"agent:{run_id}", arguments)


async def wake_run(connection: Connection, scope: Scope, run_id: UUID) -> None:
    """Have a worker go on with a run that waited: the row says so until one has it, so that no lost job keeps it waiting."""
    await connection.execute(
        "UPDATE agent_runs SET wanted_at = clock_timestamp() WHERE tenant_id = %s AND run_id = %s",
        (scope.tenant_id, run_id),
    )
    await defer_run(connection, scope, run_id)


async def check_room(connection: Connection, most: int) -> None:
    """See that the tenant has not too many runs queued already. O(queued runs, ``most`` at most).

    Raises:
        LimitExceededError: it has.
    """
    cursor = await connection.execute("SELECT agents_queued(%s)", (most,))
    row = await cursor.fetchone()
    if row is not None and row[0] >= most:
        raise LimitExceededError(
            "Too many runs wait for a worker.",
            why=f"agents.most_queued is {most:,}.",
            remedy="Try again when some are done, or run more workers.",
            limit="agents.most_queued",
            retry_after=_TRY_AGAIN,
        )


async def run_job(room: AgentRoom, database: Database, arguments: Mapping[str, str]) -> None:
    """Go on with a run, as the user whose run it is; with the workflow's run whose step it is, where it is one.

    Raises:
        ConflictError: another worker still has it; the job is tried again, once the lease is over (``retry_after``).
        NotFoundError: it is a workflow's whose version is not known here; the job is tried again, by another worker perhaps.
    """
    worker = Scope.operator(UUID(arguments["tenant_id"]), "", "worker")
    async with database.transaction(worker) as connection:
        run_id = await root_of(connection, worker, UUID(arguments["run_id"]))
        row = await find_run(connection, worker, run_id)
        cursor = await connection.execute(
            "SELECT slug FROM tenants WHERE tenant_id = %s", (worker.tenant_id,)
        )
        tenant = await cursor.fetchone()
    if row is None or tenant is None or _over(row):
        return
    if unknown := sorted(set(row.definition["tools"]) - set(room.agent_tools)):
        _log.warning("agents.unknown_tool", tool=unknown[0], run=str(run_id))
        return  # left to whoever has the tool, such as the process that began the run
    worker = replace(worker, tenant=tenant[0])
    try:
        scope = await scope_of_run(database, worker, row)
        desk = room.desk_of(scope)
        with taken_from_the_queue(f"runs/{run_id}"):
            await (desk.workflows if row.kind == "workflow" else desk.agents).resume(run_id)
    except (PermissionDeniedError, PrincipalNotFoundError) as error:
        async with database.transaction(worker) as connection:
            if await give_up(connection, worker, run_id, error.code):
                told = {"kind": row.kind, "name": row.agent, "problem": error.code}
                await publish_run(connection, worker, run_id, "failed", **told)
    except LeaseLostError:
        return  # whoever has it goes on
    except ConflictError as error:
        async with database.transaction(worker) as connection:
            row = await find_run(connection, worker, run_id)
            left = await lease_left(connection, worker, run_id)
        if row is not None and not _over(row):
            if left:
                error.details["retry_after"] = left
            raise


async def give_up_run(database: Database, arguments: Mapping[str, str]) -> None:
    """End a run whose workers died of it; else it would be found left behind, and queued again, each minute.

    Raises:
        ConflictError: somebody has it, or its lease is not over yet.
    """
    worker = Scope.operator(UUID(arguments["tenant_id"]), "", "worker")
    async with database.transaction(worker) as connection:
        run_id = await root_of(connection, worker, UUID(arguments["run_id"]))
        row = await find_run(connection, worker, run_id)
        if row is None or row.state not in ("queued", "running"):
            return
        if not await give_up(connection, worker, run_id, WorkerDiedError.code):
            raise ConflictError("The run is held.", why="Its lease is not over.", remedy="Look again.")
        told = {"kind": row.kind, "name": row.agent, "problem": WorkerDiedError.code}
        await publish_run(connection, worker, run_id, "failed", **told)


def _over(row: RunRow) -> bool:
    """Whether nobody is to go on with it; what failed for something that may be over is tried again, as often as jobs are."""
    return row.state in _OVER and (row.state, row.remedy) != ("failed", "retry")


async def recover(database: Database, worker: Scope, left: Sequence[UUID]) -> None:
    """Queue what nobody works on although somebody should, and what waited for an answer that will not come."""
    async with database.transaction(worker) as connection:
        for run_id in left:
            await defer_run(connection, worker, run_id)
        expired = await expire_proposals(connection, worker)
        for proposal_id, _ in expired:
            found = await find_proposal(connection, worker, proposal_id=proposal_id)
            if found is not None:
                await publish_proposal(connection, worker, "expired", found)
        for run_id in {run_id for _, run_id in expired}:
            await wake_run(connection, worker, run_id)


async def scope_of_run(database: Database, worker: Scope, row: RunRow) -> Scope:
    """The scope the run was begun in: the user's, bounded by the key and the agent that acted in its place."""
    people = Principals(database, worker)
    scope = worker if row.principal_id is None else await people.scope_of(principal_id=row.principal_id)
    scope = replace(scope, key_id=row.key_id)
    if row.agent_id is None:
        return scope
    agent = worker if row.agent_id == OPERATOR else await people.scope_of(principal_id=row.agent_id)
    scope = replace(scope, agent=agent)
    return scope if agent.act == "operate" else replace(scope, act="desk", role="member")
