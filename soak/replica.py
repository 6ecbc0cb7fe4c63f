"""One replica: makes calls through the gateway, some of them streams that it leaves early."""

from __future__ import annotations

import asyncio
import json
import random
import sys

from deskmind import Deskmind
from deskmind.errors import ModelError
from deskmind.gateway import Gateway

_HELLO = [{"role": "user", "content": "hello there my friend"}]


async def main(home: str, base: str, key: str, calls: int, at_once: int, seed: int) -> None:
    """Make the calls; print one line when all are made and written."""
    draw = random.Random(seed)
    deployment = {
        "model": "echo-8",
        "base_url": f"{base}/v1",
        "api_key": key,
        "price": {"input": "1", "output": "2"},
    }
    model = {"deployments": [deployment], "retries": 1, "backoff": 0.001, "breaker_failures": 1_000_000}
    async with Deskmind.open(
        home=home, knowledge={"embedder": "none"}, log={"level": "error"}, models={"m": model}
    ) as app:
        gateway = await app.gateway()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)  # all begin together
        left = iter(range(calls))

        async def work() -> None:
            for _ in left:
                try:
                    await _call(gateway, draw.random())
                except ModelError:
                    continue

        await asyncio.gather(*(work() for _ in range(at_once)))
    print("done", flush=True)


async def _call(gateway: Gateway, chance: float) -> None:
    if chance < 0.5:
        await gateway.chat("m", _HELLO, max_tokens=20)
        return
    async with await gateway.stream("m", _HELLO, max_tokens=20) as stream:
        async for _ in stream:
            if chance < 0.6:
                return


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(main(**given))
