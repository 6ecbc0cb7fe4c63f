"""Steps are recorded: what is done is not done again, and a run that meets other steps than the recorded ones is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from deskmind.agents.calling import WaitingForPerson
from deskmind.agents.failures import remedy_of
from deskmind.agents.journal import Journal
from deskmind.agents.store import owner_of
from deskmind.agents.workflows.measuring import count_step
from deskmind.agents.workflows.records import StepKind, StepRow
from deskmind.database import Connection
from deskmind.errors import (
    AgentCancelledError,
    DeskmindError,
    InvalidRequestError,
    LeaseLostError,
    StepFailedError,
    WorkflowChangedError,
)
from deskmind.observability import logger, span

__all__ = ["Made", "Parked", "Place", "RecordEnded", "Recorder", "Undoing", "call_of"]

_log = logger("deskmind.workflows")
_LONGEST_PAUSE = 60.0
_BEGIN = """
INSERT INTO workflow_steps (tenant_id, run_id, path, principal_id, epoch, name, kind, state, child_id, value)
VALUES (%s, %s, %s, %s, %s, %s, %s, 'running', %s, %s)
ON CONFLICT (tenant_id, run_id, path) DO UPDATE SET epoch = excluded.epoch
RETURNING (SELECT CASE WHEN r.undoing THEN 'undoing' WHEN r.pausing THEN 'pausing' END FROM agent_runs r
            WHERE r.tenant_id = workflow_steps.tenant_id AND r.run_id = workflow_steps.run_id)
"""
_CLAIMED = """
SELECT 1 FROM agent_effects WHERE tenant_id = %s AND run_id = %s AND call_id = %s AND state <> 'absent'
"""
_AGAIN = "UPDATE workflow_steps SET attempts = %s WHERE tenant_id = %s AND run_id = %s AND path = %s"
_FINISH = """
UPDATE workflow_steps SET state = %s, value = %s, problem = %s, reason = %s, ended_at = clock_timestamp()
 WHERE tenant_id = %s AND run_id = %s AND path = %s
