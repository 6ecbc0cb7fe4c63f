"""Checks of the running service, by what it shows of itself: failures, latencies, traces, logs, workers."""

from __future__ import annotations

import asyncio
import socket
import statistics
import time
from urllib.parse import urlsplit

from deskmind.app import Deskmind
from deskmind.readiness.counting import ANSWER_SECONDS, FEW, SEARCH_SECONDS, counted
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
    return await _share(app, "failed requests", "requests", most=0.01)


async def failed_model_calls(app: Deskmind) -> Check:
    """Few model calls fail after all attempts."""
    return await _share(app, "failed model calls", "model calls", most=0.05)


async def failed_operations(app: Deskmind) -> Check:
    """Few operations end with an error of ours or the database's, refusals aside."""
    return await _share(app, "failed operations", "operations", most=0.01)


async def search_latency(app: Deskmind) -> Check:
    """Searches keep the objective: 99 % within half a second."""
    return await _within(app, "search latency", "/v1/search", seconds=SEARCH_SECONDS, share=0.99)


async def answer_latency(app: Deskmind) -> Check:
    """Answers keep the objective: 95 % within ten seconds."""
    return await _within(app, "answer latency", "/v1/ask", seconds=ANSWER_SECONDS, share=0.95)


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


async def _share(app: Deskmind, name: str, what: str, *, most: float) -> Check:
    """The share of what failed of late, from the service's metrics."""
    found = await counted(app, name)
    if found is None:
        return Check(name, "not assessed", "No service of this machine shows its metrics.")
    evidence = {
        what.replace(" ", "_"): int(found.every),
        "failed": int(found.bad),
        "most_share": most,
        "since": found.since and found.since.isoformat(),
    }
    if found.every < FEW:
        return Check(name, "not assessed", f"Only {found.every:.0f} {what} {found}.", evidence=evidence)
    share = found.bad / found.every
    finding = f"{found.bad:.0f} of {found.every:.0f} {what} failed {found} ({share:.1%})."
    if share > most:
        return Check(name, "red", finding, "`deskmind requests list --failed` and the log say why.", evidence)
    return Check(name, "green", finding, evidence=evidence)


async def _within(app: Deskmind, name: str, route: str, *, seconds: float, share: float) -> Check:
    """The share of a route's successful requests of late that were quick enough."""
    found = await counted(app, name)
    if found is None:
        return Check(name, "not assessed", "No service of this machine shows its metrics.")
    quick = found.every - found.bad
    evidence = {
        "requests": int(found.every),
        "within": int(quick),
        "seconds": seconds,
        "objective": share,
        "since": found.since and found.since.isoformat(),
    }
    if found.every < FEW:
        finding = f"Only {found.every:.0f} requests of {route} {found}."
        return Check(name, "not assessed", finding, evidence=evidence)
    finding = f"{quick / found.every:.1%} of {found.every:.0f} requests of {route} took at most {seconds:g} s {found}."
    if quick / found.every < share:
        return Check(
            name, "red", finding, "`deskmind explain` shows where a slow request spent its time.", evidence
        )
    return Check(name, "green", finding, evidence=evidence)


def _answers(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=_COLLECTOR_SECONDS).close()
    except OSError:
        return False
    return True
