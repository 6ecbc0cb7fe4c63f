"""Metrics of runs."""

from __future__ import annotations

from deskmind.observability.instruments import AGENT_CALLS, AGENT_RUNS, counter
from deskmind.observability.metering import labels

__all__ = ["count_call", "count_run"]

_runs = counter(AGENT_RUNS)
_calls = counter(AGENT_CALLS)
_run_outcomes = {
    name: labels({"deskmind.outcome": name}) for name in ("done", "waiting", "failed", "cancelled", "lost")
}
_call_outcomes = {name: labels({"deskmind.outcome": name}) for name in ("ok", "refused", "failed", "unknown")}


def count_run(outcome: str) -> None:
    """A run that ended, or waits."""
    _runs.add(1, _run_outcomes[outcome])


def count_call(outcome: str) -> None:
    """A call of a tool that was answered."""
    _calls.add(1, _call_outcomes[outcome])
