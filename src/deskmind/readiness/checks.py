"""The checks of what does the work: the embedder, models, jobs, connections, the disk, telemetry."""

from __future__ import annotations

import asyncio
import shutil

from deskmind.app import Deskmind
from deskmind.observability.metering.scraping import address_of, scraped, total
from deskmind.readiness.report import Check

__all__ = ["disk", "embedder", "jobs", "metrics", "models", "pools", "stories"]

_MIN_FREE_BYTES = 1 * 2**30


async def embedder(app: Deskmind) -> Check:
    """A model is there, and its vectors have a place."""
    engine = await app.engine()
    if engine.embedder is None:
        return Check(
            "embedder",
            "red",
            f"No embedding model: {app.embedding_problem}",
            f"Put model.safetensors under {app.settings.models_folder}, or configure another embedder.",
        )
    vector = await engine.embedder.embed_query("readiness")
    return Check(
        "embedder",
        "green",
        f"{engine.embedder.space.model} answers with {len(vector)} dimensions.",
        evidence={"model": engine.embedder.space.model, "dimensions": len(vector)},
    )


async def disk(app: Deskmind) -> Check:
    """There is room in the home."""
    free = shutil.disk_usage(app.settings.home).free
    finding = f"{free / 2**30:.1f} GiB free for {app.settings.home}."
    evidence = {"free_bytes": free, "least_bytes": _MIN_FREE_BYTES}
    if free < _MIN_FREE_BYTES:
        return Check("disk", "red", finding, "Free space, or move the home.", evidence)
    return Check("disk", "green", finding, evidence=evidence)


async def pools(app: Deskmind) -> Check:
    """Requests do not wait for connections."""
    stats = app.database.stats()
    waiting = stats.get("requests_waiting", 0)
    finding = f"{stats.get('pool_size', 0)} of {stats.get('pool_max', 0)} connections open, {waiting} requests waiting."
    if waiting:
        return Check(
            "pools", "red", finding, "Raise database.pool_max, or find what holds connections.", stats
        )
    return Check("pools", "green", finding, evidence=stats)


async def jobs(app: Deskmind) -> Check:
    """No job has failed for good."""
    depth = await app.jobs.depth()
    finding = f"{depth['todo']} queued, {depth['doing']} running, {depth['failed']} failed."
    if depth["failed"]:
        return Check(
            "jobs", "red", finding, "The log says why (event job …); mend the cause and ingest again.", depth
        )
    return Check("jobs", "green", finding, evidence=depth)


async def models(app: Deskmind) -> Check:
    """The usage ledger takes calls, and each configured model has a deployment that has answered this process and is not out."""
    gateway = await app.gateway()
    problem = getattr(gateway.ledger, "problem", None)
    if problem:
        return Check(
            "models", "red", f"Usage cannot be booked: {problem}", "See that the database can be reached."
        )
    if not gateway.models:
        return Check(
            "models", "not assessed", "No model is configured; answers are sentences from the documents."
        )
    now = gateway.board.clock()
    out = [
        name
        for name, config in gateway.models.items()
        if not any(gateway.board.of(deployment).available(now) for deployment in config.deployments)
    ]
    if out:
        return Check(
            "models",
            "red",
            f"No deployment of {', '.join(sorted(out))} answers.",
            "Run `deskmind models test`.",
        )
    unknown = [
        name
        for name, config in gateway.models.items()
        if not any(gateway.board.of(deployment).answered for deployment in config.deployments)
    ]
    evidence = {"models": sorted(gateway.models), "unknown": sorted(unknown)}
    if unknown:
        return Check(
            "models",
            "not assessed",
            f"{len(gateway.models)} configured; no answer of {', '.join(sorted(unknown))} has come to this process.",
            "`deskmind models test` asks each.",
            evidence,
        )
    return Check(
        "models", "green", f"{len(gateway.models)} configured, all have answered.", evidence=evidence
    )


async def metrics(app: Deskmind) -> Check:
    """The service shows its metrics and gives nothing up."""
    settings = app.settings.telemetry
    address = address_of(settings)
    if not address:
        return Check("metrics", "not assessed", "The settings show them on no port of their own.")
    samples = await asyncio.to_thread(scraped, address)
    if samples is None:
        return Check("metrics", "not assessed", f"No service shows them on {address}.")
    lost = total(samples, "deskmind_telemetry_dropped_total")
    evidence = {"processes": int(total(samples, "deskmind_processes")), "given_up": int(lost)}
    finding = f"{total(samples, 'deskmind_processes'):.0f} processes on {address}; {lost:,.0f} items of telemetry were given up."
    if total(samples, "deskmind_telemetry_failing"):
        return Check(
            "metrics",
            "red",
            finding,
            "See that the collector at telemetry.endpoint takes what is sent.",
            evidence,
        )
    return Check("metrics", "green", finding, evidence=evidence)


async def stories(app: Deskmind) -> Check:
    """Requests leave their stories, and none was lost."""
    if not app.settings.explain.enabled:
        return Check("stories", "not assessed", "Switched off by explain.enabled.")
    writer = app.stories
    await writer.flush()
    await writer.check()
    if not writer.alive or writer.problem:
        return Check(
            "stories",
            "red",
            f"Stories of requests are not written: {writer.problem or 'the writer has stopped'}.",
            "See that the database can be reached; the log says why (event explain.not_written).",
        )
    if writer.dropped:
        return Check(
            "stories",
            "red",
            f"{writer.dropped} stories were lost by this process, {writer.written} written.",
            "See whether the database keeps up; the log says why (event explain.dropped).",
        )
    return Check(
        "stories",
        "green",
        "Stories of requests are written, none was lost.",
        evidence={"written": writer.written, "lost": writer.dropped},
    )
