"""What the audit log takes: events recorded, sealed, verified in the database and offline, per second.

Eight writers on a pool of eight connections. *Recorded alone* is an event that is no act on the database, such as a refusal: a
transaction of its own, committed to disk, in one round trip. *Recorded, one a transaction* is an act's: begun before, written and
committed with its event; the act itself is left out, so that the log's own cost is the difference to *no event*. Where other work shares the machine the
clock says little, so the processor time of an event is given too, of this process and of the database's processes: what
two cores can do in a second is at most ``2e6 / (process + database)``, and no more than one process or the other lets
through alone.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.governance.audit import record, record_alone, verify_bundle

_WRITERS = 8
_TICK = 1e6 / os.sysconf("SC_CLK_TCK")


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    single, batches, batch = (400, 16, 50) if quick else (4_000, 160, 250)
    with tempfile.TemporaryDirectory() as home:
        settings = {"pool_max": _WRITERS}
        async with Deskmind.open(home=home, knowledge={"embedder": "none"}, database=settings) as app:
            await app.tenants.create("bench")
            operator = await app.desk(tenant="bench")
            await operator.principals.add_user("ana")
            desk = await app.desk(tenant="bench", user="ana")
            await _write(desk, _WRITERS, 1)
            measure = _Measure(Path(home))
            rows = [
                await measure("recorded alone", single, lambda: _write_alone(desk, single)),
                await measure("recorded, one a transaction", single, lambda: _write(desk, single, 1)),
                await measure("no event, one a transaction", single, lambda: _write(desk, single, 0)),
                await measure(
                    f"recorded, {batch} a transaction", batches * batch, lambda: _write(desk, batches, batch)
                ),
                await measure("sealed", 2 * single + batches * batch, app.sealing.seal),
            ]
            keys = await app.sealing.public_keys()
            bundle = b"".join([lines async for lines in operator.audit_log.export()]).splitlines(
                keepends=True
            )
            events = 2 * single + batches * batch

            async def offline() -> None:
                assert verify_bundle(bundle, keys).holds

            async def online() -> None:
                assert (await operator.audit_log.verify(keys)).holds

            rows.append(await measure("verified in the database", events, online))
            rows.append(await measure("verified offline", events, offline))
            return rows


class _Measure:
    """Runs an act and says what it took."""

    def __init__(self, home: Path) -> None:
        (pid_file,) = home.rglob("postmaster.pid")
        self._postmaster = int(pid_file.read_text().split()[0])

    async def __call__(self, case: str, events: int, act: Callable[[], Awaitable[object]]) -> dict[str, Any]:
        wall, process, server = time.perf_counter(), time.process_time(), self._server_ticks()
        await act()
        wall, process = time.perf_counter() - wall, time.process_time() - process
        return {
            "case": f"{case}, {events} events",
            "events_per_second": round(events / wall),
            "process_us_per_event": round(process / events * 1e6, 1),
            "database_us_per_event": round((self._server_ticks() - server) * _TICK / events, 1),
        }

    def _server_ticks(self) -> int:
        """Processor time of the database's processes, those that ended included."""
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, _, rest = stat.read_text().partition(" (")
            except OSError:
                continue
            fields = rest.rpartition(") ")[2].split()
            if int(pid) == self._postmaster:
                total += sum(map(int, fields[11:15]))
            elif int(fields[1]) == self._postmaster:
                total += sum(map(int, fields[11:13]))
        return total


async def _write(desk: Desk, transactions: int, each: int) -> None:
    async def write(count: int) -> None:
        for _ in range(count):
            async with desk.database.transaction(desk.scope) as connection:
                for number in range(each):
                    await record(connection, desk.scope, "documents.read", resource="document", n=number)

    await asyncio.gather(*(write(transactions // _WRITERS) for _ in range(_WRITERS)))


async def _write_alone(desk: Desk, events: int) -> None:
    async def write(count: int) -> None:
        for number in range(count):
            await record_alone(desk.database, desk.scope, "documents.read", resource="document", n=number)

    await asyncio.gather(*(write(events // _WRITERS) for _ in range(_WRITERS)))
