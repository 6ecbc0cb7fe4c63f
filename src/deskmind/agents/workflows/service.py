"""``desk.workflows``: running workflows, and what became of their runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from deskmind.agents.jobs import check_room, defer_run, wake_run
from deskmind.agents.publishing import publish_run
from deskmind.agents.refusals import refusals_recorded
from deskmind.agents.store import RunRow, end_run, find_run
from deskmind.agents.workflows.driving import Replayed, drive, replay
from deskmind.agents.workflows.following import Told
from deskmind.agents.workflows.measuring import count_workflow
from deskmind.agents.workflows.queueing import queue_run
from deskmind.agents.workflows.records import (
    NewRun,
    add_workflow_run,
    copy_steps,
    descendants,
    find_workflow_runs,
    read_workflow_steps,
)
from deskmind.agents.workflows.room import WorkflowRoom
from deskmind.agents.workflows.run import (
    RunEvent,
    WorkflowInfo,
    WorkflowRun,
    WorkflowRunDetails,
    shown_run,
    shown_step,
)
from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.access.operation import streaming_operation
from deskmind.governance.audit import record
from deskmind.observability import correlation_id
from deskmind.scope import Scope

__all__ = ["Workflows"]

_OPEN = ("queued", "running", "waiting", "paused")
_PAUSE = """
UPDATE agent_runs SET pausing = state = 'running', state = CASE WHEN state = 'running' THEN state ELSE 'paused' END
 WHERE tenant_id = %s AND run_id = %s AND state IN ('queued', 'running', 'waiting') RETURNING state
"""
_GO_ON = """
UPDATE agent_runs SET state = 'queued', pausing = false WHERE tenant_id = %s AND run_id = %s AND state = 'paused'
"""
_UNDO = """
UPDATE agent_runs SET undoing = true, pausing = false, state = CASE WHEN state = 'paused' THEN 'queued' ELSE state END
 WHERE tenant_id = %s AND run_id = %s AND kind = 'workflow' AND state IN ('queued', 'running', 'waiting', 'paused')
