"""Going on with a workflow's run: from its first step that is not recorded, to its end or until it waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.agents.journal import Journal
from deskmind.agents.publishing import publish_run
from deskmind.agents.store import RunRow, find_run
from deskmind.agents.workflows.flow import Flow
from deskmind.agents.workflows.measuring import count_step, count_workflow
from deskmind.agents.workflows.parties import Parties
from deskmind.agents.workflows.recording import Parked, RecordEnded, Recorder, Undoing
from deskmind.agents.workflows.records import StepRow, as_json, read_workflow_steps
from deskmind.agents.workflows.room import WorkflowRoom
from deskmind.agents.workflows.workflow import Workflow
from deskmind.database import Connection, Database
from deskmind.errors import (
    AgentCancelledError,
    DeskmindError,
    LeaseLostError,
    NotFoundError,
    StepFailedError,
    WorkflowChangedError,
)
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.observability import logger
from deskmind.scope import Scope

__all__ = ["Replayed", "drive", "replay"]

_log = logger("deskmind.workflows")
_WAITS = """
UPDATE agent_runs SET wake_at = %s, pausing = false, state = CASE WHEN pausing OR %s THEN 'paused' ELSE state END
 WHERE tenant_id = %s AND run_id = %s RETURNING state
"""


@dataclass(frozen=True, slots=True)
class _End:
    """How a run left the process: its state, and what goes with it."""

    state: str
    output: Any = None
    problem: str = ""
    remedy: str = ""
    wake_at: datetime | None = None
    paused: bool = False


_CANCELLED = _End("cancelled")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to.

    Attributes:
        steps: recorded steps that were passed.
        complete: whether the workflow came to its end by what is recorded.
        output: then.
    """

    steps: int
    complete: bool
    output: Any = None


async def drive(room: WorkflowRoom, database: Database, scope: Scope, run_id: UUID) -> RunRow:
    """Go on with a run; its row afterwards.

    Raises:
        ConflictError: another worker has it, or it has ended.
        NotFoundError: there is no such run, or its workflow is not known in this version.
        LeaseLostError: another worker has taken it over meanwhile.
    """
    row = await _row(database, scope, run_id)
    workflow = room.workflow_catalogue.find(row.agent, row.workflow_version)
    if workflow is None:
        raise NotFoundError(
            f"Version {row.workflow_version} of the workflow '{row.agent}' is not known here.",
            why="A run ends under the version it began with.",
            remedy="Register that version too until its runs have ended.",
        )
    parties = Parties(room.desk_of(scope), room, lambda child: drive(room, database, scope, child))
    lease = room.settings.agents.lease_seconds
    journal = await Journal.take(database, scope, run_id, lease=lease, emit=parties.heard)
    recorder = Recorder(run_id, await _steps(database, scope, run_id), journal)
    try:
        end = await journal.while_held(_ended(workflow, journal, recorder, parties))
        state = await _close(journal, end)
        if not state:
            end = await journal.while_held(_taken_back(journal, recorder, parties, _CANCELLED))
            state = await _close(journal, end)
    except AgentCancelledError:
        count_workflow("cancelled")
        return await _row(database, scope, run_id)
    except (
        BaseException
    ):  # another has it, or this process is ending: somebody goes on when the lease is over
        count_workflow("lost")
        raise
    count_workflow(state)
    return await _row(database, scope, run_id)


async def replay(
    room: WorkflowRoom, database: Database, scope: Scope, run_id: UUID, workflow: Workflow
) -> Replayed:
    """Run a workflow over the record of a run: nothing is done, asked or written.

    Raises:
        WorkflowChangedError: it does not do what is recorded.
    """
    row = await _row(database, scope, run_id)
    recorder = Recorder(run_id, await _steps(database, scope, run_id), None)
    parties = Parties(room.desk_of(scope), room, lambda child: drive(room, database, scope, child))
    try:
        output = await workflow.run(Flow(recorder, parties), row.prompt)
    except (RecordEnded, StepFailedError):
        return Replayed(len(recorder.visited & recorder.rows.keys()), complete=False)
    recorder.check_all_passed()
    return Replayed(len(recorder.visited), complete=True, output=output)


