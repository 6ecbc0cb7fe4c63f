"""Work on tickets: synchronisation, agents, triage."""

from __future__ import annotations

from deskmind.observability._instrument import WORK_SECONDS, Instrument, Label
from deskmind.observability.instruments._labels import CODE

__all__ = [
    "AGENT_CALLS",
    "AGENT_RUNS",
    "MEMORY_CHANGES",
    "MEMORY_RECALLS",
    "SYNC_CONNECTIONS",
    "SYNC_DURATION",
    "SYNC_LAG",
    "SYNC_RECORDS",
    "TRIAGE",
    "TRIAGE_DURATION",
    "WORKFLOW_RUNS",
    "WORKFLOW_STARTS",
    "WORKFLOW_STEPS",
    "WRITES_OLDEST",
    "WRITES_UNKNOWN",
]

_VENDOR = Label("deskmind.vendor", CODE, ("servicenow", "jira", "freshservice", "other"))
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
        _VENDOR,
        Label("deskmind.outcome", CODE, ("ok", "partial", "error")),
    ),
    WORK_SECONDS,
)
SYNC_LAG = Instrument(
    "deskmind.sync.lag",
    "gauge",
    "s",
    "since the last pass that missed nothing began, of the scheduled connection that is furthest behind",
    (_VENDOR,),
    across="max",
    observed=True,
)
SYNC_CONNECTIONS = Instrument(
    "deskmind.sync.connections",
    "gauge",
    "{connection}",
    "connected systems by how they fare",
    (_VENDOR, Label("deskmind.state", CODE, ("ok", "incomplete", "lagging", "failing"))),
    across="max",
    observed=True,
)
_WRITE_STATE = Label("deskmind.state", CODE, ("looking", "person"))
WRITES_UNKNOWN = Instrument(
    "deskmind.writes.unknown",
    "gauge",
    "{write}",
    "writes to connected systems whose outcome is not known, by who looks for them and by their age",
    (_WRITE_STATE, Label("deskmind.age", CODE, ("hour", "day", "older"))),
    across="max",
    observed=True,
)
WRITES_OLDEST = Instrument(
    "deskmind.writes.oldest_unknown_age",
    "gauge",
    "s",
    "since the oldest write was sent whose outcome is not known; 0 where all are",
    (_WRITE_STATE,),
    across="max",
    observed=True,
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
WORKFLOW_RUNS = Instrument(
    "deskmind.workflow.runs",
    "counter",
    "{run}",
    "runs of workflows that ended, wait or were paused",
    (Label("deskmind.outcome", CODE, ("done", "waiting", "paused", "failed", "cancelled", "lost")),),
)
WORKFLOW_STEPS = Instrument(
    "deskmind.workflow.steps",
    "counter",
    "{step}",
    "steps of workflows that ended, were tried again or taken back",
    (Label("deskmind.outcome", CODE, ("done", "retried", "failed", "undone")),),
)
WORKFLOW_STARTS = Instrument(
    "deskmind.workflow.starts",
    "counter",
    "{run}",
    "runs of workflows that schedules and events began, or could not",
    (
        Label("deskmind.event", CODE, ("time", "ticket.created", "ticket.updated", "sla.at_risk", "webhook")),
        Label("deskmind.outcome", CODE, ("started", "failed")),
    ),
)
MEMORY_RECALLS = Instrument(
    "deskmind.memory.recalls",
    "counter",
    "{recall}",
    "questions asked of memory, and whether anything was recalled",
    (Label("deskmind.outcome", CODE, ("found", "nothing")),),
)
MEMORY_CHANGES = Instrument(
    "deskmind.memory.changes",
    "counter",
    "{memory}",
    "memories that were made, refused by rule, corrected or removed",
    (
        Label(
            "deskmind.outcome",
            CODE,
            ("added", "superseded", "known", "refused", "corrected", "forgotten", "failed"),
        ),
    ),
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
