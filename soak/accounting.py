"""The ledger against the provider's own book: many calls, one in five disturbed, clients that hang up, a killed replica.

Two replicas share a home and a server that speaks OpenAI's format and keeps a book. With ``--kill`` one of them is
killed in the middle. Then every call the provider saw must stand in the ledger, the settled ones with exactly its counts, the
estimated ones within 5 % in sum. A short run has so few estimates that their sum varies by more than that from run to run; there
three standard errors of the sum are allowed beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from typing import Any

from psycopg import AsyncConnection, sql

from deskmind import Deskmind
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

_ENOUGH = 250
"""Estimates from which on chance moves their sum by well under 5 %."""
_FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("server_error", {}),
    ("rate_limit", {}),
    ("close_without_answer", {}),
    ("bad_json", {}),
    ("cut_after", {"after": 3}),
)


async def run(*, calls: int, at_once: int, kill: bool) -> dict[str, Any]:
    """What was found; ``wrong`` is empty when the books agree."""
    async with ModelSandbox(gap=0.001) as sandbox:
        for seed, (kind, more) in enumerate(_FAULTS):
            sandbox.faults.add(kind, rate=0.04, seed=seed, **more)  # type: ignore[arg-type]
        with tempfile.TemporaryDirectory() as home:
            os.chmod(home, 0o755)  # noqa: PTH101
            async with Deskmind.open(home=home, knowledge={"embedder": "none"}) as app:
                replicas = [
                    await _replica(home, sandbox.base_url, calls // 2, at_once // 2, seed) for seed in (1, 2)
                ]
                for replica in replicas:
                    assert replica.stdin is not None
                    replica.stdin.write(b"\n")
                if kill:
                    while len(sandbox.book.entries) < calls // 3:
                        await asyncio.sleep(0.01)
                    replicas[0].kill()
                await asyncio.gather(*(replica.wait() for replica in replicas))
                await sandbox.book.settled()
                await app.gateway()  # takes over the journal of the dead
                return compare(await ledger_rows(app), sandbox, kill)


async def _replica(home: str, base: str, calls: int, at_once: int, seed: int) -> Process:
    given = {"home": home, "base": base, "key": DEFAULT_KEY, "calls": calls, "at_once": at_once, "seed": seed}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "soak.replica", json.dumps(given), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return process


async def ledger_rows(app: Deskmind) -> dict[str, tuple[str, int]]:
    """Outcome and tokens by call, read with the administrator's login."""
    assert app.database.endpoints.admin is not None
    async with await AsyncConnection.connect(app.database.endpoints.admin) as connection:
        cursor = await connection.execute(
            sql.SQL("SELECT call_id, outcome, input_tokens + output_tokens FROM {}.usage_entries").format(
                sql.Identifier(app.database.endpoints.schema)
            )
        )
        return {str(call): (outcome, tokens) for call, outcome, tokens in await cursor.fetchall()}


def compare(rows: dict[str, tuple[str, int]], sandbox: ModelSandbox, kill: bool) -> dict[str, Any]:
    """What the books say of each other; ``right`` when they agree."""
    counted: dict[str, int] = {}
    for entry in sandbox.book.entries:
        call = (entry.headers or {})["x-client-request-id"]
        counted[call] = counted.get(call, 0) + (
            entry.input_tokens + entry.output_tokens if entry.billed else 0
        )
    outcomes: dict[str, int] = {}
    for outcome, _ in rows.values():
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    settled_wrong = [
        call
        for call, (outcome, tokens) in rows.items()
        if outcome == "settled" and tokens != counted.get(call, 0)
    ]
    estimates = [
        (tokens, counted.get(call, 0)) for call, (outcome, tokens) in rows.items() if outcome == "estimated"
    ]
    theirs = max(sum(real for _, real in estimates), 1)
    wrong = {
        "missing": len(counted.keys() - rows.keys()),
        "settled_that_differ": len(settled_wrong),
        "estimate_off_percent": round(100 * abs(sum(ours - real for ours, real in estimates)) / theirs, 2),
        "free_that_were_charged": sum(
            1 for call, (outcome, _) in rows.items() if outcome == "free" and counted.get(call, 0)
        ),
        "unsettled_without_a_kill": 0 if kill else outcomes.get("unsettled", 0),
    }
    good = not any(value for name, value in wrong.items() if name != "estimate_off_percent")
    return {
        "calls_seen_by_the_provider": len(counted),
        "rows": len(rows),
        "outcomes": outcomes,
        **wrong,
        "estimate_may_be_off_percent": (allowed := round(5 + 100 * _chance(estimates) / theirs, 2)),
        "right": good and wrong["estimate_off_percent"] <= allowed,
    }


def _chance(estimates: list[tuple[int, int]]) -> float:
    """Tokens by which chance may move the sum of few estimates: three standard errors; 0 for many."""
    if not 1 < len(estimates) < _ENOUGH:
        return 0.0
    return 3 * statistics.stdev(ours - real for ours, real in estimates) * len(estimates) ** 0.5


def main() -> None:
    """Print what was found; exit code 1 when the books differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--kill", action="store_true")
    given = parser.parse_args()
    found = asyncio.run(run(calls=given.calls, at_once=given.at_once, kill=given.kill))
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["right"] else 1)


if __name__ == "__main__":
    main()