async def _ended(workflow: Workflow, journal: Journal, recorder: Recorder, parties: Parties) -> _End:
    try:
        output = await workflow.run(Flow(recorder, parties), journal.row.prompt)
        recorder.check_all_passed()
        return _End("done", output=as_json(output))
    except Parked as parked:
        return _End("waiting", wake_at=parked.wake_at, paused=parked.paused)
    except (AgentCancelledError, LeaseLostError):
        raise
    except Undoing:
        end = _CANCELLED
    except WorkflowChangedError as error:  # what was done may be needed yet: nothing is taken back
        return _End("failed", problem=error.code, remedy="stop")
    except Exception as error:
        if not isinstance(error, DeskmindError):
            _log.warning("workflows.failed", run=str(journal.run_id), exc_info=error)
        problem = error.code if isinstance(error, DeskmindError) else "internal"
        end = _CANCELLED if recorder.undoing else _End("failed", problem=problem, remedy="stop")
    return await _taken_back(journal, recorder, parties, end)


async def _taken_back(journal: Journal, recorder: Recorder, parties: Parties, end: _End) -> _End:
    """Take back what the steps did that can be, the last first; how the run ends then."""
    recorder.taking_back, journal.ending = True, False
    flow = Flow(recorder, parties)
    try:
        for place, undo, value in reversed(parties.undos):
            await flow.undo(place, undo, value)
            count_step("undone")
    except Parked as parked:
        return _End("waiting", wake_at=parked.wake_at, paused=parked.paused)
    except StepFailedError:
        return _End("failed", problem="undo-failed", remedy="ask")
    return end


async def _close(journal: Journal, end: _End) -> str:
    """Give the run back; the state it is in. Empty, with nothing done, where it is done but is to be taken back."""
    scope, state = journal.scope, end.state
    async with journal.writing() as connection:
        if state == "done" and await _to_undo(connection, scope, journal.run_id):
            return ""
        await journal.end(connection, state, output=end.output, problem=end.problem, remedy=end.remedy)
        if state == "waiting":
            cursor = await connection.execute(
                _WAITS, (end.wake_at, end.paused, scope.tenant_id, journal.run_id)
            )
            row = await cursor.fetchone()
            state = str(row[0]) if row is not None else state
        await record(
            connection,
            scope,
            Permission.WORKFLOWS_RUN,
            resource=f"runs/{journal.run_id}",
            outcome="failed" if state == "failed" else "done",
            workflow=journal.row.agent,
            state=state,
            problem=end.problem,
            tokens=journal.used.tokens,
            cost=str(journal.used.cost),
        )
        await publish_run(
            connection,
            scope,
            journal.run_id,
            state,
            kind="workflow",
            name=journal.row.agent,
            problem=end.problem,
        )
    return state


async def _to_undo(connection: Connection, scope: Scope, run_id: UUID) -> bool:
    """Whether the run was cancelled, its last step being under way. It cannot be until the transaction ends."""
    cursor = await connection.execute(
        "SELECT undoing FROM agent_runs WHERE tenant_id = %s AND run_id = %s FOR UPDATE",
        (scope.tenant_id, run_id),
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def _row(database: Database, scope: Scope, run_id: UUID) -> RunRow:
    async with database.transaction(scope) as connection:
        row = await find_run(connection, scope, run_id)
    if row is None or row.kind != "workflow":
        raise NotFoundError(
            f"There is no run {run_id} of a workflow.",
            why="It does not exist, or it is another user's.",
            run=str(run_id),
        )
    return row


async def _steps(database: Database, scope: Scope, run_id: UUID) -> list[StepRow]:
    async with database.transaction(scope) as connection:
        return await read_workflow_steps(connection, scope, run_id)
