"""The alerts: what is looked at, from where on it is an alert, how bad that is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from deploy.objectives import OBJECTIVES, Objective

__all__ = ["ALERTS", "BURNS", "Alert", "Burn"]

Severity = Literal["page", "ticket"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        signals: the expressions that the condition looks at, without comparison; each returns data on a service that works.
        expression: when it is one.
        lasting: for how long it must be so.
        severity: ``page`` wakes somebody, ``ticket`` waits for the day.
        summary: one sentence, with Prometheus's templates.
        anchor: the section of docs/runbooks.md.
        empty: why a signal may rightly return nothing.
    """

    name: str
    signals: tuple[str, ...]
    expression: str
    lasting: str
    severity: Severity
    summary: str
    anchor: str
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast an error budget is used: over a long window, and still so over a short one."""

    rate: float
    long: str
    short: str


# of the 30 days' budget: 2 % in an hour, 5 % in six; 10 % in a day, 10 % in three
BURNS: dict[Severity, tuple[Burn, Burn]] = {
    "page": (Burn(14.4, "1h", "5m"), Burn(6, "6h", "30m")),
    "ticket": (Burn(3, "1d", "2h"), Burn(1, "3d", "6h")),
}


def _burning(objective: Objective, severity: Severity) -> Alert:
    label = f'{{slo="{objective.slo}"}}'
    signals = tuple(
        f"deskmind:slo_burn:rate{window}{label}"
        for burn in BURNS[severity]
        for window in (burn.long, burn.short)
    )
    parts = [
        f"(deskmind:slo_burn:rate{burn.long}{label} > {burn.rate:g}"
        f" and deskmind:slo_burn:rate{burn.short}{label} > {burn.rate:g})"
        for burn in BURNS[severity]
    ]
    speed = "fast" if severity == "page" else "slowly but steadily"
    return Alert(
        f"{objective.alert}{'FastBurn' if severity == 'page' else 'SlowBurn'}",
        signals,
        " or ".join(parts),
        "2m" if severity == "page" else "15m",
        severity,
        f"{objective.title}: the error budget of {objective.budget:.4g} is used up {speed}"
        " (burn rate {{ $value | humanize }}).",
        objective.slo,
    )


def _over(
    name: str,
    signal: str,
    comparison: str,
    lasting: str,
    severity: Severity,
    summary: str,
    anchor: str,
    empty: str = "",
) -> Alert:
    return Alert(name, (signal,), f"{signal} {comparison}", lasting, severity, summary, anchor, empty)


_ERROR_RATIO = (
    '(sum by (instance) (rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[5m]))'
    " or 0 * sum by (instance) (rate(http_server_request_duration_seconds_count[5m])))"
    " / (sum by (instance) (rate(http_server_request_duration_seconds_count[5m])) > 0)"
)
_NOT_FOUND = (
    '(sum(rate(deskmind_answers_total{deskmind_outcome="not_found"}[1h])) or vector(0))'
    " / (sum(rate(deskmind_answers_total[1h])) > 0)"
)
_PENDING = "max by (job) (deskmind_ingest_pending)"
_CONNECTIONS = "max by (job, deskmind_vendor) (deskmind_sync_connections"
_TAKEN_IN = "sum by (job) (increase(deskmind_ingest_files_total[15m]))"
_RESETS = 'max by (instance) (resets(process_cpu_time_seconds_total{cpu_mode="user"}[30m]))'
_UP_CHANGES = 'max by (instance) (changes(up{job="deskmind"}[30m]))'

ALERTS: tuple[Alert, ...] = (
    *(_burning(objective, severity) for objective in OBJECTIVES for severity in BURNS),
    _over(
        "DeskmindDown",
        'up{job="deskmind"}',
        "== 0",
        "2m",
        "page",
        "{{ $labels.instance }} does not answer Prometheus.",
        "down",
    ),
    _over(
        "DeskmindErrorRatio",
        _ERROR_RATIO,
        "> 0.05",
        "5m",
        "page",
        "{{ $labels.instance }} fails {{ $value | humanizePercentage }} of its requests.",
        "error-ratio",
    ),
    Alert(
        "DeskmindRestarts",
        (_RESETS, _UP_CHANGES),
        f"{_RESETS} >= 2 or {_UP_CHANGES} >= 4",
        "0m",
        "page",
        "{{ $labels.instance }} was restarted several times in half an hour.",
        "restarts",
    ),
    _over(
        "DeskmindPoolExhausted",
        "sum by (instance) (db_client_connection_pending_requests)",
        "> 0",
        "5m",
        "ticket",
        "{{ $value }} requests of {{ $labels.instance }} wait for a database connection.",
        "pool-exhausted",
    ),
    _over(
        "DeskmindEventLoopBlocked",
        "max by (instance) (deskmind_event_loop_lag_seconds)",
        "> 0.5",
        "5m",
        "ticket",
        "Something blocks the event loop of {{ $labels.instance }} for {{ $value | humanizeDuration }}.",
        "event-loop-blocked",
    ),
    _over(
        "DeskmindBudgetNearlyUsed",
        "max by (deskmind_budget, deskmind_window) (deskmind_budget_used_ratio)",
        "> 0.9",
        "1m",
        "ticket",
        "The budget {{ $labels.deskmind_budget }} of this {{ $labels.deskmind_window }} is taken to"
        " {{ $value | humanizePercentage }}.",
        "budget-nearly-used",
        empty="no budget is set",
    ),
    _over(
        "DeskmindBreakerOpen",
        "max by (deskmind_deployment) (deskmind_gateway_breaker_state)",
        "== 2",
        "2m",
        "ticket",
        "The deployment {{ $labels.deskmind_deployment }} is not tried: its circuit breaker is open.",
        "breaker-open",
    ),
    _over(
        "DeskmindJobsWait",
        "max by (deskmind_queue) (deskmind_jobs_oldest_age_seconds)",
        "> 300",
        "5m",
        "ticket",
        "A job of the queue {{ $labels.deskmind_queue }} has waited for {{ $value | humanizeDuration }}.",
        "jobs-wait",
    ),
    _over(
        "DeskmindJobsFailed",
        'max by (deskmind_queue) (delta(deskmind_jobs_depth{deskmind_state="failed"}[1h]))',
        "> 0",
        "0m",
        "ticket",
        "Jobs of the queue {{ $labels.deskmind_queue }} failed for good within the hour.",
        "jobs-failed",
    ),
    Alert(
        "DeskmindIngestStalled",
        (_PENDING, _TAKEN_IN),
        f"{_PENDING} > 0 and ({_TAKEN_IN} or 0 * {_PENDING}) == 0",
        "15m",
        "ticket",
        "{{ $value }} files wait to be taken in and none was for a quarter of an hour.",
        "ingest-stalled",
    ),
    _over(
        "DeskmindIngestBacklog",
        _PENDING,
        "> 10000",
        "30m",
        "ticket",
        "{{ $value }} files wait to be taken in.",
        "ingest-backlog",
    ),
    _over(
        "DeskmindSyncFails",
        f'{_CONNECTIONS}{{deskmind_state="failing"}})',
        "> 0",
        "30m",
        "ticket",
        "The last run of {{ $value }} connections to {{ $labels.deskmind_vendor }} failed.",
        "sync-fails",
        empty="no system is connected",
    ),
    _over(
        "DeskmindSyncLags",
        f'{_CONNECTIONS}{{deskmind_state="lagging"}})',
        "> 0",
        "15m",
        "ticket",
        "{{ $value }} connections to {{ $labels.deskmind_vendor }} are behind.",
        "sync-lags",
        empty="no system is connected",
    ),
    _over(
        "DeskmindWebhooksLate",
        "max by (job) (deskmind_webhooks_waiting_seconds)",
        "> 600",
        "5m",
        "page",
        "An event that is due waits since {{ $value | humanizeDuration }} although its target is not held back.",
        "webhooks-late",
    ),
    _over(
        "DeskmindWebhooksDead",
        'max by (job) (deskmind_webhooks_deliveries{deskmind_state="dead"})'
        ' - min by (job) (min_over_time(deskmind_webhooks_deliveries{deskmind_state="dead"}[1h]))',
        "> 0",
        "5m",
        "ticket",
        "{{ $value }} events were given up within an hour.",
        "webhooks-dead",
    ),
    _over(
        "DeskmindWritesUnknown",
        'max by (job) (sum without (deskmind_age) (deskmind_writes_unknown{deskmind_state="person"}))',
        "> 0",
        "5m",
        "ticket",
        "Of {{ $value }} writes to connected systems nobody knows whether they were done.",
        "writes-unknown",
    ),
    _over(
        "DeskmindLedgerBacklog",
        "sum by (instance) (deskmind_ledger_backlog)",
        "> 1000",
        "5m",
        "page",
        "{{ $value }} calls of {{ $labels.instance }} are not booked yet.",
        "ledger-backlog",
    ),
    _over(
        "DeskmindAuditUnsealed",
        "max by (job) (deskmind_audit_oldest_unsealed_age_seconds)",
        "> 900",
        "5m",
        "ticket",
        "The oldest audit event has not been sealed for {{ $value | humanizeDuration }}.",
        "audit-unsealed",
    ),
    _over(
        "DeskmindAuditBacklog",
        "max by (job) (deskmind_audit_backlog)",
        "> 100000",
        "10m",
        "ticket",
        "{{ $value }} audit events are not sealed.",
        "audit-unsealed",
    ),
    _over(
        "DeskmindAuditUnwitnessed",
        "max by (job) (deskmind_audit_oldest_unwitnessed_age_seconds)",
        "> 3600",
        "5m",
        "ticket",
        "A witness has lacked checkpoints of the audit log for {{ $value | humanizeDuration }}.",
        "audit-unwitnessed",
        empty="no witness is configured",
    ),
    _over(
        "DeskmindTelemetryDropped",
        "sum by (instance, deskmind_signal) (increase(deskmind_telemetry_dropped_total[10m]))",
        "> 0",
        "5m",
        "ticket",
        "{{ $labels.instance }} gave up {{ $labels.deskmind_signal }}.",
        "telemetry-dropped",
    ),
    _over(
        "DeskmindCollectorFails",
        "max by (instance, deskmind_signal) (deskmind_telemetry_failing)",
        "> 0",
        "15m",
        "ticket",
        "The collector does not take the {{ $labels.deskmind_signal }} of {{ $labels.instance }}.",
        "telemetry-dropped",
        empty="nothing is exported by OTLP",
    ),
    _over(
        "DeskmindNotFound",
        _NOT_FOUND,
        "> 0.5",
        "1h",
        "ticket",
        "{{ $value | humanizePercentage }} of questions find no answer.",
        "not-found",
    ),
)
