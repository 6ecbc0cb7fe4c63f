"""Trainings by workers: what was asked for, and what came of it; the job names the tenant and the training alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg.rows import class_row

from deskmind.database import Connection
from deskmind.errors import NotFoundError
from deskmind.jobs import defer
from deskmind.observability import correlation_id
from deskmind.scope import Scope

__all__ = [
    "TRAINING_QUEUE",
    "TRAINING_TASK",
    "Training",
    "abandon_training",
    "ask_for_training",
    "begin_training",
    "cancel_training",
    "end_training",
    "find_training",
    "list_trainings",
    "training_due",
]

TRAINING_TASK = "triage.train"
TRAINING_QUEUE = "triage"

_KEPT = 20
_COLUMNS = "training_id, asked_at, scheduled, threshold, embed, state, started_at, finished_at, tickets, version, problem"
_SELECT = f"SELECT {_COLUMNS} FROM triage_trainings WHERE tenant_id = %s"
_ASK = f"""
INSERT INTO triage_trainings (tenant_id, training_id, scheduled, threshold, embed) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant_id) WHERE state = 'waiting'
DO UPDATE SET threshold = excluded.threshold, embed = excluded.embed RETURNING {_COLUMNS}
"""
_PRUNE = """
DELETE FROM triage_trainings WHERE tenant_id = %(tenant)s AND state IN ('done', 'failed') AND asked_at <
    (SELECT min(asked_at) FROM (SELECT asked_at FROM triage_trainings WHERE tenant_id = %(tenant)s
                                 ORDER BY asked_at DESC LIMIT %(kept)s) newest)
"""
_BEGIN = f"""
UPDATE triage_trainings SET state = 'running', started_at = clock_timestamp(), problem = ''
 WHERE tenant_id = %s AND training_id = %s AND state <> 'done' RETURNING {_COLUMNS}
"""
_END = """
UPDATE triage_trainings SET state = %s, finished_at = clock_timestamp(), tickets = %s, version = %s, problem = %s
 WHERE tenant_id = %s AND training_id = %s
"""
_CANCEL = """
UPDATE triage_trainings SET state = 'failed', finished_at = clock_timestamp(), problem = %s
 WHERE tenant_id = %s AND training_id = %s AND state = 'waiting'
"""
_ABANDON = """
UPDATE triage_trainings SET state = 'failed', finished_at = clock_timestamp(), problem = %s
 WHERE tenant_id = %s AND training_id = %s AND state IN ('waiting', 'running')
"""
_CANCELLED = "It was cancelled before it began."
_DUE = """
WITH past AS (
    SELECT max(asked_at) AS asked_at, max(tickets) FILTER (WHERE version = newest) AS tickets,
           coalesce(bool_or(state IN ('waiting', 'running') AND asked_at > now() - interval '1 day'), false) AS under_way
      FROM triage_trainings, (SELECT max(version) AS newest FROM triage_trainings WHERE tenant_id = %(tenant)s) n
     WHERE tenant_id = %(tenant)s)
SELECT tickets IS NOT NULL AND NOT under_way AND (
           SELECT count(*) FROM synced_records r
            WHERE r.tenant_id = %(tenant)s AND r.kind = 'ticket' AND r.synced_at > past.asked_at
       ) >= greatest(%(least)s, %(share)s * tickets) FROM past
