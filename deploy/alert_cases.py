"""Histories on which each alert fires, and others on which it does not; written as Prometheus writes series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One history.

    Attributes:
        alert: its name.
        fires: whether it is firing at the end.
        story: what happened.
        at: the end.
        history: samples by series: ``0+5x60`` begins at 0 and grows by 5 sixty times.
        every: between two samples and between two evaluations.
        file: where it is written; ``alerts`` knows no recording rules, which is faster.
    """

    alert: str
    fires: bool
    story: str
    at: str
    history: Mapping[str, str]
    every: str = "1m"
    file: str = "alerts"


_DAYS = "1h"
_BURNS = "burns"
_I = 'instance="a:1",job="deskmind"'
_REQUESTS = "http_server_request_duration_seconds"
_ASKED = "deskmind_operation_duration_seconds_count"


def _status(
    status: str, values: str, route: str = "/v1/search", part: str = "_count", more: str = ""
) -> dict[str, str]:
    labels = f'{_I},http_route="{route}",http_response_status_code="{status}"{more}'
    return {f"{_REQUESTS}{part}{{{labels}}}": values}


def _slow(route: str, bound: str, all_: str, within: str) -> dict[str, str]:
    return {
        **_status("200", all_, route),
        **_status("200", within, route, "_bucket", f',le="{bound}"'),
    }


def _asked(outcome: str, values: str) -> dict[str, str]:
    return {f'{_ASKED}{{{_I},deskmind_operation="knowledge.ask",deskmind_outcome="{outcome}"}}': values}


def _gauge(name: str, values: str, more: str = "") -> dict[str, str]:
    return {f"{name}{{{_I}{more}}}": values}


def _connections(state: str) -> str:
    return f',deskmind_vendor="servicenow",deskmind_state="{state}"'


def _unknown(state: str, age: str) -> str:
    return f',deskmind_state="{state}",deskmind_age="{age}"'


def _objective(
    alert: str,
    bad: Mapping[str, str],
    slowly: Mapping[str, str],
    good: Mapping[str, str],
    over: Mapping[str, str],
) -> tuple[Case, ...]:
    """Of an objective: a burst pages, a trickle makes a ticket and no page, good days neither, and a burst that is over pages no more."""
    return (
        Case(f"{alert}FastBurn", True, "a fifth of all is bad for an hour", "70m", bad, file=_BURNS),
        Case(f"{alert}FastBurn", False, "all is well", "70m", good, file=_BURNS),
        Case(
            f"{alert}FastBurn",
            False,
            "it was bad, and has been well for 50 minutes",
            "110m",
            over,
            file=_BURNS,
        ),
        Case(f"{alert}FastBurn", False, "a trickle wakes nobody", "78h", slowly, _DAYS, "days"),
        Case(f"{alert}SlowBurn", True, "a trickle for three days", "78h", slowly, _DAYS, "days"),
        Case(
            f"{alert}SlowBurn",
            False,
            "all is well",
            "78h",
            {name: f"{values.split('x')[0]}x80" for name, values in good.items()},
            _DAYS,
            "days",
        ),
    )


