"""The catalogue of metrics: each instrument with its unit, its buckets, and its labels with what bounds them.

A module that measures asks here for its instrument, ``counter(COST)``, and gets one of the OpenTelemetry API: a host's
meter provider, ours in a service, or nothing. What is not in the catalogue is not measured, and a test compares
``docs/observability.md`` with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation, UpDownCounter

from deskmind.observability import names
from deskmind.observability._instrument import (
    MODEL_SECONDS,
    OTHER,
    REQUEST_SECONDS,
    RESULTS,
    STEP_SECONDS,
    TOKENS,
    WORK_SECONDS,
    Instrument,
    Kind,
    Label,
)

__all__ = ["CATALOGUE", "Instrument", "Kind", "Label", "counter", "histogram", "observe", "up_down_counter"]

Readings = Iterable[tuple[float, "dict[str, str]"]]

_CODE: Final = "a closed set in the code"
_MODEL = Label(names.REQUEST_MODEL, "the names under [models]", most=10)
_DEPLOYMENT = Label(
    "deskmind.deployment", "the deployments of [models]; empty when none was reached", most=21
)
_FEATURE = Label("deskmind.feature", "Deskmind's own and those of telemetry.features; else other", most=17)
_OPERATION = Label(names.OPERATION_NAME, _CODE, ("chat", "embeddings", "rerank"))
_ERROR = Label(names.ERROR_TYPE, "codes of the error tree; else other; empty without an error", most=40)
_METHOD = Label(
    "http.request.method",
    f"{_CODE}; else _OTHER",
    ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "_OTHER"),
)
_QUEUE = Label("deskmind.queue", "the queues of the registered jobs; else other", most=8)
_OUTCOME = Label("deskmind.outcome", _CODE, ("ok", "refused", "error", "cancelled"))

HTTP_DURATION = Instrument(
    "http.server.request.duration",
    "histogram",
    "s",
    "HTTP requests, from the first byte to the last",
    (
        _METHOD,
        Label("http.route", "the templates of the routes; unmatched for paths that have none", most=60),
        Label("http.response.status_code", "what the service answers", most=25),
    ),
    REQUEST_SECONDS,
)
HTTP_ACTIVE = Instrument(
    "http.server.active_requests", "up_down_counter", "{request}", "HTTP requests under way", (_METHOD,)
)
API_REFUSED = Instrument(
    "deskmind.api.refused",
    "counter",
    "{request}",
    "requests that a limit did not admit: of the tenant, the user, the key, or of requests at once",
    (Label("deskmind.limit", _CODE, ("tenant", "user", "key", "load")),),
)
CALL_DURATION = Instrument(
    names.CLIENT_OPERATION_DURATION,
    "histogram",
    "s",
    "calls of models, with all their attempts",
    (_OPERATION, _MODEL, _DEPLOYMENT, _FEATURE, _ERROR),
    MODEL_SECONDS,
)
CALL_FIRST_CHUNK = Instrument(
    names.CLIENT_TIME_TO_FIRST_CHUNK,
    "histogram",
    "s",
    "until the first piece of a streamed reply",
    (_OPERATION, _MODEL, _DEPLOYMENT, _FEATURE),
    MODEL_SECONDS,
)
CALL_TOKENS = Instrument(
    names.CLIENT_TOKEN_USAGE,
    "histogram",
    "{token}",
    "tokens of a call",
    (
        _OPERATION,
        _MODEL,
        _DEPLOYMENT,
        _FEATURE,
        Label(names.TOKEN_TYPE, _CODE, ("input", "output", "cached", "reasoning")),
    ),
    TOKENS,
)
COST = Instrument(
    names.COST,
    "counter",
    "usd",
    "US dollars of the calls whose price is known; the ledger's sum",
    (
        _MODEL,
        _DEPLOYMENT,
        _FEATURE,
        Label(
            names.TENANT, "telemetry.tenant_label: absent, all ids, or telemetry.tenant_top of them", most=21
        ),
    ),
)
ATTEMPTS = Instrument(
    "deskmind.gateway.attempts",
    "counter",
    "{attempt}",
    "tries of deployments",
    (
        _DEPLOYMENT,
        Label(
            "deskmind.outcome",
            _CODE,
            (
                "ok",
                "skipped",
                "cancelled",
                "rate-limited",
                "context-too-long",
                "content-filtered",
                "provider-authentication",
                "model-timeout",
                "stream-broken",
                "model-request",
                "model-unavailable",
                OTHER,
            ),
        ),
    ),
)
BREAKER = Instrument(
    "deskmind.gateway.breaker.state",
    "gauge",
    "",
    "a deployment's circuit breaker: 0 closed, 1 half open, 2 open",
    (_DEPLOYMENT,),
    across="max",
    observed=True,
)
BUDGET_USED = Instrument(
    "deskmind.budget.used_ratio",
    "gauge",
    "1",
    "share of the limit that is taken in the current window, of the fullest counter of a budget",
    (
        Label(
            "deskmind.budget", "the names under [budgets]; tenants for all budgets that tenants set", most=11
        ),
        Label("deskmind.window", _CODE, ("minute", "day", "month")),
        Label("deskmind.unit", _CODE, ("usd", "tokens")),
    ),
    across="max",
    observed=True,
)
LEDGER_BACKLOG = Instrument(
    "deskmind.ledger.backlog", "gauge", "{row}", "rows of the ledger that are not yet written", observed=True
)
LEDGER_FLUSH = Instrument(
    "deskmind.ledger.flush.duration",
    "histogram",
    "s",
    "writing a batch of rows to the ledger",
    (_OUTCOME,),
    STEP_SECONDS,
)
CACHE_REQUESTS = Instrument(
    "deskmind.cache.requests",
    "counter",
    "{request}",
    "questions to a cache",
    (
        Label("deskmind.cache", "the uses that the code has of the cache; else other", most=10),
        Label("deskmind.tier", _CODE, ("memory", "shared")),
        Label("deskmind.result", _CODE, ("hit", "miss")),
    ),
    observed=True,
)
CACHE_SIZE = Instrument(
    "deskmind.cache.size", "gauge", "By", "estimated size of the values in memory", observed=True
)
CACHE_ENTRIES = Instrument("deskmind.cache.entries", "gauge", "{entry}", "values in memory", observed=True)
RETRIEVAL_DURATION = Instrument(
    "deskmind.retrieval.duration",
    "histogram",
    "s",
    "stages of retrieval; vector is the hybrid search where a query has a vector, lexical the search without",
    (Label("deskmind.stage", _CODE, ("embed", "vector", "lexical", "rerank", "whole")),),
    STEP_SECONDS,
)
RETRIEVAL_RESULTS = Instrument(
    "deskmind.retrieval.results", "histogram", "{passage}", "passages that a retrieval found", (), RESULTS
)
ANSWERS = Instrument(
    "deskmind.answers",
    "counter",
    "{answer}",
    "questions that were answered, or not",
    (
        Label("deskmind.outcome", _CODE, ("answered", "not_found")),
        Label("deskmind.mode", _CODE, ("extractive", "generated", "remembered")),
    ),
)
ANSWER_DURATION = Instrument(
    "deskmind.answer.duration",
    "histogram",
    "s",
    "from question to answer, retrieval included",
    (Label("deskmind.mode", _CODE, ("extractive", "generated", "remembered")),),
    MODEL_SECONDS,
)
ANSWERS_REMEMBERED = Instrument(
    "deskmind.answer_cache.lookups",
    "counter",
    "{lookup}",
    "looks for an answer that was worded before",
    (Label("deskmind.result", _CODE, ("hit", "miss")),),
)
COST_SPARED = Instrument(
    "deskmind.answer_cache.saved", "counter", "usd", "US dollars that remembered answers spared"
)
FEEDBACK = Instrument(
    "deskmind.feedback",
    "counter",
    "{rating}",
    "ratings of answers, a changed one each time",
    (Label("deskmind.rating", _CODE, ("up", "down")),),
)
INGEST_FILES = Instrument(
    "deskmind.ingest.files",
    "counter",
    "{file}",
    "files that were taken in",
    (Label("deskmind.outcome", _CODE, ("stored", "unchanged", "failed")),),
)
INGEST_CHUNKS = Instrument("deskmind.ingest.chunks", "counter", "{chunk}", "chunks that were stored")
INGEST_DURATION = Instrument(
    "deskmind.ingest.duration",
    "histogram",
    "s",
    "stages of taking in a batch",
    (Label("deskmind.stage", _CODE, ("load", "embed", "store")),),
    WORK_SECONDS,
)
INGEST_PENDING = Instrument(
    "deskmind.ingest.pending",
    "gauge",
    "{file}",
    "files, at most, whose jobs are not done",
    across="max",
    observed=True,
)
REDACTIONS = Instrument(
    "deskmind.redactions",
    "counter",
    "{value}",
    "personal and secret values: replaced on the way to models, put back into replies, refused, masked before storing",
    (
        Label("deskmind.entity", "the types of redaction", most=22),
        Label("deskmind.direction", _CODE, ("sent", "restored", "refused", "stored")),
    ),
)
PRIVACY_REMOVED = Instrument(
    "deskmind.privacy.removed",
    "counter",
    "{row}",
    "rows that erasures deleted, masked or pseudonymised, and that retention policies removed",
    (Label("deskmind.removal", _CODE, ("erased", "masked", "pseudonymised", "expired")),),
)
POOL_COUNT = Instrument(
    "db.client.connection.count",
    "gauge",
    "{connection}",
    "connections of the pool",
    (Label("db.client.connection.state", _CODE, ("idle", "used")),),
    observed=True,
)
POOL_MAX = Instrument(
    "db.client.connection.max", "gauge", "{connection}", "connections that the pool may have", observed=True
)
POOL_PENDING = Instrument(
    "db.client.connection.pending_requests",
    "gauge",
    "{request}",
    "requests that wait for a connection",
    observed=True,
)
DB_DURATION = Instrument(
    "db.client.operation.duration",
    "histogram",
    "s",
    "transactions from begin to commit",
    (Label("db.operation.name", _CODE, ("transaction",)),),
    STEP_SECONDS,
)
JOBS_DEPTH = Instrument(
    "deskmind.jobs.depth",
    "gauge",
    "{job}",
    "jobs that are not done",
    (_QUEUE, Label("deskmind.state", _CODE, ("todo", "doing", "failed"))),
    across="max",
    observed=True,
)
JOBS_OLDEST = Instrument(
    "deskmind.jobs.oldest_age",
    "gauge",
    "s",
    "since the oldest job that waits could have begun",
    (_QUEUE,),
    across="max",
    observed=True,
)
JOBS_DURATION = Instrument(
    "deskmind.jobs.duration",
    "histogram",
    "s",
    "jobs that were run",
    (Label("deskmind.task", "the registered tasks", most=12), _OUTCOME),
    WORK_SECONDS,
)
OPERATION_DURATION = Instrument(
    "deskmind.operation.duration",
    "histogram",
    "s",
    "public operations, whoever calls them",
    (
        Label(
            names.DESKMIND_OPERATION, "the table of permissions and the registered jobs; else other", most=60
        ),
        _OUTCOME,
    ),
    STEP_SECONDS,
)
AUDIT_EVENTS = Instrument(
    "deskmind.audit.events",
    "counter",
    "{event}",
    "audit events written, those of transactions that were rolled back included",
    (Label("deskmind.outcome", _CODE, ("allowed", "denied", "done", "failed")),),
)
AUDIT_BACKLOG = Instrument(
    "deskmind.audit.backlog",
    "gauge",
    "{event}",
    "events without a place in the sealed log, as the sealers saw them last",
    across="max",
    observed=True,
)
AUDIT_OLDEST = Instrument(
    "deskmind.audit.oldest_unsealed_age",
    "gauge",
    "s",
    "since the oldest event that is not sealed; 0 when none waits",
    across="max",
    observed=True,
)
AUDIT_UNWITNESSED = Instrument(
    "deskmind.audit.oldest_unwitnessed_age",
    "gauge",
    "s",
    "since the first checkpoint was signed that a witness lacks; 0 when none lacks any",
    across="max",
    observed=True,
)
TELEMETRY_DROPPED = Instrument(
    "deskmind.telemetry.dropped",
    "counter",
    "{item}",
    "spans, data points, log lines or stories of requests that were given up",
    (Label("deskmind.signal", _CODE, ("traces", "metrics", "logs", "stories")),),
)
TELEMETRY_FAILING = Instrument(
    "deskmind.telemetry.failing",
    "gauge",
    "",
    "1 while a collector does not take what a process exports",
    (Label("deskmind.signal", _CODE, ("traces", "metrics")),),
    across="max",
    observed=True,
)
BUILD_INFO = Instrument(
    "deskmind.build.info",
    "gauge",
    "",
    "1; its labels say what runs",
    (
        Label("deskmind.version", "the release", most=2),
        Label("deskmind.python", "the interpreter", most=2),
    ),
    across="max",
    observed=True,
)
PROCESSES = Instrument(
    "deskmind.processes", "gauge", "{process}", "processes whose metrics these are", observed=True
)
CPU_TIME = Instrument(
    "process.cpu.time",
    "counter",
    "s",
    "processor time",
    (Label("cpu.mode", _CODE, ("user", "system")),),
    observed=True,
)
MEMORY = Instrument("process.memory.usage", "gauge", "By", "memory in use", observed=True)
OPEN_FILES = Instrument(
    "process.unix.file_descriptor.count", "gauge", "{file_descriptor}", "open files", observed=True
)
LOOP_LAG = Instrument(
    "deskmind.event_loop.lag",
    "gauge",
    "s",
    "how late the event loop ran what was due, at worst in the last seconds",
    across="max",
    observed=True,
)

SYNC_RECORDS = Instrument(
    "deskmind.sync.records",
    "counter",
    "{record}",
    "records of connected systems by what became of them",
    (
        Label(
            "deskmind.kind",
            _CODE,
            (
                *("ticket", "article", "person", "group", "membership", "organisation", "service"),
                *("configuration-item", "catalog-item"),
            ),
        ),
        Label("deskmind.outcome", _CODE, ("added", "changed", "unchanged", "gone", "failed")),
    ),
)
SYNC_DURATION = Instrument(
    "deskmind.sync.duration",
    "histogram",
    "s",
    "runs that read a connected system",
    (
        Label("deskmind.vendor", _CODE, ("servicenow", "jira", "freshservice", "other")),
        Label("deskmind.outcome", _CODE, ("ok", "partial", "error")),
    ),
    WORK_SECONDS,
)

AGENT_RUNS = Instrument(
    "deskmind.agent.runs",
    "counter",
    "{run}",
    "runs of agents that ended, or wait for a person",
    (Label("deskmind.outcome", _CODE, ("done", "waiting", "failed", "cancelled", "lost")),),
)
AGENT_CALLS = Instrument(
    "deskmind.agent.tool_calls",
    "counter",
    "{call}",
    "calls of agents' tools that were answered",
    (Label("deskmind.outcome", _CODE, ("ok", "refused", "failed", "unknown")),),
)
MEMORY_RECALLS = Instrument(
    "deskmind.memory.recalls",
    "counter",
    "{recall}",
    "questions asked of memory, and whether anything was recalled",
    (Label("deskmind.outcome", _CODE, ("found", "nothing")),),
)
MEMORY_CHANGES = Instrument(
    "deskmind.memory.changes",
    "counter",
    "{memory}",
    "memories that were made, refused by rule, corrected or removed",
    (
        Label(
            "deskmind.outcome",
            _CODE,
            ("added", "superseded", "known", "refused", "corrected", "forgotten", "failed"),
        ),
    ),
)
TRIAGE = Instrument(
    "deskmind.triage.predictions",
    "counter",
    "{ticket}",
    "tickets whose labels were predicted; abstained where one target was left to a person",
    (Label("deskmind.outcome", _CODE, ("predicted", "abstained")),),
)
TRIAGE_DURATION = Instrument(
    "deskmind.triage.duration",
    "histogram",
    "s",
    "work of triage: training, one call of the others",
    (Label("deskmind.stage", _CODE, ("train", "evaluate", "predict", "similar", "duplicates", "clusters")),),
    WORK_SECONDS,
)

CATALOGUE: Final[tuple[Instrument, ...]] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Instrument)
)
BY_NAME: Final[dict[str, Instrument]] = {instrument.name: instrument for instrument in CATALOGUE}

_meter = metrics.get_meter("deskmind")


def counter(instrument: Instrument) -> Counter:
    """Its OpenTelemetry instrument."""
    return _meter.create_counter(instrument.name, instrument.unit, instrument.description)


def up_down_counter(instrument: Instrument) -> UpDownCounter:
    """Its OpenTelemetry instrument."""
    return _meter.create_up_down_counter(instrument.name, instrument.unit, instrument.description)


def histogram(instrument: Instrument) -> Histogram:
    """Its OpenTelemetry instrument; the buckets go with it as advice."""
    return _meter.create_histogram(
        instrument.name,
        instrument.unit,
        instrument.description,
        explicit_bucket_boundaries_advisory=instrument.buckets,
    )


def observe(instrument: Instrument, read: Callable[[], Readings]) -> None:
    """Have an instrument read when metrics are asked for; once a process.

    Args:
        instrument: with ``observed``.
        read: gives values with their labels, from any thread; what it leaves out is absent.
    """

    def observations(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, labels) for value, labels in read()]

    create = (
        _meter.create_observable_counter if instrument.kind == "counter" else _meter.create_observable_gauge
    )
    create(instrument.name, [observations], instrument.unit, instrument.description)
