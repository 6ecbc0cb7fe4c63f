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

from deskmind.observability._instrument import OTHER, Instrument, Kind, Label
from deskmind.observability.instruments import (
    answering,
    calls,
    governing,
    process,
    requests,
    services,
    tickets,
)
from deskmind.observability.instruments.answering import (
    ANSWER_DURATION,
    ANSWERS,
    ANSWERS_REMEMBERED,
    COST_SPARED,
    FEEDBACK,
    INGEST_CHUNKS,
    INGEST_DURATION,
    INGEST_FILES,
    INGEST_PENDING,
    RETRIEVAL_DURATION,
    RETRIEVAL_RESULTS,
)
from deskmind.observability.instruments.calls import (
    ATTEMPTS,
    BREAKER,
    BUDGET_USED,
    CALL_DURATION,
    CALL_FIRST_CHUNK,
    CALL_TOKENS,
    COST,
    LEDGER_BACKLOG,
    LEDGER_FLUSH,
)
from deskmind.observability.instruments.governing import (
    AUDIT_BACKLOG,
    AUDIT_EVENTS,
    AUDIT_OLDEST,
    AUDIT_UNWITNESSED,
    AUTHENTICATION_REFUSED,
    PRIVACY_REMOVED,
    REDACTIONS,
)
from deskmind.observability.instruments.process import (
    BUILD_INFO,
    CPU_TIME,
    LOOP_LAG,
    MEMORY,
    OPEN_FILES,
    PROCESSES,
    TELEMETRY_DROPPED,
    TELEMETRY_FAILING,
)
from deskmind.observability.instruments.requests import (
    API_REFUSED,
    HTTP_ACTIVE,
    HTTP_DURATION,
    MCP_CALL_DURATION,
    MCP_SESSIONS,
    OPERATION_DURATION,
)
from deskmind.observability.instruments.services import (
    CACHE_ENTRIES,
    CACHE_REQUESTS,
    CACHE_SIZE,
    DB_DURATION,
    JOBS_DEPTH,
    JOBS_DURATION,
    JOBS_OLDEST,
    POOL_COUNT,
    POOL_MAX,
    POOL_PENDING,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_DURATION,
    WEBHOOK_WAITING,
    WEBHOOKS,
)
from deskmind.observability.instruments.tickets import (
    AGENT_CALLS,
    AGENT_RUNS,
    MEMORY_CHANGES,
    MEMORY_RECALLS,
    SYNC_CONNECTIONS,
    SYNC_DURATION,
    SYNC_LAG,
    SYNC_RECORDS,
    TRIAGE,
    TRIAGE_DURATION,
    WORKFLOW_RUNS,
    WORKFLOW_STARTS,
    WORKFLOW_STEPS,
    WRITES_OLDEST,
    WRITES_UNKNOWN,
)

__all__ = [
    "AGENT_CALLS",
    "AGENT_RUNS",
    "ANSWERS",
    "ANSWERS_REMEMBERED",
    "ANSWER_DURATION",
    "API_REFUSED",
    "ATTEMPTS",
    "AUDIT_BACKLOG",
    "AUDIT_EVENTS",
    "AUDIT_OLDEST",
    "AUDIT_UNWITNESSED",
    "AUTHENTICATION_REFUSED",
    "BREAKER",
    "BUDGET_USED",
    "BUILD_INFO",
    "BY_NAME",
    "CACHE_ENTRIES",
    "CACHE_REQUESTS",
    "CACHE_SIZE",
    "CALL_DURATION",
    "CALL_FIRST_CHUNK",
    "CALL_TOKENS",
    "CATALOGUE",
    "COST",
    "COST_SPARED",
    "CPU_TIME",
    "DB_DURATION",
    "FEEDBACK",
    "HTTP_ACTIVE",
    "HTTP_DURATION",
    "INGEST_CHUNKS",
    "INGEST_DURATION",
    "INGEST_FILES",
    "INGEST_PENDING",
    "JOBS_DEPTH",
    "JOBS_DURATION",
    "JOBS_OLDEST",
    "LEDGER_BACKLOG",
    "LEDGER_FLUSH",
    "LOOP_LAG",
    "MCP_CALL_DURATION",
    "MCP_SESSIONS",
    "MEMORY",
    "MEMORY_CHANGES",
    "MEMORY_RECALLS",
    "OPEN_FILES",
    "OPERATION_DURATION",
    "OTHER",
    "POOL_COUNT",
    "POOL_MAX",
    "POOL_PENDING",
    "PRIVACY_REMOVED",
    "PROCESSES",
    "REDACTIONS",
    "RETRIEVAL_DURATION",
    "RETRIEVAL_RESULTS",
    "SYNC_CONNECTIONS",
    "SYNC_DURATION",
    "SYNC_LAG",
    "SYNC_RECORDS",
    "TELEMETRY_DROPPED",
    "TELEMETRY_FAILING",
    "TRIAGE",
    "TRIAGE_DURATION",
    "WEBHOOKS",
    "WEBHOOK_ATTEMPTS",
    "WEBHOOK_DELIVERIES",
    "WEBHOOK_DURATION",
    "WEBHOOK_WAITING",
    "WORKFLOW_RUNS",
    "WORKFLOW_STARTS",
    "WORKFLOW_STEPS",
    "WRITES_OLDEST",
    "WRITES_UNKNOWN",
    "Instrument",
    "Kind",
    "Label",
    "counter",
    "histogram",
    "observe",
    "up_down_counter",
]

Readings = Iterable[tuple[float, "dict[str, str]"]]

_SUBJECTS = (requests, calls, answering, governing, services, tickets, process)
CATALOGUE: Final[tuple[Instrument, ...]] = tuple(
    value for subject in _SUBJECTS for value in vars(subject).values() if isinstance(value, Instrument)
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
