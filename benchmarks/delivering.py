"""Webhooks: what publishing an event adds to its transaction, and deliveries a second of processor time.

The receiver is a process of its own that answers at once. ``process`` is the processor time of this process, which is the
worker's; ``server`` that of all processes of the database. Neither depends on what else the machine does.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from benchmarks.recording import collector
from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.governance.audit import record
from deskmind.webhooks import publish

_AT_ONCE = 50


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    acts, events = (100, 200) if quick else (1_000, 4_000)
    with tempfile.TemporaryDirectory() as home, collector() as address:
        hosts = {"internal_hosts": [urlsplit(address).netloc]}
        async with Deskmind.open(home=home, knowledge={"embedder": "none"}, webhooks=hosts) as app:
            await app.tenants.create("bench")
            desk = await app.desk(tenant="bench")
            await _act(desk, told=True)
            rows = [
                await _measured(desk, "act", acts, lambda: _act(desk, told=False)),
                await _measured(
                    desk, "act that is published, no webhook", acts, lambda: _act(desk, told=True)
                ),
            ]
            webhook_id = (await desk.webhooks.add(f"{address}/x")).webhook.webhook_id
            published = await _measured(
                desk, "act that is published to a webhook", acts, lambda: _act(desk, told=True)
            )
            await _delivered(app, desk, webhook_id)
            await _publish(desk, events)
            return [*rows, published, await _delivering(app, desk, webhook_id, events)]


async def _act(desk: Desk, *, told: bool) -> None:
    """A transaction that records an event, as each act does."""
    async with desk.database.transaction(desk.scope) as connection:
        await record(connection, desk.scope, "bench.act", resource="x")
        if told:
            await publish(connection, desk.scope, "run.done", {"run_id": uuid4(), "kind": "agent"})


async def _publish(desk: Desk, events: int) -> None:
    for _ in range(events // _AT_ONCE):
        async with desk.database.transaction(desk.scope) as connection:
            for _ in range(_AT_ONCE):
                await publish(connection, desk.scope, "run.done", {"run_id": uuid4(), "kind": "agent"})


async def _delivered(app: Deskmind, desk: Desk, webhook_id: UUID) -> None:
    """Deliver all there is."""
    while await desk.webhooks.deliveries(webhook_id, state="pending", limit=1):
        await app.background.deliver_webhook(desk.scope.tenant_id, webhook_id)


async def _measured(desk: Desk, case: str, count: int, act: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    process, server = time.process_time(), await _server_seconds(desk)
    for _ in range(count):
        await act()
    return {
        "case": case,
        "process_us": round((time.process_time() - process) / count * 1e6),
        "server_us": round((await _server_seconds(desk) - server) / count * 1e6),
    }


async def _delivering(app: Deskmind, desk: Desk, webhook_id: UUID, events: int) -> dict[str, Any]:
    process, server, began = time.process_time(), await _server_seconds(desk), time.perf_counter()
    await _delivered(app, desk, webhook_id)
    worker, database = time.process_time() - process, await _server_seconds(desk) - server
    return {
        "case": f"delivery of {events:,} events to one target",
        "per_worker_cpu_second": round(events / worker),
        "per_cpu_second_with_the_database": round(events / (worker + database)),
        "per_second": round(events / (time.perf_counter() - began)),
    }


async def _server_seconds(desk: Desk) -> float:
    """Processor time of all processes of the database server so far."""
    async with desk.database.transaction(desk.scope) as connection:
        parent = _fields(connection.info.backend_pid)[1]
    times = (_fields(int(one.name)) for one in Path("/proc").iterdir() if one.name.isdigit())
    ticks = sum(int(one[11]) + int(one[12]) for one in times if len(one) > 12 and one[1] == parent)
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """Of ``/proc/PID/stat`` after the name; none where the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
