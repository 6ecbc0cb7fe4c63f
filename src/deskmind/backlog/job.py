"""A job: what it works on, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

__all__ = ["Job", "JobState", "Progress", "Subject", "job_of"]

JobState = Literal["waiting", "running", "failed"]

_SUBJECTS = {
    "ingest_id": "ingest",
    "training_id": "training",
    "erasure_id": "erasure",
    "connection_id": "connection",
    "run_id": "run",
    "proposal_id": "proposal",
    "write_id": "write",
    "webhook_id": "webhook",
}
"""The kind of thing by the argument that names it; of several the first."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a job works on.

    Attributes:
        kind: such as ``ingest`` or ``training``.
        id: of that thing.
        name: what it is known by where that is not its id; of a connection.
    """

    kind: str
    id: UUID
    name: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: ``done`` of ``total``, counted in ``unit``."""

    done: int
    total: int
    unit: Literal["files", "stores", "kinds"]


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of background work that is not done.

    Attributes:
        job_id: a number that grows.
        queue: the queue it stands in.
        task: what is done, such as ``knowledge.ingest``.
        state: ``failed`` is what was tried as often as jobs are, and given up.
        attempts: how often it was begun and not ended well.
        queued_at: since when it is there.
        begun_at: when it was begun last.
        due_at: before which no worker takes it; None for at once.
        about: what it works on, where that has an id.
        progress: where it can be told.
        cancellable: whether it can be cancelled while it waits.
    """

    job_id: int
    queue: str
    task: str
    state: JobState
    attempts: int
    queued_at: datetime | None
    begun_at: datetime | None
    due_at: datetime | None
    about: Subject | None
    arguments: Mapping[str, str]
    progress: Progress | None = None
    cancellable: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        times = {
            name: None if at is None else at.isoformat()
            for name, at in (
                ("queued_at", self.queued_at),
                ("begun_at", self.begun_at),
                ("due_at", self.due_at),
            )
        }
        about = None if self.about is None else {**asdict(self.about), "id": str(self.about.id)}
        progress = None if self.progress is None else asdict(self.progress)
        facts = {name: getattr(self, name) for name in ("job_id", "queue", "task", "state", "attempts")}
        return {**facts, **times, "about": about, "progress": progress, "cancellable": self.cancellable}


def job_of(row: Sequence[Any], cancellable: bool) -> Job:
    """A job as ``tenant_jobs`` tells it."""
    *facts, arguments = row
    waits = facts[3] == "waiting"
    return Job(*facts, about=_about(arguments), arguments=arguments, cancellable=cancellable and waits)


def _about(arguments: Mapping[str, str]) -> Subject | None:
    for argument, kind in _SUBJECTS.items():
        if argument in arguments:
            return Subject(kind, UUID(arguments[argument]))
    return None
