"""What a transaction of a scope costs in processor time, of this process and of the database's: empty, reading one row by its
key, recording one audit event, and within ``/v1/search``.

The cases take turns, so that what else the machine does falls on all of them alike, and the median of the rounds is given.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from benchmarks.telemetry import DatabaseProcesses, serving
from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.governance.audit import record

_PEOPLE = "SELECT name FROM principals WHERE tenant_id = %s AND principal_id = %s"
_WARM = 50

Case = Callable[[int], Awaitable[object]]


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    rounds, each = (3, 100) if quick else (10, 400)
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home, knowledge={"embedder": "none"}) as app:
            await app.tenants.create("bench")
            await (await app.desk(tenant="bench")).principals.add_user("ann")
            desk = await app.desk(tenant="bench", user="ann")
            rows = await _measure(_cases(desk), home, rounds, each)
    with tempfile.TemporaryDirectory() as home:
        async with serving(home) as requests:
            search = {"POST /v1/search": requests["POST /v1/search"]}
            return rows + await _measure(search, home, rounds, each // 4)


def _cases(desk: Desk) -> dict[str, Case]:
    async def empty(_: int) -> None:
        async with desk.database.transaction(desk.scope):
            pass

    async def point(_: int) -> None:
        async with desk.database.transaction(desk.scope) as connection:
            cursor = await connection.execute(_PEOPLE, (desk.scope.tenant_id, desk.scope.principal_id))
            assert await cursor.fetchone()

    async def audited(number: int) -> None:
        async with desk.database.transaction(desk.scope) as connection:
            await record(connection, desk.scope, "documents.read", resource="document", n=number)

    return {"empty": empty, "a row by its key": point, "one audit event": audited}


async def _measure(cases: dict[str, Case], home: str, rounds: int, each: int) -> list[dict[str, Any]]:
    database = DatabaseProcesses(home)
    used: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for case in cases.values():
        for number in range(_WARM):
            await case(number)
    for _ in range(rounds):
        for name, case in cases.items():
            process, server = time.process_time(), database.seconds()
            for number in range(each):
                await case(number)
            process, server = time.process_time() - process, database.seconds() - server
            used[name].append((process / each * 1e6, server / each * 1e6))
    return [
        {
            "case": name,
            "process_us": round(median(process for process, _ in found)),
            "database_us": round(median(server for _, server in found)),
            "cpu_us": round(median(map(sum, found))),
        }
        for name, found in used.items()
    ]
