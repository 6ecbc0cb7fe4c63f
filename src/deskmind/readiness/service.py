"""Checks of the running service, by what it shows of itself: failures, latencies, traces, logs, workers."""

from __future__ import annotations

import asyncio
import socket
import statistics
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from deskmind.app import Deskmind
from deskmind.observability.metering.scraping import Sample, address_of, scraped, total
from deskmind.readiness.report import Check

__all__ = [
    "answer_latency",
    "embedding_latency",
    "failed_model_calls",
    "failed_operations",
    "failed_requests",
    "logs",
    "search_latency",
    "traces",
    "workers",
]

_REQUESTS = "http_server_request_duration_seconds"
_CALLS = "gen_ai_client_operation_duration_seconds_count"
_OPERATIONS = "deskmind_operation_duration_seconds_count"
_FEW = 20
_MAX_WAIT_SECONDS = 600.0
_MAX_EMBED_MS = 250.0
_COLLECTOR_SECONDS = 2.0


async def workers(app: Deskmind) -> Check:
    """Jobs do not wait for a worker."""
    alive = await app.jobs.workers()
    oldest = max((queue.oldest_seconds for queue in await app.jobs.waiting()), default=0.0)
    evidence = {"alive": alive, "oldest_job_seconds": round(oldest, 1), "most_seconds": _MAX_WAIT_SECONDS}
    if oldest > _MAX_WAIT_SECONDS:
        return Check(
            "workers",
            "red",
            f"A job has waited for {oldest:.0f} s; {alive} workers are alive.",
            "Start `deskmind worker`, or more of them.",
            evidence,
        )
    if not alive:
        return Check(
            "workers",
            "not assessed",
            "No worker is running now, and no job waits for one.",
            evidence=evidence,
        )
    return Check(
        "workers", "green", f"{alive} workers are alive, and no job has waited long.", evidence=evidence
    )


async def traces(app: Deskmind) -> Check:
    """The collector that traces are sent to can be reached."""
    settings = app.settings.telemetry
    if settings.traces != "otlp":
        return Check("traces", "not assessed", f"telemetry.traces is {settings.traces}: nothing is sent.")
    address = settings.traces_endpoint or settings.endpoint or "http://127.0.0.1:4318"
    parts = urlsplit(address)
    place = (parts.hostname or "127.0.0.1", parts.port or {"https": 443}.get(parts.scheme, 80))
    evidence = {"collector": f"{place[0]}:{place[1]}"}
    if not await asyncio.to_thread(_answers, place):
        return Check(
            "traces",
            "red",
            f"No collector takes connections at {place[0]}:{place[1]}.",
            "Correct telemetry.endpoint, or start the collector.",
            evidence,
        )
    return Check(
        "traces", "green", f"A collector takes connections at {place[0]}:{place[1]}.", evidence=evidence
    )


async def logs(app: Deskmind) -> Check:
    """Logs can be read by machines, and say no more than they should."""
    settings = app.settings.log
    evidence = {"format": settings.format, "level": settings.level}
    if settings.level == "debug":
        return Check("logs", "red", "log.level is debug, for everything.", "Set log.level to info.", evidence)
    if settings.format == "console":
        return Check(
            "logs",
            "red",
            "log.format is console, which no log store reads line by line.",
            "Set log.format to json, or auto.",
            evidence,
        )
    return Check("logs", "green", f"{settings.format}, {settings.level}.", evidence=evidence)


async def failed_requests(app: Deskmind) -> Check:
    """Few requests end with a server error."""

    def count(samples: list[Sample]) -> tuple[float, float]:
        name = f"{_REQUESTS}_count"
        return total(samples, name, http_route="/v1/"), total(
            samples, name, http_route="/v1/", http_response_status_code="5"
        )

    return await _share(app, "failed requests", "requests", count, most=0.01)


async def failed_model_calls(app: Deskmind) -> Check:
    """Few model calls fail after all attempts."""

    def count(samples: list[Sample]) -> tuple[float, float]:
        every = total(samples, _CALLS)
        return every, every - sum(
            sample.value
            for sample in samples
            if sample.name == _CALLS and not sample.labels.get("error_type")
        )

    return await _share(app, "failed model calls", "model calls", count, most=0.05)


