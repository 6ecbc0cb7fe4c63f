"""How soon a run goes on after its worker was killed, with the settings as they come.

Two workers (``deskmind worker``), each a process of its own. All runs are begun by the first, each waiting for its model; then the second starts,
the first is killed (``kill -9``) at a random moment of its heartbeat, and each run's row tells when another has taken it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

from deskmind import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply
from soak.processes import Worker

__all__ = ["run"]

_LINE = 15.0
_LOOK = 0.05
_PATIENCE = 120.0
_SLOW = 3600.0


async def run(*, kills: int = 10, runs: int = 4, seed: int = 1) -> dict[str, Any]:
    """The seconds until each run went on; ``right`` says whether none took longer than 15 and all were done."""
    draw = random.Random(seed)
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        home.chmod(0o755)
        models = await stack.enter_async_context(ModelSandbox(reply=lambda _: Reply(text="done")))
        settings = _settings(models, runs)
        app = await stack.enter_async_context(Deskmind.open(home=home, **settings))
        await app.tenants.create("soak")
        desk = await app.desk(tenant="soak")
        seconds: list[float] = []
        states: list[str] = []
        for number in range(kills):
            seconds += await _killed(home, settings, desk, models, runs, draw)
            states += await _ended(desk, runs)
            print(f"{number + 1} kills, {max(seconds):.1f} s at most", file=sys.stderr, flush=True)
    ordered = sorted(seconds)
    return {
        "kills": kills,
        "runs": len(ordered),
        "median_seconds": round(ordered[len(ordered) // 2], 2),
        "most_seconds": round(ordered[-1], 2),
        "done": states.count("done"),
        "right": ordered[-1] <= _LINE and states.count("done") == kills * runs,
    }


def _settings(models: ModelSandbox, runs: int) -> dict[str, Any]:
    deployment = {"model": "echo", "base_url": f"{models.base_url}/v1", "api_key": DEFAULT_KEY}
    return {
        "knowledge": {"embedder": "none"},
        "jobs": {"concurrency": runs},
        "models": {"fast": {"deployments": [deployment]}},
    }


async def _killed(
    home: Path, settings: Mapping[str, Any], desk: Desk, models: ModelSandbox, runs: int, draw: random.Random
) -> list[float]:
    """How long it took each run, from the kill until its row says that another has it."""
    models.faults.add(
        "slow_headers", seconds=_SLOW, times=runs
    )  # the first worker's calls; the second's are answered
    agent = desk.agent("patient", instructions="Wait.", model="fast")
    async with Worker(home, settings) as first:
        begun = [await agent.start(f"Wait {number}.") for number in range(runs)]
        async with asyncio.timeout(_PATIENCE):
            while models.book.in_flight < runs:
                await asyncio.sleep(_LOOK)
        async with Worker(home, settings), asyncio.timeout(_PATIENCE):
            await asyncio.sleep(draw.uniform(0.0, 10.0))
            first.kill()
            killed = time.monotonic()
            seconds: dict[UUID, float] = {}
            while len(seconds) < runs or await _under_way(desk, begun):
                for run_id in await _taken_over(desk, begun):
                    seconds.setdefault(run_id, time.monotonic() - killed)
                await asyncio.sleep(_LOOK)
    return list(seconds.values())


async def _taken_over(desk: Desk, begun: Collection[UUID]) -> list[UUID]:
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute(
            "SELECT run_id FROM agent_runs WHERE epoch > 1 AND run_id = ANY(%s)", (list(begun),)
        )
        return [row[0] for row in await cursor.fetchall()]


async def _under_way(desk: Desk, begun: Collection[UUID]) -> bool:
    runs = await desk.agents.list(limit=len(begun))
    return any(one.state in ("queued", "running") for one in runs)


async def _ended(desk: Desk, runs: int) -> list[str]:
    return [one.state for one in await desk.agents.list(limit=runs)]


def main() -> None:
    """Print what was found; exit code 1 when a run took longer than 15 s, or was not done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    found = asyncio.run(run(**vars(parser.parse_args())))
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["right"] else 1)


if __name__ == "__main__":
    main()
