"""Two readings of the metrics, and what happened between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deskmind.observability.metering.scraping import Sample

__all__ = ["Budget", "Glance", "ModelUse", "Queue", "Reading", "Route", "between", "quantile"]

_HTTP = "http_server_request_duration_seconds"
_CALLS = "gen_ai_client_operation_duration_seconds"
_MODEL, _ROUTE, _QUEUE = "gen_ai_request_model", "http_route", "deskmind_queue"
_BREAKERS = ("closed", "half open", "open")


@dataclass(frozen=True, slots=True)
class Reading:
    """All samples at one moment (seconds of a monotonic clock)."""

    at: float
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Route:
    """Requests of one route; seconds, None where there was no request."""

    route: str
    per_second: float
    error_ratio: float
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Calls of one model."""

    model: str
    calls_per_second: float
    tokens_per_minute: float
    dollars_per_minute: float
    p95: float | None


@dataclass(frozen=True, slots=True)
class Queue:
    """Jobs of one queue and the age of the oldest that waits, in seconds."""

    queue: str
    todo: int
    doing: int
    failed: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget's fullest counter, 0 to 1 and beyond."""

    budget: str
    window: str
    used_ratio: float


@dataclass(frozen=True, slots=True)
class Glance:
    """What an operator looks at first. Ratios are None where nothing happened between the readings."""

    seconds: float
    release: str
    processes: int
    requests_per_second: float
    error_ratio: float | None
    under_way: int
    cores: float
    memory_bytes: float
    loop_lag_seconds: float
    cost_usd: float
    cache_hit_ratio: float | None
    not_found_ratio: float | None
    pool: Mapping[str, int]
    ledger_backlog: int
    routes: tuple[Route, ...]
    models: tuple[ModelUse, ...]
    queues: tuple[Queue, ...]
    budgets: tuple[Budget, ...]
    breakers: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def between(before: Reading, after: Reading) -> Glance:
    """What happened from one reading to the next. A counter that fell began anew: all it counts is new."""
    seconds = max(after.at - before.at, 1e-9)
    grown, now = _growth(before.samples, after.samples), _Samples(after.samples)
    requests = grown.sum(f"{_HTTP}_count")
    return Glance(
        seconds=round(seconds, 3),
        release=next((one.labels.get("deskmind_version", "") for one in now.of("deskmind_build_info")), ""),
        processes=int(now.sum("deskmind_processes")),
        requests_per_second=requests / seconds,
        error_ratio=_ratio(grown.sum(f"{_HTTP}_count", http_response_status_code="5"), requests),
        under_way=int(now.sum("http_server_active_requests")),
        cores=grown.sum("process_cpu_time_seconds_total") / seconds,
        memory_bytes=now.sum("process_memory_usage_bytes"),
        loop_lag_seconds=now.sum("deskmind_event_loop_lag_seconds"),
        cost_usd=now.sum("deskmind_cost_usd_total"),
        cache_hit_ratio=_ratio(
            grown.sum("deskmind_cache_requests_total", deskmind_result="hit"),
            grown.sum("deskmind_cache_requests_total"),
        ),
        not_found_ratio=_ratio(
            grown.sum("deskmind_answers_total", deskmind_outcome="not_found"),
            grown.sum("deskmind_answers_total"),
        ),
        pool=_pool(now),
        ledger_backlog=int(now.sum("deskmind_ledger_backlog")),
        routes=tuple(_route(name, grown, seconds) for name in now.values(f"{_HTTP}_count", _ROUTE)),
        models=tuple(_model(name, grown, seconds) for name in now.values(f"{_CALLS}_count", _MODEL)),
        queues=tuple(_queue(name, now) for name in now.values("deskmind_jobs_depth", _QUEUE)),
        budgets=tuple(
            Budget(one.labels.get("deskmind_budget", ""), one.labels.get("deskmind_window", ""), one.value)
            for one in now.of("deskmind_budget_used_ratio")
        ),
        breakers={
            one.labels.get("deskmind_deployment", ""): _BREAKERS[min(int(one.value), 2)]
            for one in now.of("deskmind_gateway_breaker_state")
        },
    )