CASES: tuple[Case, ...] = (
    *_objective(
        "DeskmindAvailability",
        {**_status("200", "0+80x70"), **_status("503", "0+20x70")},
        {**_status("200", "0+9970x80"), **_status("503", "0+20x80")},
        {**_status("200", "0+100x70"), **_status("503", "0+0x70")},
        {**_status("200", "0+80x60 4800+100x60"), **_status("503", "0+20x60 1200+0x60")},
    ),
    *_objective(
        "DeskmindSearchLatency",
        _slow("/v1/search", "0.5", "0+100x70", "0+80x70"),
        _slow("/v1/search", "0.5", "0+100x600", "0+98x80"),
        _slow("/v1/search", "0.5", "0+100x70", "0+100x70"),
        _slow("/v1/search", "0.5", "0+100x120", "0+80x60 4900+100x60"),
    ),
    *_objective(
        "DeskmindAskLatency",
        _slow("/v1/ask", "10.0", "0+100x70", "0+20x70"),
        _slow("/v1/ask", "10.0", "0+100x600", "0+90x80"),
        _slow("/v1/ask", "10.0", "0+100x70", "0+100x70"),
        _slow("/v1/ask", "10.0", "0+100x120", "0+20x60 1300+100x60"),
    ),
    *_objective(
        "DeskmindAnswers",
        {**_asked("ok", "0+80x70"), **_asked("error", "0+20x70")},
        {**_asked("ok", "0+990x80"), **_asked("error", "0+10x80")},
        {**_asked("ok", "0+100x70"), **_asked("error", "0+0x70")},
        {**_asked("ok", "0+80x60 4800+100x60"), **_asked("error", "0+20x60 1200+0x60")},
    ),
    Case("DeskmindDown", True, "it does not answer", "5m", {f"up{{{_I}}}": "1 1 0x10"}),
    Case("DeskmindDown", False, "one scrape failed", "5m", {f"up{{{_I}}}": "1 1 0 1x10"}),
    Case(
        "DeskmindErrorRatio",
        True,
        "a tenth fails",
        "15m",
        {**_status("200", "0+90x15"), **_status("500", "0+10x15")},
    ),
    Case(
        "DeskmindErrorRatio",
        False,
        "one in a hundred fails",
        "15m",
        {**_status("200", "0+99x15"), **_status("500", "0+1x15")},
    ),
    Case(
        "DeskmindErrorRatio",
        False,
        "nobody asks anything",
        "15m",
        {**_status("200", "5x15"), **_status("500", "1x15")},
    ),
    Case(
        "DeskmindRestarts",
        True,
        "its counters began anew twice",
        "20m",
        _gauge("process_cpu_time_seconds_total", "0+3x5 0+3x5 0+3x10", ',cpu_mode="user"'),
    ),
    Case("DeskmindRestarts", True, "it came and went", "20m", {f"up{{{_I}}}": "1 0 1 0 1x16"}),
    Case(
        "DeskmindRestarts",
        False,
        "one rollout",
        "20m",
        {
            **_gauge("process_cpu_time_seconds_total", "0+3x10 0+3x10", ',cpu_mode="user"'),
            f"up{{{_I}}}": "1x9 0 1x10",
        },
    ),
    Case(
        "DeskmindPoolExhausted",
        True,
        "requests wait",
        "10m",
        _gauge("db_client_connection_pending_requests", "3x10"),
    ),
    Case(
        "DeskmindPoolExhausted",
        False,
        "a moment's queue",
        "10m",
        _gauge("db_client_connection_pending_requests", "0 3 0x8"),
    ),
    Case(
        "DeskmindEventLoopBlocked",
        True,
        "one second late",
        "10m",
        _gauge("deskmind_event_loop_lag_seconds", "1x10"),
    ),
    Case(
        "DeskmindEventLoopBlocked",
        False,
        "ten milliseconds late",
        "10m",
        _gauge("deskmind_event_loop_lag_seconds", "0.01x10"),
    ),
    Case(
        "DeskmindBudgetNearlyUsed",
        True,
        "95 % taken",
        "5m",
        _gauge("deskmind_budget_used_ratio", "0.95x5", ',deskmind_budget="all",deskmind_window="day"'),
    ),
    Case(
        "DeskmindBudgetNearlyUsed",
        False,
        "half taken",
        "5m",
        _gauge("deskmind_budget_used_ratio", "0.5x5", ',deskmind_budget="all",deskmind_window="day"'),
    ),
    Case(
        "DeskmindBreakerOpen",
        True,
        "open",
        "5m",
        _gauge("deskmind_gateway_breaker_state", "2x5", ',deskmind_deployment="d"'),
    ),
    Case(
        "DeskmindBreakerOpen",
        False,
        "half open",
        "5m",
        _gauge("deskmind_gateway_breaker_state", "1x5", ',deskmind_deployment="d"'),
    ),
    Case(
        "DeskmindJobsWait",
        True,
        "no worker runs",
        "20m",
        _gauge("deskmind_jobs_oldest_age_seconds", "0+60x20", ',deskmind_queue="ingest"'),
    ),
    Case(
        "DeskmindJobsWait",
        False,
        "workers keep up",
        "20m",
        _gauge("deskmind_jobs_oldest_age_seconds", "5x20", ',deskmind_queue="ingest"'),
    ),
    Case(
        "DeskmindJobsFailed",
        True,
        "one more failed",
        "30m",
        _gauge("deskmind_jobs_depth", "2x15 3x15", ',deskmind_queue="ingest",deskmind_state="failed"'),
    ),
    Case(
        "DeskmindJobsFailed",
        False,
        "old failures stay",
        "30m",
        _gauge("deskmind_jobs_depth", "2x30", ',deskmind_queue="ingest",deskmind_state="failed"'),
    ),
    Case(
        "DeskmindSyncFails",
        True,
        "the credentials have expired",
        "60m",
        _gauge("deskmind_sync_connections", "0x10 1x50", _connections("failing")),
    ),
    Case(
        "DeskmindSyncFails",
        False,
        "one run failed, the next did not",
        "60m",
        _gauge("deskmind_sync_connections", "0x10 1x15 0x35", _connections("failing")),
    ),
    Case(
        "DeskmindSyncLags",
        True,
        "no worker reads",
        "60m",
        _gauge("deskmind_sync_connections", "0x10 2x50", _connections("lagging")),
    ),
    Case(
        "DeskmindSyncLags",
        False,
        "all are read in time",
        "60m",
        _gauge("deskmind_sync_connections", "3x60", _connections("ok")),
    ),
    Case(
        "DeskmindWebhooksLate",
        True,
        "no worker delivers",
        "40m",
        _gauge("deskmind_webhooks_waiting_seconds", "0+60x40"),
    ),
    Case(
        "DeskmindWebhooksLate",
        False,
        "a worker is restarted",
        "40m",
        _gauge("deskmind_webhooks_waiting_seconds", "0x10 0+60x8 0x20"),
    ),
    Case(
        "DeskmindWebhooksDead",
        True,
        "a receiver was down for days",
        "60m",
        _gauge("deskmind_webhooks_deliveries", "2x40 5x20", ',deskmind_state="dead"'),
    ),
    Case(
        "DeskmindWebhooksDead",
        False,
        "old dead letters stay, and some are replayed",
        "60m",
        _gauge("deskmind_webhooks_deliveries", "5x30 2x30", ',deskmind_state="dead"'),
    ),
    Case(
        "DeskmindWritesUnknown",
        True,
        "workers have given up looking for two, of which one is new",
        "60m",
        {
            **_gauge("deskmind_writes_unknown", "0x10 1x50", _unknown("person", "hour")),
            **_gauge("deskmind_writes_unknown", "0x10 1x50", _unknown("person", "day")),
        },
    ),
    Case(
        "DeskmindWritesUnknown",
        False,
        "workers look for some",
        "60m",
        {
            **_gauge("deskmind_writes_unknown", "3x60", _unknown("looking", "hour")),
            **_gauge("deskmind_writes_unknown", "0x60", _unknown("person", "hour")),
        },
    ),
    Case(
        "DeskmindIngestStalled",
        True,
        "files wait and none is taken in",
        "40m",
        {
            **_gauge("deskmind_ingest_pending", "7x40"),
            **_gauge("deskmind_ingest_files_total", "50x40", ',deskmind_outcome="stored"'),
        },
    ),
    Case(
        "DeskmindIngestStalled",
        True,
        "files wait and none ever was",
        "40m",
        _gauge("deskmind_ingest_pending", "7x40"),
    ),
    Case(
        "DeskmindIngestStalled",
        False,
        "files are taken in",
        "40m",
        {
            **_gauge("deskmind_ingest_pending", "7x40"),
            **_gauge("deskmind_ingest_files_total", "0+5x40", ',deskmind_outcome="stored"'),
        },
    ),
    Case(
        "DeskmindIngestStalled",
        False,
        "nothing waits",
        "40m",
        {
            **_gauge("deskmind_ingest_pending", "0x40"),
            **_gauge("deskmind_ingest_files_total", "50x40", ',deskmind_outcome="stored"'),
        },
    ),
    Case(
        "DeskmindIngestBacklog",
        True,
        "20,000 files wait",
        "40m",
        _gauge("deskmind_ingest_pending", "20000x40"),
    ),
    Case(
        "DeskmindIngestBacklog",
        False,
        "a large import is nearly done",
        "40m",
        _gauge("deskmind_ingest_pending", "20000-600x30 500x10"),
    ),
    Case(
        "DeskmindLedgerBacklog",
        True,
        "the database takes no rows",
        "15m",
        _gauge("deskmind_ledger_backlog", "0+300x15"),
    ),
    Case(
        "DeskmindLedgerBacklog",
        False,
        "a batch at a time",
        "15m",
        _gauge("deskmind_ledger_backlog", "200x15"),
    ),
    Case(
        "DeskmindAuditUnsealed",
        True,
        "the sealer does not run",
        "30m",
        _gauge("deskmind_audit_oldest_unsealed_age_seconds", "0+60x30"),
    ),
    Case(
        "DeskmindAuditUnsealed",
        False,
        "sealed each minute",
        "30m",
        _gauge("deskmind_audit_oldest_unsealed_age_seconds", "60x30"),
    ),
    Case(
        "DeskmindAuditBacklog",
        True,
        "more is written than sealed",
        "30m",
        _gauge("deskmind_audit_backlog", "0+10000x30"),
    ),
    Case("DeskmindAuditBacklog", False, "it keeps up", "30m", _gauge("deskmind_audit_backlog", "500x30")),
    Case(
        "DeskmindAuditUnwitnessed",
        True,
        "the witness does not answer",
        "90m",
        _gauge("deskmind_audit_oldest_unwitnessed_age_seconds", "0+60x90"),
    ),
    Case(
        "DeskmindAuditUnwitnessed",
        False,
        "the next round succeeds",
        "90m",
        _gauge("deskmind_audit_oldest_unwitnessed_age_seconds", "60x90"),
    ),
    Case(
        "DeskmindTelemetryDropped",
        True,
        "spans are given up",
        "15m",
        _gauge("deskmind_telemetry_dropped_total", "0+10x15", ',deskmind_signal="traces"'),
    ),
    Case(
        "DeskmindTelemetryDropped",
        False,
        "that was long ago",
        "40m",
        _gauge("deskmind_telemetry_dropped_total", "0+10x5 50x35", ',deskmind_signal="traces"'),
    ),
    Case(
        "DeskmindCollectorFails",
        True,
        "it is away",
        "30m",
        _gauge("deskmind_telemetry_failing", "1x30", ',deskmind_signal="metrics"'),
    ),
    Case(
        "DeskmindCollectorFails",
        False,
        "it was started again",
        "30m",
        _gauge("deskmind_telemetry_failing", "0x5 1x5 0x20", ',deskmind_signal="metrics"'),
    ),
    Case(
        "DeskmindNotFound",
        True,
        "two of three find nothing",
        "3h",
        {
            **_gauge("deskmind_answers_total", "0+1x180", ',deskmind_outcome="answered"'),
            **_gauge("deskmind_answers_total", "0+2x180", ',deskmind_outcome="not_found"'),
        },
    ),
    Case(
        "DeskmindNotFound",
        False,
        "one of five",
        "3h",
        {
            **_gauge("deskmind_answers_total", "0+4x180", ',deskmind_outcome="answered"'),
            **_gauge("deskmind_answers_total", "0+1x180", ',deskmind_outcome="not_found"'),
        },
    ),
)
