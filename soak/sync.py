"""A large system copied: the rate, a later run after some changes, and workers killed again and again while it changes.

The sandbox and the workers (``deskmind worker``) are processes of their own. Two tenants are connected to the sandbox: one is
read undisturbed and then once more after some changes; the other is read by workers that are killed at random moments (``kill
-9``) while people at the vendor insert, change and delete. Afterwards both copies must equal the source exactly, and each
record must have its documents once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.company import SIZES, Size
from deskmind.sync import SyncStatus
from soak.copies import Difference, differences
from soak.processes import Source, Worker, database_cpu_seconds, sandboxed

__all__ = ["run"]

NAME = "source"
_POLL = 0.1
_POLL_LATER = 2.0
_SOON = 10.0
"""A look costs the database a count of all records, which must not be what is measured."""
_MOST_FAILED = 3


async def run(
    *,
    size: Size = "large",
    vendor: str = "servicenow",
    kills: int = 20,
    changes: int = 100,
    embedder: str = "hashing",
    seed: int = 1,
) -> dict[str, Any]:
    """What was found; ``right`` says whether both copies equal the source."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)
        settings: dict[str, Any] = {"knowledge": {"embedder": embedder}, "jobs": {"stalled_after": 3.0}}
        async with sandboxed(vendor, size) as source, Deskmind.open(home=home, **settings) as app:
            desks = [calm := await _connected(app, source, "calm")]
            async with Worker(home, settings) as worker:
                told = {
                    "first_run": await _first(calm, source, worker, home),
                    "run_after_changes": await _later(calm, source, worker, changes),
                    "run_without_changes": await _later(calm, source, worker, 0),
                }
            if kills:
                desks.append(disturbed := await _connected(app, source, "disturbed"))
                usual = told["first_run"]["seconds"]
                told["killed"] = await _killed(disturbed, source, home, settings, kills, usual, seed)
            async with Worker(home, settings):
                await _settled(calm, sweep=True)
            wrong = {desk.scope.tenant: await differences(desk, NAME, source) for desk in desks}
    return {
        **told,
        **{f"{tenant}_copy": found.as_dict() for tenant, found in wrong.items()},
        "right": all(found == Difference() for found in wrong.values()),
    }


async def _connected(app: Deskmind, source: Source, tenant: str) -> Desk:
    await app.tenants.create(tenant)
    desk = await app.desk(tenant=tenant)
    await desk.connections.add(NAME, source.vendor, source.url, source.credentials, every_seconds=0)
    return desk


async def _first(desk: Desk, source: Source, worker: Worker, home: Path) -> dict[str, Any]:
    """The first run: how fast records come in, how fast they are searchable, what of that is the rate limit's, and the computing."""
    await source.forget()
    begun, cpu, database = time.monotonic(), worker.cpu_seconds(), database_cpu_seconds(home)
    await desk.sync.run(NAME, wait=False)
    status = await _until(desk, lambda found: found.finished_at is not None)
    seconds, read_cpu = time.monotonic() - begun, worker.cpu_seconds() - cpu
    log = await source.log()
    records = sum(kind.records for kind in status.kinds)
    await _until(desk, lambda found: found.complete)
    searchable = time.monotonic() - begun
    return {
        "records": records,
        "tickets": next(kind.records for kind in status.kinds if kind.kind == "ticket"),
        "seconds": round(seconds, 1),
        "records_a_second": round(records / seconds, 1),
        "requests": log["requests"],
        "requests_a_minute_at_most": round(log["rate_60s"] * 60),
        "worker_cpu_seconds": round(read_cpu, 1),
        "searchable_after_seconds": round(searchable, 1),
        "worker_cpu_seconds_until_searchable": round(worker.cpu_seconds() - cpu, 1),
        "database_cpu_seconds_until_searchable": round(database_cpu_seconds(home) - database, 1),
    }