"""
_LOOK = 0.5
"""Seconds between two looks at a run that is followed."""


class Workflows:
    """Runs of one principal's workflows; operators see those of all."""

    def __init__(self, database: Database, scope: Scope, room: WorkflowRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where runs are kept."""
        return self._database

    @operation(Permission.WORKFLOWS_READ)
    async def all(self) -> list[WorkflowInfo]:
        """The workflows that can be run, by name."""
        return [WorkflowInfo.of(one) for one in self._room.workflow_catalogue.all()]

    @operation(Permission.WORKFLOWS_RUN)
    async def run(
        self, name: str, given: Mapping[str, Any] | None = None, *, untrusted: bool = False
    ) -> WorkflowRun:
        """Run a workflow here, to its end or until it waits.

        Args:
            name: of the workflow.
            given: its input.
            untrusted: whether others wrote the input; then what the run writes needs approval.

        Raises:
            NotFoundError: there is no such workflow.
            InvalidRequestError: the input does not fit.
        """
        run_id = await self._begin(name, given or {}, untrusted=untrusted, queued=False)
        try:
            return shown_run(await drive(self._room, self._database, self._scope, run_id))
        except asyncio.CancelledError:  # whoever wanted it has gone
            await asyncio.shield(self._end(run_id))
            raise

    @operation(Permission.WORKFLOWS_RUN)
    async def start(
        self, name: str, given: Mapping[str, Any] | None = None, *, untrusted: bool = False
    ) -> UUID:
        """Have a worker run a workflow; the run's id. As ``run``, and:

        Raises:
            LimitExceededError: the tenant has ``agents.most_queued`` runs waiting.
        """
        return await self._begin(name, given or {}, untrusted=untrusted, queued=True)

    @operation(Permission.WORKFLOWS_RUN)
    async def resume(self, run_id: UUID) -> WorkflowRun:
        """Go on with a run here: one that waits, is paused or queued, or was left behind by a worker that is gone.

        Raises:
            NotFoundError: there is no such run.
            ConflictError: another worker has it, or it has ended.
        """
        async with self._refusals(run_id, "resume"):
            async with self._database.transaction(self._scope) as connection:
                await self._found(connection, run_id)
                await connection.execute(_GO_ON, (self._scope.tenant_id, run_id))
            return shown_run(await drive(self._room, self._database, self._scope, run_id))

    @operation(Permission.WORKFLOWS_RUN)
    async def unpause(self, run_id: UUID) -> None:
        """Have a worker go on with a run that is paused.

        Raises:
            NotFoundError: there is no such run.
            ConflictError: it is not paused.
        """
        async with (
            self._refusals(run_id, "unpause"),
            self._database.transaction(self._scope) as connection,
        ):
            row = await self._found(connection, run_id)
            cursor = await connection.execute(_GO_ON, (self._scope.tenant_id, run_id))
            if cursor.rowcount != 1:
                raise ConflictError("The run is not paused.", why=f"It is {row.state}.")
            await self._record(connection, row, "unpaused")
            await defer_run(connection, self._scope, run_id)

    @operation(Permission.WORKFLOWS_RUN)
    async def pause(self, run_id: UUID) -> None:
        """Begin no further step; the one under way is finished.

        Raises:
            NotFoundError: there is no such run.
            ConflictError: it has ended, or is paused already.
        """
        async with (
            self._refusals(run_id, "pause"),
            self._database.transaction(self._scope) as connection,
        ):
            row = await self._found(connection, run_id)
            cursor = await connection.execute(_PAUSE, (self._scope.tenant_id, run_id))
            state = await cursor.fetchone()
            if state is None:
                raise ConflictError("The run cannot be paused.", why=f"It is {row.state}.")
            await self._record(connection, row, "paused")
        if state[0] == "paused":  # a worker that has it counts it
            count_workflow("paused")

    @operation(Permission.WORKFLOWS_RUN)
    async def cancel(self, run_id: UUID, *, undo: bool = False) -> None:
        """End a run and the runs below it; no further step is begun.

        Args:
            run_id: of the run.
            undo: have a worker take back what the steps did that have an ``undo``, the last step's first; the run is
                ``cancelled`` when that is done. Otherwise nothing is taken back.

        Raises:
            NotFoundError: there is no such run.
            ConflictError: it has ended already.
        """
        async with (
            self._refusals(run_id, "cancel"),
            self._database.transaction(self._scope) as connection,
        ):
            row = await self._found(connection, run_id)
            if row.state not in _OPEN:
                raise ConflictError("The run has ended already.", why=f"It is {row.state}.")
            await self._record(connection, row, "undoing" if undo else "cancelled")
            if undo:
                await self._undo(connection, run_id)
            else:
                await self._cancel(connection, run_id)
                await publish_run(
                    connection, self._scope, run_id, "cancelled", kind="workflow", name=row.agent
                )
        if row.state != "running" and not undo:
            count_workflow("cancelled")

    @operation(Permission.WORKFLOWS_RUN)
    async def fork(self, run_id: UUID, step: int) -> UUID:
        """A new run of the same input that takes over the steps before one, and does that one and what follows anew.

        Args:
            run_id: of the run, in whatever state.
            step: number of a step of the run itself, from 1.

        Raises:
            NotFoundError: there is no such run.
            InvalidRequestError: it has not come to this step, or one before it is under way.
        """
        async with (
            self._refusals(run_id, "fork"),
            self._database.transaction(self._scope) as connection,
        ):
            row = await self._found(connection, run_id)
            rows = await read_workflow_steps(connection, self._scope, run_id)
            before = [one for one in rows if _number(one.path) < step and one.kind != "undo"]
            reached = {_number(one.path) for one in rows}
            if step not in reached or any(one.state == "running" for one in before):
                raise InvalidRequestError(
                    f"The run cannot be forked from step {step}.",
                    why="It has not come to this step, or one before it is under way.",
                    remedy=f"`deskmind runs show {run_id}` shows its steps.",
                )
            new = NewRun(
                uuid4(), row.agent, row.workflow_version, row.prompt, row.tainted, forked_from=run_id
            )
            await add_workflow_run(connection, self._scope, new, correlation_id())
            await copy_steps(connection, self._scope, run_id, new.run_id, [one.path for one in before])
            await self._record(connection, row, "queued", run=new.run_id, forked_from=str(run_id), step=step)
            await defer_run(connection, self._scope, new.run_id)
        return new.run_id

    @operation(Permission.WORKFLOWS_READ)
    async def replay(self, run_id: UUID, *, version: int | None = None) -> Replayed:
        """Run the workflow over a run's record, without doing, asking or writing anything: whether it still does the same.

        Args:
            run_id: of the run.
            version: of the workflow, instead of the run's: whether a new one could have done its steps.

        Raises:
            NotFoundError: there is no such run, or no such version.
            WorkflowChangedError: it does other steps than those recorded.
        """
        async with self._database.transaction(self._scope) as connection:
            row = await self._found(connection, run_id)
            await record(connection, self._scope, Permission.WORKFLOWS_READ, resource=f"runs/{run_id}")
        number = row.workflow_version if version is None else version
        known = self._room.workflow_catalogue.find(row.agent, number)
        if known is None:
            raise NotFoundError(f"Version {number} of the workflow '{row.agent}' is not known here.")
        return await replay(self._room, self._database, self._scope, run_id, known)

    @operation(Permission.WORKFLOWS_READ)
    async def runs(
        self,
        *,
        workflow: str | None = None,
        state: str | None = None,
        limit: int = 50,
        before: tuple[datetime, UUID] | None = None,
    ) -> list[WorkflowRun]:
        """The newest runs, newest first.

        Args:
            workflow: only those of the one of this name.
            state: only those in it.
            limit: at most this many, 1 to 1000.
            before: ``place`` of the last one of the previous page.

        Raises:
            InvalidRequestError: the limit is not 1 to 1000.
        """
        if not 1 <= limit <= 1000:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 1000.")
        async with self._database.transaction(self._scope) as connection:
            rows = await find_workflow_runs(
                connection, self._scope, workflow=workflow, state=state, limit=limit, before=before
            )
            await record(connection, self._scope, Permission.WORKFLOWS_READ, resource="runs", runs=len(rows))
            return [shown_run(row) for row in rows]

    @operation(Permission.WORKFLOWS_READ)
    async def show(self, run_id: UUID) -> WorkflowRunDetails:
        """A run with its steps.

        Raises:
            NotFoundError: there is no such run.
        """
        async with self._database.transaction(self._scope) as connection:
            await record(connection, self._scope, Permission.WORKFLOWS_READ, resource=f"runs/{run_id}")
            return await self._details(connection, run_id)

    @streaming_operation(Permission.WORKFLOWS_READ)
    async def events(self, run_id: UUID, *, after: str = "") -> AsyncIterator[RunEvent]:
        """What happened in a run, then what happens, until it has ended.

        Args:
            run_id: the run.
            after: ``place`` of an event, after which to go on.

        Raises:
            NotFoundError: there is no such run.
            InvalidRequestError: ``after`` is no place.
        """
        told = Told.after(after)
        async with self._database.transaction(self._scope) as connection:
            await record(connection, self._scope, Permission.WORKFLOWS_READ, resource=f"runs/{run_id}")
        while True:
            async with self._database.transaction(self._scope) as connection:
                found = await self._details(connection, run_id)
            for event in told.news(found):
                yield event
            if found.run.state not in _OPEN:
                return
            await asyncio.sleep(_LOOK)

    async def _begin(self, name: str, given: Mapping[str, Any], *, untrusted: bool, queued: bool) -> UUID:
        known = self._room.workflow_catalogue.newest(name)
        run_id = uuid4()
        async with self._database.transaction(self._scope) as connection:
            if queued:
                await check_room(connection, self._room.settings.agents.most_queued)
            await queue_run(
                connection, self._scope, known, given, run_id=run_id, untrusted=untrusted, deferred=queued
            )
        return run_id

    async def _end(self, run_id: UUID) -> None:
        async with self._database.transaction(self._scope) as connection:
            await self._cancel(connection, run_id)

    async def _cancel(self, connection: Connection, run_id: UUID) -> None:
        for one in await descendants(connection, self._scope, run_id):
            await end_run(connection, self._scope, one, _OPEN)

    async def _undo(self, connection: Connection, run_id: UUID) -> None:
        """Workflows take back what they did, agents below them end; whoever has the run sees it before its next step."""
        for one in await descendants(connection, self._scope, run_id):
            cursor = await connection.execute(_UNDO, (self._scope.tenant_id, one))
            if cursor.rowcount == 0:
                await end_run(connection, self._scope, one, _OPEN)
        await wake_run(connection, self._scope, run_id)

    async def _details(self, connection: Connection, run_id: UUID) -> WorkflowRunDetails:
        row = await self._found(connection, run_id)
        steps = await read_workflow_steps(connection, self._scope, run_id)
        return WorkflowRunDetails(shown_run(row), tuple(shown_step(one) for one in steps))

    async def _found(self, connection: Connection, run_id: UUID) -> RunRow:
        row = await find_run(connection, self._scope, run_id)
        if row is None or row.kind != "workflow":
            raise NotFoundError(
                f"There is no run {run_id} of a workflow.",
                why="It does not exist, or it is another user's.",
                run=str(run_id),
            )
        return row

    def _refusals(self, run_id: UUID, act: str) -> AbstractAsyncContextManager[None]:
        return refusals_recorded(self._database, self._scope, Permission.WORKFLOWS_RUN, f"runs/{run_id}", act)

    async def _record(
        self, connection: Connection, row: RunRow, state: str, *, run: UUID | None = None, **facts: Any
    ) -> None:
        await record(
            connection,
            self._scope,
            Permission.WORKFLOWS_RUN,
            resource=f"runs/{run or row.run_id}",
            workflow=row.agent,
            state=state,
            **facts,
        )


def _number(path: str) -> int:
    """Of the step of the run itself that a place belongs to."""
    return int(path.partition(".")[0])
