"""A worker of its own process, that waits long for answers; for ``test_durability``."""

from __future__ import annotations

import asyncio
import sys

from deskmind.app import Deskmind


async def main(home: str) -> None:
    """Work on what is queued."""
    webhooks = {"internal_hosts": ["127.0.0.1"], "timeout_seconds": 60}
    async with Deskmind.open(home=home, knowledge={"embedder": "hashing"}, webhooks=webhooks) as app:
        await app.jobs.drain()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