def quantile(share: float, buckets: Iterable[tuple[float, float]]) -> float | None:
    """As Prometheus's ``histogram_quantile``: by straight lines inside buckets; None without an observation.

    Args:
        share: 0 to 1.
        buckets: upper bounds with cumulative counts, in any order.
    """
    ordered = sorted(buckets)
    if not ordered or ordered[-1][1] <= 0:
        return None
    wanted, low, below = share * ordered[-1][1], 0.0, 0.0
    for bound, count in ordered:
        if count >= wanted:
            if bound == float("inf"):
                return low
            inside = count - below
            return low + (bound - low) * ((wanted - below) / inside if inside else 1.0)
        low, below = bound, count
    return low


class _Samples:
    """Samples to be asked for by name and beginnings of labels."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._by_name: dict[str, list[Sample]] = {}
        for sample in samples:
            self._by_name.setdefault(sample.name, []).append(sample)

    def of(self, name: str, **labels: str) -> list[Sample]:
        return [
            one
            for one in self._by_name.get(name, [])
            if all(one.labels.get(label, "").startswith(value) for label, value in labels.items())
        ]

    def exactly(self, name: str, label: str, value: str) -> list[Sample]:
        return [one for one in self._by_name.get(name, []) if one.labels.get(label, "") == value]

    def sum(self, name: str, **labels: str) -> float:
        return sum(one.value for one in self.of(name, **labels))

    def values(self, name: str, label: str) -> list[str]:
        return sorted({one.labels.get(label, "") for one in self._by_name.get(name, [])})


def _growth(before: Sequence[Sample], after: Sequence[Sample]) -> _Samples:
    was = {(one.name, *sorted(one.labels.items())): one.value for one in before}
    grown: list[Sample] = []
    for one in after:
        old = was.get((one.name, *sorted(one.labels.items())), 0.0)
        grown.append(Sample(one.name, one.labels, one.value - old if one.value >= old else one.value))
    return _Samples(grown)


def _route(route: str, grown: _Samples, seconds: float) -> Route:
    counted = grown.exactly(f"{_HTTP}_count", _ROUTE, route)
    count = sum(one.value for one in counted)
    failed = sum(
        one.value for one in counted if one.labels.get("http_response_status_code", "").startswith("5")
    )
    buckets = _buckets(grown.exactly(f"{_HTTP}_bucket", _ROUTE, route))
    return Route(
        route, count / seconds, _ratio(failed, count) or 0.0, quantile(0.5, buckets), quantile(0.95, buckets)
    )


def _model(model: str, grown: _Samples, seconds: float) -> ModelUse:
    def minute(name: str) -> float:
        return 60 * sum(one.value for one in grown.exactly(name, _MODEL, model)) / seconds

    return ModelUse(
        model,
        minute(f"{_CALLS}_count") / 60,
        minute("gen_ai_client_token_usage_sum"),
        minute("deskmind_cost_usd_total"),
        quantile(0.95, _buckets(grown.exactly(f"{_CALLS}_bucket", _MODEL, model))),
    )


def _queue(queue: str, now: _Samples) -> Queue:
    depth = {
        one.labels.get("deskmind_state", ""): int(one.value)
        for one in now.exactly("deskmind_jobs_depth", _QUEUE, queue)
    }
    oldest = sum(one.value for one in now.exactly("deskmind_jobs_oldest_age_seconds", _QUEUE, queue))
    return Queue(queue, depth.get("todo", 0), depth.get("doing", 0), depth.get("failed", 0), oldest)


def _pool(now: _Samples) -> dict[str, int]:
    count = "db_client_connection_count"
    return {
        "used": int(now.sum(count, db_client_connection_state="used")),
        "idle": int(now.sum(count, db_client_connection_state="idle")),
        "most": int(now.sum("db_client_connection_max")),
        "waiting": int(now.sum("db_client_connection_pending_requests")),
    }


def _buckets(samples: Iterable[Sample]) -> list[tuple[float, float]]:
    found: dict[float, float] = {}
    for one in samples:
        bound = float(one.labels["le"].replace("+Inf", "inf"))
        found[bound] = found.get(bound, 0.0) + one.value
    return list(found.items())


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