async def failed_operations(app: Deskmind) -> Check:
    """Few operations end with an error of ours or the database's, refusals aside."""

    def count(samples: list[Sample]) -> tuple[float, float]:
        return total(samples, _OPERATIONS), total(samples, _OPERATIONS, deskmind_outcome="error")

    return await _share(app, "failed operations", "operations", count, most=0.01)


async def search_latency(app: Deskmind) -> Check:
    """Searches keep the objective: 99 % within half a second."""
    return await _within(app, "search latency", "/v1/search", seconds=0.5, share=0.99)


async def answer_latency(app: Deskmind) -> Check:
    """Answers keep the objective: 95 % within ten seconds."""
    return await _within(app, "answer latency", "/v1/ask", seconds=10.0, share=0.95)


async def embedding_latency(app: Deskmind) -> Check:
    """A question is embedded quickly."""
    engine = await app.engine()
    if engine.embedder is None:
        return Check("embedding latency", "not assessed", "There is no embedding model.")
    taken: list[float] = []
    for number in range(5):
        begun = time.perf_counter()
        await engine.embedder.embed_query(f"readiness {number}")
        taken.append((time.perf_counter() - begun) * 1000)
    median = statistics.median(taken)
    evidence = {"questions": len(taken), "median_ms": round(median, 2), "most_ms": _MAX_EMBED_MS}
    finding = f"A question is embedded in {median:.1f} ms (median of {len(taken)})."
    if median > _MAX_EMBED_MS:
        return Check("embedding latency", "red", finding, "Give the process more of a processor.", evidence)
    return Check("embedding latency", "green", finding, evidence=evidence)


async def _share(
    app: Deskmind,
    name: str,
    what: str,
    count: Callable[[list[Sample]], tuple[float, float]],
    *,
    most: float,
) -> Check:
    """The share of what failed since the service began, from its metrics."""
    samples = await _samples(app)
    if samples is None:
        return Check(name, "not assessed", "No service of this machine shows its metrics.")
    every, failed = count(samples)
    evidence = {what.replace(" ", "_"): int(every), "failed": int(failed), "most_share": most}
    if every < _FEW:
        return Check(name, "not assessed", f"Only {every:.0f} {what} so far.", evidence=evidence)
    finding = f"{failed:.0f} of {every:.0f} {what} failed ({failed / every:.1%})."
    if failed / every > most:
        return Check(name, "red", finding, "`deskmind requests list --failed` and the log say why.", evidence)
    return Check(name, "green", finding, evidence=evidence)


async def _within(app: Deskmind, name: str, route: str, *, seconds: float, share: float) -> Check:
    """The share of a route's successful requests that were quick enough, from the service's histogram."""
    samples = await _samples(app)
    if samples is None:
        return Check(name, "not assessed", "No service of this machine shows its metrics.")
    chosen = {"http_route": route, "http_response_status_code": "2"}
    every = total(samples, f"{_REQUESTS}_count", **chosen)
    quick = sum(
        sample.value
        for sample in samples
        if sample.name == f"{_REQUESTS}_bucket"
        and sample.labels.get("http_route") == route
        and sample.labels.get("http_response_status_code", "").startswith("2")
        and float(sample.labels.get("le", "nan")) == seconds
    )
    evidence = {"requests": int(every), "within": int(quick), "seconds": seconds, "objective": share}
    if every < _FEW:
        return Check(name, "not assessed", f"Only {every:.0f} requests of {route} so far.", evidence=evidence)
    finding = f"{quick / every:.1%} of {every:.0f} requests of {route} took at most {seconds:g} s."
    if quick / every < share:
        return Check(
            name, "red", finding, "`deskmind explain` shows where a slow request spent its time.", evidence
        )
    return Check(name, "green", finding, evidence=evidence)


async def _samples(app: Deskmind) -> list[Sample] | None:
    address = address_of(app.settings.telemetry)
    return await asyncio.to_thread(scraped, address) if address else None


def _answers(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=_COLLECTOR_SECONDS).close()
    except OSError:
        return False
    return True
