"""Metrics of workflows."""

from __future__ import annotations

from deskmind.observability.instruments import WORKFLOW_RUNS, WORKFLOW_STARTS, WORKFLOW_STEPS, counter
from deskmind.observability.metering import labels

__all__ = ["count_start", "count_step", "count_workflow"]

_runs = counter(WORKFLOW_RUNS)
_steps = counter(WORKFLOW_STEPS)
_starts = counter(WORKFLOW_STARTS)
_run_outcomes = {
    name: labels({"deskmind.outcome": name})
    for name in ("done", "waiting", "paused", "failed", "cancelled", "lost")
}
_step_outcomes = {
    name: labels({"deskmind.outcome": name}) for name in ("done", "retried", "failed", "undone")
}


def count_workflow(outcome: str) -> None:
    """A run that ended, waits or is paused."""
    _runs.add(1, _run_outcomes[outcome])


def count_step(outcome: str) -> None:
    """A step that ended, or is tried again."""
    _steps.add(1, _step_outcomes[outcome])


def count_start(event: str, outcome: str) -> None:
    """A run that a schedule began, or could not."""
    _starts.add(1, labels({"deskmind.event": event, "deskmind.outcome": outcome}))
