"""What the audit log takes: events recorded, sealed, verified in the database and offline, per second.

The log's cost for an act is the whole transaction, on a pool of eight connections. ``process_seconds`` is this process's
processor time an event; the database's own work is in the rate, not in it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.governance.audit import record, verify_bundle

_WRITERS = 8


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    single, batches, batch = (200, 16, 50) if quick else (4_000, 160, 250)
    with tempfile.TemporaryDirectory() as home:
        settings = {"pool_max": _WRITERS}
        async with Deskmind.open(home=home, knowledge={"embedder": "none"}, database=settings) as app:
            await app.tenants.create("bench")
            desk = await app.desk(tenant="bench")
            rows = [
                await _measured("recorded, one a transaction", single, lambda: _write(desk, single, 1)),
                await _measured(
                    f"recorded, {batch} a transaction", batches * batch, lambda: _write(desk, batches, batch)
                ),
                await _measured("sealed", single + batches * batch, app.sealing.seal),
            ]
            keys = await app.sealing.public_keys()
            bundle = b"".join([lines async for lines in desk.audit_log.export()]).splitlines(keepends=True)
            events = single + batches * batch

            async def offline() -> None:
                assert verify_bundle(bundle, keys).holds

            rows.append(
                await _measured("verified in the database", events, lambda: desk.audit_log.verify(keys))
            )
            rows.append(await _measured("verified offline", events, offline))
            return rows


async def _measured(case: str, events: int, act: Callable[[], Awaitable[object]]) -> dict[str, Any]:
    wall, process = time.perf_counter(), time.process_time()
    await act()
    process, wall = time.process_time() - process, time.perf_counter() - wall
    return {
        "case": f"{case}, {events} events",
        "events_per_second": round(events / wall),
        "process_us_per_event": round(process / events * 1e6, 1),
    }


async def _write(desk: Desk, transactions: int, each: int) -> None:
    async def write(count: int) -> None:
        for _ in range(count):
            async with desk.database.transaction(desk.scope) as connection:
                for number in range(each):
                    await record(connection, desk.scope, "documents.read", resource="document", n=number)

    await asyncio.gather(*(write(transactions // _WRITERS) for _ in range(_WRITERS)))