"""


class Parked(BaseException):
    """The run ends here for now: it waits for a person or a time, or is paused. Not an error, so that no step handles it."""

    def __init__(self, *, wake_at: datetime | None = None, paused: bool = False) -> None:
        self.wake_at = wake_at
        self.paused = paused
        super().__init__()


class Undoing(BaseException):
    """The run is cancelled, and what its steps did is to be taken back. As ``Parked``, no error."""


class RecordEnded(BaseException):
    """A replay has come to what was not recorded."""


@dataclass(frozen=True, slots=True)
class Place:
    """A step before it is done.

    Attributes:
        path: where in the run.
        name: what it is called.
        timeout: seconds that one try may take.
        retries: further tries, after errors that may be over later.
        pause: seconds before the first of them, doubled each time up to a minute.
        untrusted: whether what it gives is text that others wrote.
    """

    path: str
    name: str
    kind: StepKind
    timeout: float | None = None
    retries: int = 0
    pause: float = 1.0
    untrusted: bool = False

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > 100 or not self.name.isprintable():
            raise InvalidRequestError("A step's name has 1 to 100 printable characters.")


@dataclass(frozen=True, slots=True)
class Made:
    """What a step gave: a value that JSON can hold, whether others wrote it, and what it cost."""

    value: Any
    tainted: bool = False
    tokens: int = 0
    cost: Decimal = Decimal(0)


Act = Callable[[UUID | None], Awaitable[Made]]


class Recorder:
    """The record of one run. Without a journal it only reads: for a replay.

    Attributes:
        rows: by place.
        visited: places that this run has passed.
        undoing: whether the run was cancelled and takes back what it did.
        taking_back: whether it has begun to.
    """

    def __init__(self, run_id: UUID, rows: Sequence[StepRow], journal: Journal | None) -> None:
        self.run_id = run_id
        self.rows = {row.path: row for row in rows}
        self.visited: set[str] = set()
        self.undoing = False
        self.taking_back = False
        self._journal = journal

    @property
    def journal(self) -> Journal:
        """The run, taken.

        Raises:
            RecordEnded: this is a replay.
        """
        if self._journal is None:
            raise RecordEnded
        return self._journal

    async def recorded(self, place: Place, act: Act) -> Any:
        """The value of a step: as it is recorded, else as it is made now.

        Raises:
            StepFailedError: it failed, now or when it was recorded.
            WorkflowChangedError: another step is recorded here.
        """
        row = self.known(place)
        if row is not None and row.state == "done":
            return row.value["value"]
        child_id = row.child_id if row is not None else None
        if child_id is None and place.kind in ("agent", "workflow"):
            child_id = uuid4()
        await self.begin(place, child_id)
        with span(f"step {place.name}"):
            made = await self._made(place, act, child_id, 1 if row is None else row.attempts)
        await self.finish(place, made)
        return made.value

    def known(self, place: Place) -> StepRow | None:
        """The row at a place, which the run now passes.

        Raises:
            StepFailedError: it failed.
            WorkflowChangedError: it is of another step.
        """
        self.visited.add(place.path)
        row = self.rows.get(place.path)
        if row is None:
            return None
        if (row.name, row.kind) != (place.name, place.kind):
            raise WorkflowChangedError(
                f"Step {place.path} was '{row.name}' ({row.kind}) and is now '{place.name}' ({place.kind}).",
                why="The workflow was changed under its version, or does not do the same with the same recorded steps.",
                remedy="Register the changed workflow under a new version; take times and random values from steps.",
                step=place.path,
            )
        if row.state == "failed":
            raise _failure(place, row.problem, row.reason)
        return row

    def check_all_passed(self) -> None:
        """See that the run passed every step that was recorded as done.

        Raises:
            WorkflowChangedError: it left one out.
        """
        left = sorted(
            path for path, row in self.rows.items() if path not in self.visited and row.kind != "undo"
        )
        if left:
            row = self.rows[left[0]]
            raise WorkflowChangedError(
                f"The run ended without step {row.path}, '{row.name}', which is recorded.",
                why="The workflow was changed under its version, or does not do the same with the same recorded steps.",
                remedy="Register the changed workflow under a new version.",
                step=row.path,
            )

    async def begin(self, place: Place, child_id: UUID | None = None, value: Any = None) -> None:
        """Write down that a step begins.

        Raises:
            Parked: the run is to be paused.
            Undoing: it was cancelled, and the step has not begun what must be known first.
        """
        journal = self.journal
        scope = journal.scope
        values = (scope.tenant_id, self.run_id, place.path, owner_of(scope), journal.row.epoch)
        kept = None if value is None else Jsonb({"value": value})
        async with journal.writing() as connection:
            cursor = await connection.execute(_BEGIN, (*values, place.name, place.kind, child_id, kept))
            row = await cursor.fetchone()
            match row[0] if row is not None else None:
                case "pausing":
                    raise Parked(paused=True)
                case "undoing" if not self.taking_back:
                    self.undoing = journal.ending = True
                    if not await self._under_way(connection, place):
                        raise Undoing
                case _:
                    pass

    async def _under_way(self, connection: Connection, place: Place) -> bool:
        """Whether the step may have done what has to be taken back: a run below it, a write that was claimed."""
        row = self.rows.get(place.path)
        if row is None or place.kind not in ("workflow", "tool"):
            return False
        scope = self.journal.scope
        call = (scope.tenant_id, self.run_id, call_of(place.path))
        cursor = await connection.execute(_CLAIMED, call)
        return place.kind == "workflow" or await cursor.fetchone() is not None

    async def finish(self, place: Place, made: Made) -> None:
        """Write down what a step gave."""
        journal = self.journal
        journal.used.tokens += made.tokens
        journal.used.cost += made.cost
        async with journal.writing(tainted=made.tainted or place.untrusted) as connection:
            await self._ended(connection, place, "done", Jsonb({"value": made.value}), "", "")
        count_step("done")

    async def _made(self, place: Place, act: Act, child_id: UUID | None, attempt: int) -> Made:
        while True:
            try:
                async with asyncio.timeout(place.timeout):
                    return await act(child_id)
            except (AgentCancelledError, LeaseLostError, WorkflowChangedError):
                raise
            except WaitingForPerson:
                raise Parked from None
            except Exception as error:
                if attempt > place.retries or not _may_be_over(error):
                    raise await self._fail(place, error) from error
            count_step("retried")
            await asyncio.sleep(min(place.pause * 2 ** (attempt - 1), _LONGEST_PAUSE))
            attempt += 1
            async with self.journal.writing() as connection:
                tenant = self.journal.scope.tenant_id
                await connection.execute(_AGAIN, (attempt, tenant, self.run_id, place.path))

    async def _fail(self, place: Place, error: Exception) -> StepFailedError:
        if isinstance(error, StepFailedError):  # of a step inside this one, such as a child's
            problem, reason = str(error.details.get("problem", error.code)), error.what
        elif isinstance(error, DeskmindError):
            problem, reason = error.code, error.what
        elif isinstance(error, TimeoutError):
            problem, reason = "step-timeout", "It took too long."
        else:
            _log.warning("workflows.step_failed", run=str(self.run_id), exc_info=error)
            problem, reason = "internal", type(error).__name__
        async with self.journal.writing() as connection:
            await self._ended(connection, place, "failed", None, problem, reason[:500])
        count_step("failed")
        return _failure(place, problem, reason[:500])

    async def _ended(
        self, connection: Connection, place: Place, state: str, value: Jsonb | None, problem: str, reason: str
    ) -> None:
        tenant = self.journal.scope.tenant_id
        await connection.execute(_FINISH, (state, value, problem, reason, tenant, self.run_id, place.path))


def call_of(path: str) -> str:
    """The id of the call of a tool that a step is."""
    return f"w{path}"


def _failure(place: Place, problem: str, reason: str) -> StepFailedError:
    return StepFailedError(
        f"Step {place.path}, '{place.name}', failed.", why=reason, problem=problem, step=place.path
    )


def _may_be_over(error: Exception) -> bool:
    return isinstance(error, TimeoutError | OSError) or remedy_of(error) == "retry"
