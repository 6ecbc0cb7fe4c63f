"""A worker of its own process that does what is queued; for ``test_killed``."""

from __future__ import annotations

import asyncio
import sys

from deskmind.app import Deskmind


async def main(home: str, url: str) -> None:
    """Work on what is queued."""
    deployment = {"model": "echo", "base_url": url, "api_key": "sandbox-key", "name": "worker"}
    async with Deskmind.open(
        home=home,
        knowledge={"embedder": "hashing"},
        models={"fast": {"deployments": [deployment], "retries": 0}},
        jobs={"stalled_after": 2.0, "concurrency": 8},
        agents={"lease_seconds": 2.5},  # a busy machine stands still for a second
    ) as app:
        await app.jobs.drain()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
