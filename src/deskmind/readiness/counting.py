"""What a service of this machine counted of late: its counters, less what an earlier run of the checks kept of them.

Counters go on from the service's beginning; after weeks without a failure an hour of failures would be lost among them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deskmind.app import Deskmind
from deskmind.errors import DeskmindError
from deskmind.governance.audit.service import AuditFilter
from deskmind.observability.metering.scraping import Sample, address_of, scraped, total

__all__ = ["ACTION", "ANSWER_SECONDS", "FEW", "SEARCH_SECONDS", "Counted", "counted", "figures"]

ACTION = "readiness.run"
"""Of the events that keep what a run found."""

FEW = 20
"""Less than so many say nothing."""

SEARCH_SECONDS, ANSWER_SECONDS = 0.5, 10.0
"""How quick a search and an answer should be."""

_YOUNG = timedelta(minutes=15)
_OLD = timedelta(days=1)
_MOST_RUNS = 100
_REQUESTS = "http_server_request_duration_seconds"
_CALLS = "gen_ai_client_operation_duration_seconds_count"
_OPERATIONS = "deskmind_operation_duration_seconds_count"

_Count = Callable[[list[Sample]], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Counted:
    """What happened in a while.

    Attributes:
        every: how often.
        bad: how often it failed, or took too long.
        since: when the while began; None for the service's own beginning.
    """

    every: float
    bad: float
    since: datetime | None

    def __str__(self) -> str:
        """Since when, for a finding."""
        return f"since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else "since the service began"


async def counted(app: Deskmind, name: str) -> Counted | None:
    """What a check looks at: since the newest run that kept its figures, 15 minutes ago or more and with enough since then.

    None where no service of this machine shows its metrics. Where no run of the last day will do, or the counters were
    smaller since (the service began anew), it is all since the service began.
    """
    samples = await _samples(app)
    if samples is None:
        return None
    every, bad = _COUNTS[name](samples)
    for at, kept in await _earlier(app):
        before = kept.get(name)
        if before is None:
            continue
        if before[0] > every or before[1] > bad:
            break
        if every - before[0] >= FEW:
            return Counted(every - before[0], bad - before[1], at)
    return Counted(every, bad, None)


async def figures(app: Deskmind) -> tuple[str, list[str]]:
    """What a later run needs to tell what happened since this one: which service, and its counters; none without one."""
    samples = await _samples(app)
    if samples is None:
        return "", []
    counts = [(name, *count(samples)) for name, count in _COUNTS.items()]
    return _service(app), [f"{name}: {every:.0f} {bad:.0f}" for name, every, bad in counts]


async def _earlier(app: Deskmind) -> list[tuple[datetime, Mapping[str, tuple[float, float]]]]:
    """What the runs of the last day kept of this service, newest first; nothing where the database does not tell."""
    now = datetime.now(UTC)
    wanted = AuditFilter(action=ACTION, since=now - _OLD, until=now - _YOUNG)
    try:
        events = await app.audit_log.search(wanted, limit=_MOST_RUNS)
    except DeskmindError:
        return []
    service = _service(app)
    return [
        (event.occurred_at.astimezone(UTC), dict(map(_read, event.details.get("counters", ()))))
        for event in events
        if event.details.get("service") == service
    ]


def _read(kept: str) -> tuple[str, tuple[float, float]]:
    name, _, numbers = kept.partition(": ")
    every, bad = numbers.split(" ")
    return name, (float(every), float(bad))


def _service(app: Deskmind) -> str:
    return f"{socket.gethostname()} {address_of(app.settings.telemetry)}"


async def _samples(app: Deskmind) -> list[Sample] | None:
    address = address_of(app.settings.telemetry)
    return await asyncio.to_thread(scraped, address) if address else None


def _requests(samples: list[Sample]) -> tuple[float, float]:
    name = f"{_REQUESTS}_count"
    failed = total(samples, name, http_route="/v1/", http_response_status_code="5")
    return total(samples, name, http_route="/v1/"), failed


def _model_calls(samples: list[Sample]) -> tuple[float, float]:
    every = total(samples, _CALLS)
    well = sum(
        sample.value for sample in samples if sample.name == _CALLS and not sample.labels.get("error_type")
    )
    return every, every - well


def _operations(samples: list[Sample]) -> tuple[float, float]:
    return total(samples, _OPERATIONS), total(samples, _OPERATIONS, deskmind_outcome="error")


def _slow(route: str, seconds: float) -> _Count:
    """The successful requests of a route, and those that took longer, from the service's histogram."""

    def count(samples: list[Sample]) -> tuple[float, float]:
        every = total(samples, f"{_REQUESTS}_count", http_route=route, http_response_status_code="2")
        quick = sum(
            sample.value
            for sample in samples
            if sample.name == f"{_REQUESTS}_bucket"
            and sample.labels.get("http_route") == route
            and sample.labels.get("http_response_status_code", "").startswith("2")
            and float(sample.labels.get("le", "nan")) == seconds
        )
        return every, every - quick

    return count


_COUNTS: dict[str, _Count] = {
    "failed requests": _requests,
    "failed model calls": _model_calls,
    "failed operations": _operations,
    "search latency": _slow("/v1/search", SEARCH_SECONDS),
    "answer latency": _slow("/v1/ask", ANSWER_SECONDS),
}