async def _later(desk: Desk, source: Source, worker: Worker, changes: int) -> dict[str, Any]:
    """A run after so many changes: until it is finished, and until all can be searched."""
    if changes:
        await source.churn(changes)
    await source.forget()
    begun, cpu = time.monotonic(), worker.cpu_seconds()
    (before,) = await desk.sync.status(NAME)
    await desk.sync.run(NAME, wait=False)
    await _until(desk, lambda found: found.finished_at not in {None, before.finished_at})
    seconds = time.monotonic() - begun
    await _until(desk, lambda found: found.complete)
    log = await source.log()
    return {
        "changes": changes,
        "seconds": round(seconds, 2),
        "searchable_after_seconds": round(time.monotonic() - begun, 2),
        "requests": log["requests"],
        "worker_cpu_seconds": round(worker.cpu_seconds() - cpu, 2),
    }


async def _killed(
    desk: Desk, source: Source, home: Path, settings: dict[str, Any], kills: int, usual: float, seed: int
) -> dict[str, Any]:
    """The first run by workers that are killed, each after a random part of what the run takes; the last one finishes it."""
    draw = random.Random(seed)
    await source.forget()
    await desk.sync.run(NAME, wait=False)
    changing = asyncio.create_task(_change(source))
    moments: list[float] = []
    records: list[int] = []
    while len(moments) < kills:
        async with Worker(home, settings) as worker:
            if not await _reads(desk, source):
                break
            moments.append(round(draw.uniform(0, 2 * usual / kills), 2))
            await asyncio.sleep(moments[-1])
            worker.kill()
        (status,) = await desk.sync.status(NAME)
        records.append(sum(kind.records for kind in status.kinds))
    changing.cancel()
    with suppress(asyncio.CancelledError):
        await changing
    async with Worker(home, settings):
        await _until(desk, lambda found: found.finished_at is not None)
        await _settled(desk)  # what changed last
    log = await source.log()
    return {
        "kills": len(moments),
        "seconds_from_first_request_to_kill": moments,
        "records_when_killed": records,
        "requests_a_minute_at_most": round(log["rate_60s"] * 60),
        "changes_meanwhile": source.changed,
    }


async def _reads(desk: Desk, source: Source) -> bool:
    """Wait until the vendor is asked by the worker that has taken over; False when the run is finished."""
    before = (await source.log())["requests"]
    while (await source.log())["requests"] == before:
        (status,) = await desk.sync.status(NAME)
        if status.finished_at is not None:
            return False
        await asyncio.sleep(_POLL)
    return True


async def _change(source: Source) -> None:
    """People at the vendor: 50 at a time, so that many changes have the same second."""
    while True:
        await source.churn(50)
        await asyncio.sleep(1.0)


async def _settled(desk: Desk, *, sweep: bool = False) -> None:
    (before,) = await desk.sync.status(NAME)
    await desk.sync.run(NAME, sweep=sweep, wait=False)
    await _until(desk, lambda found: found.complete and found.finished_at != before.finished_at)


async def _until(desk: Desk, reached: Callable[[SyncStatus], bool]) -> SyncStatus:
    begun = told = time.monotonic()
    failed = set[object]()
    while True:
        (found,) = await desk.sync.status(NAME)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            open_ = [one.kind for one in found.kinds if not one.complete]
            records = sum(one.records for one in found.kinds)
            print(
                f"{desk.scope.tenant}: {records} records, {found.waiting} documents wait, {found.unreadable} unreadable,"
                f" not whole: {', '.join(open_) or 'none'}; {found.error}",
                file=sys.stderr,
            )
        if reached(found):
            return found
        if found.error and found.finished_at not in failed:  # a busy machine's timeouts: the next run goes on
            failed.add(found.finished_at)
            if len(failed) > _MOST_FAILED:
                raise RuntimeError(f"the run failed: {found.error}")
            await desk.sync.run(NAME, wait=False)
        await asyncio.sleep(_POLL if time.monotonic() - begun < _SOON else _POLL_LATER)


def main() -> None:
    """Print what was found; exit code 1 when a copy differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=tuple(SIZES), default="large")
    parser.add_argument("--vendor", choices=("servicenow", "jira", "freshservice"), default="servicenow")
    parser.add_argument("--kills", type=int, default=20, help="0 leaves out the copy that is disturbed")
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--embedder", default="hashing", help="hashing, or local for the embedding model")
    parser.add_argument("--seed", type=int, default=1)
    found = asyncio.run(run(**vars(parser.parse_args())))
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["right"] else 1)


if __name__ == "__main__":
    main()