"""


@dataclass(frozen=True, slots=True)
class Training:
    """A training by a worker.

    Attributes:
        scheduled: whether the schedule asked for it, not a person.
        threshold: confidence below which the model abstains.
        embed: whether meaning counts, where an embedder is.
        tickets: how many were learned from.
        version: of the model that came of it.
        problem: what went wrong.
    """

    training_id: UUID
    asked_at: datetime
    scheduled: bool
    threshold: float
    embed: bool
    state: Literal["waiting", "running", "done", "failed"]
    started_at: datetime | None
    finished_at: datetime | None
    tickets: int
    version: int | None
    problem: str

    @property
    def over(self) -> bool:
        """It is done, or has failed."""
        return self.state in ("done", "failed")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        times = {
            name: None if at is None else at.isoformat()
            for name, at in (
                ("asked_at", self.asked_at),
                ("started_at", self.started_at),
                ("finished_at", self.finished_at),
            )
        }
        return {**asdict(self), "training_id": str(self.training_id), **times}


async def ask_for_training(
    connection: Connection, scope: Scope, *, threshold: float, embed: bool, scheduled: bool = False
) -> Training:
    """Queue a training in the caller's transaction; where one waits already, that one is changed and given."""
    values = (scope.tenant_id, uuid4(), scheduled, round(threshold, 6), embed)
    cursor = connection.cursor(row_factory=class_row(Training))
    await cursor.execute(_ASK, values)
    asked = await cursor.fetchone()
    assert asked is not None
    await connection.execute(_PRUNE, {"tenant": scope.tenant_id, "kept": _KEPT})
    await defer(
        connection,
        TRAINING_QUEUE,
        TRAINING_TASK,
        f"triage.{scope.tenant_id}",
        {
            "tenant_id": str(scope.tenant_id),
            "training_id": str(asked.training_id),
            "correlation_id": correlation_id(),
        },
    )
    return asked


async def begin_training(connection: Connection, scope: Scope, training_id: UUID) -> Training | None:
    """Take a training in hand, also one whose worker died; None where it is over or gone."""
    cursor = connection.cursor(row_factory=class_row(Training))
    await cursor.execute(_BEGIN, (scope.tenant_id, training_id))
    return await cursor.fetchone()


async def end_training(
    connection: Connection,
    scope: Scope,
    training_id: UUID,
    *,
    tickets: int = 0,
    version: int | None = None,
    problem: str = "",
) -> None:
    """Say what came of it: a version, or a problem."""
    state = "done" if version is not None else "failed"
    await connection.execute(_END, (state, tickets, version, problem[:1000], scope.tenant_id, training_id))


async def cancel_training(connection: Connection, scope: Scope, training_id: UUID) -> None:
    """Say of a training that waits that it will not be done."""
    await connection.execute(_CANCEL, (_CANCELLED, scope.tenant_id, training_id))


async def abandon_training(connection: Connection, scope: Scope, training_id: UUID, problem: str) -> None:
    """Say of a training that is not over that nobody will do it."""
    await connection.execute(_ABANDON, (problem, scope.tenant_id, training_id))


async def list_trainings(connection: Connection, scope: Scope) -> list[Training]:
    """The newest, the last one asked for first."""
    cursor = connection.cursor(row_factory=class_row(Training))
    await cursor.execute(_SELECT + " ORDER BY asked_at DESC LIMIT %s", (scope.tenant_id, _KEPT))
    return await cursor.fetchall()


async def find_training(connection: Connection, scope: Scope, training_id: UUID) -> Training:
    """One of them.

    Raises:
        NotFoundError: there is none, or newer ones have replaced it.
    """
    cursor = connection.cursor(row_factory=class_row(Training))
    await cursor.execute(_SELECT + " AND training_id = %s", (scope.tenant_id, training_id))
    found = await cursor.fetchone()
    if found is None:
        raise NotFoundError(
            "There is no such training.", remedy="`deskmind triage trainings` lists those that are kept."
        )
    return found


async def training_due(connection: Connection, scope: Scope, *, share: float, least: int) -> bool:
    """Whether enough tickets came or changed since the last training by a worker to learn again.

    Args:
        connection: an operator's transaction.
        scope: its scope.
        share: of the tickets that the newest model has learned from.
        least: tickets that must have come or changed in any case.
    """
    cursor = await connection.execute(_DUE, {"tenant": scope.tenant_id, "share": share, "least": least})
    row = await cursor.fetchone()
    return bool(row and row[0])
