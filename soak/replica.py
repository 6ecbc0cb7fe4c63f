"""One replica: makes calls through the gateway, some of them streams that it leaves early."""

from __future__ import annotations

import asyncio
import json
import random
import sys

from deskmind import Deskmind
from deskmind.errors import ModelError
from deskmind.gateway import Gateway

_WORDS = (
    "the printer on the third floor does not answer and the vpn asks for a token that was never sent "
    "please reset my password and tell the service desk when the laptop is ready to be collected"
).split()


async def main(home: str, base: str, key: str, calls: int, at_once: int, seed: int) -> None:
    """Make the calls; print one line when all are made and written."""
    draw = random.Random(seed)
    deployment = {
        "model": "echo",
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
                    await _call(gateway, draw)
                except ModelError:
                    continue

        await asyncio.gather(*(work() for _ in range(at_once)))
    print("done", flush=True)


async def _call(gateway: Gateway, draw: random.Random) -> None:
    """One call of 3 to 40 words; the model says them back."""
    chance = draw.random()
    asked = [{"role": "user", "content": " ".join(draw.choices(_WORDS, k=draw.randint(3, 40)))}]
    if chance < 0.5:
        await gateway.chat("m", asked, max_tokens=60)
        return
    async with await gateway.stream("m", asked, max_tokens=60) as stream:
        async for _ in stream:
            if chance < 0.6:
                return


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(main(**given))
