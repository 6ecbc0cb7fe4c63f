"""Work on tickets: synchronisation, agents, triage."""

from __future__ import annotations

from deskmind.observability._instrument import WORK_SECONDS, Instrument, Label
from deskmind.observability.instruments._labels import CODE

__all__ = ["AGENT_CALLS", "AGENT_RUNS", "SYNC_DURATION", "SYNC_RECORDS", "TRIAGE", "TRIAGE_DURATION"]

SYNC_RECORDS = Instrument(
    "deskmind.sync.records",
    "counter",
    "{record}",
    "records of connected systems by what became of them",
    (
        Label(
            "deskmind.kind",
            CODE,
            (
                *("ticket", "article", "person", "group", "membership", "organisation", "service"),
                *("configuration-item", "catalog-item"),
            ),
        ),
        Label("deskmind.outcome", CODE, ("added", "changed", "unchanged", "gone", "failed")),
    ),
)
SYNC_DURATION = Instrument(
    "deskmind.sync.duration",
    "histogram",
    "s",
    "runs that read a connected system",
    (
        Label("deskmind.vendor", CODE, ("servicenow", "jira", "freshservice", "other")),
        Label("deskmind.outcome", CODE, ("ok", "partial", "error")),
    ),
    WORK_SECONDS,
)
AGENT_RUNS = Instrument(
    "deskmind.agent.runs",
    "counter",
    "{run}",
    "runs of agents that ended, or wait for a person",
    (Label("deskmind.outcome", CODE, ("done", "waiting", "failed", "cancelled", "lost")),),
)
AGENT_CALLS = Instrument(
    "deskmind.agent.tool_calls",
    "counter",
    "{call}",
    "calls of agents' tools that were answered",
    (Label("deskmind.outcome", CODE, ("ok", "refused", "failed", "unknown")),),
)
TRIAGE = Instrument(
    "deskmind.triage.predictions",
    "counter",
    "{ticket}",
    "tickets whose labels were predicted; abstained where one target was left to a person",
    (Label("deskmind.outcome", CODE, ("predicted", "abstained")),),
)
TRIAGE_DURATION = Instrument(
    "deskmind.triage.duration",
    "histogram",
    "s",
    "work of triage: training, one call of the others",
    (Label("deskmind.stage", CODE, ("train", "evaluate", "predict", "similar", "duplicates", "clusters")),),
    WORK_SECONDS,
)
