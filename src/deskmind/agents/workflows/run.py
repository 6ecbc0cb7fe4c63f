"""A workflow's run and its parts, as they are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from deskmind.agents.store import RunRow
from deskmind.agents.workflows.records import StepRow
from deskmind.agents.workflows.workflow import Workflow

__all__ = [
    "RunEvent",
    "WorkflowInfo",
    "WorkflowRun",
    "WorkflowRunDetails",
    "WorkflowStep",
    "shown_run",
    "shown_step",
]

State = Literal["queued", "running", "waiting", "paused", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class WorkflowInfo:
    """A workflow that can be run.

    Attributes:
        version: the newest.
        input: JSON schema.
    """

    name: str
    version: int
    description: str
    input: Mapping[str, Any]

    @classmethod
    def of(cls, one: Workflow) -> WorkflowInfo:
        """As it is registered."""
        return cls(one.name, one.version, one.description, one.input_schema)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One execution of a workflow.

    Attributes:
        version: of the workflow, under which it ends.
        state: ``waiting`` is for a person, a time or a run below it.
        input: as it was given.
        output: None until it is done.
        problem: the code of the error that ended it, empty otherwise.
        tainted: whether it has read texts that others wrote.
        parent_id: the run whose step this one is.
        forked_from: the run whose first steps were taken over.
        wake_at: when it goes on, where it waits for a time.
        tokens, cost: of its agents; US dollars.
        user: whose run, None for the operator's.
    """

    run_id: UUID
    workflow: str
    version: int
    state: State
    input: Mapping[str, Any]
    output: Any
    problem: str
    tainted: bool
    parent_id: UUID | None
    forked_from: UUID | None
    wake_at: datetime | None
    tokens: int
    cost: Decimal
    started_at: datetime
    ended_at: datetime | None
    user: UUID | None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list of runs."""
        return self.started_at, self.run_id

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, without whose it is."""
        shown = {key: _plain(value) for key, value in asdict(self).items()}
        del shown["user"]
        return shown


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """One step.

    Attributes:
        path: its place: ``3``, or ``3.net.1`` for the first of the branch *net* at 3.
        kind: ``step``, ``tool``, ``agent``, ``workflow``, ``sleep`` or ``undo``.
        state: ``running``, ``done`` or ``failed``; a run that waits has a running step.
        child_id: the run that it is.
        value: what it gave.
        problem: the code of its error, and ``reason`` in words.
    """

    path: str
    name: str
    kind: str
    state: str
    attempts: int
    child_id: UUID | None
    value: Any
    problem: str
    reason: str
    began_at: datetime
    ended_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {key: _plain(value) for key, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class WorkflowRunDetails:
    """A run with its steps."""

    run: WorkflowRun
    steps: tuple[WorkflowStep, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"run": self.run.as_dict(), "steps": [step.as_dict() for step in self.steps]}


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something new in a run: a step that began, ended or is tried again, or another state of the run.

    Attributes:
        run: as it is.
        step: None where it is the run's state that is new.
        place: where in what happened it stands: ``events(run_id, after=place)`` goes on from there.
    """

    run: WorkflowRun
    step: WorkflowStep | None = None
    place: str = ""


def shown_run(row: RunRow) -> WorkflowRun:
    """A row as it is shown."""
    return WorkflowRun(
        row.run_id,
        row.agent,
        row.workflow_version,
        row.state,
        _input(row.prompt),
        row.output["value"] if row.output is not None else None,
        row.problem,
        row.tainted,
        row.parent_id,
        row.forked_from,
        row.wake_at,
        row.tokens,
        row.cost,
        row.started_at,
        row.ended_at,
        row.principal_id,
    )


def shown_step(row: StepRow) -> WorkflowStep:
    """A row as it is shown."""
    value = row.value.get("value") if row.value is not None else None
    return WorkflowStep(
        row.path,
        row.name,
        row.kind,
        row.state,
        row.attempts,
        row.child_id,
        value,
        row.problem,
        row.reason,
        row.began_at,
        row.ended_at,
    )


def _input(text: str) -> Mapping[str, Any]:
    """The input; erasing somebody may have left a text that is no JSON."""
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value
