"""TensorZero's embedded gateway, measured by the Python that has it: ``tensorzero_embedded.py CONFIG CALLS``.

It stands alone, since that Python has nothing of ours; what it measures is what ``benchmarks.gateway`` measures.
"""

import asyncio
import json
import statistics
import sys
import time

from tensorzero import AsyncTensorZeroGateway

_INPUT = {"messages": [{"role": "user", "content": "hello there my friend"}]}


async def main(config: str, calls: int) -> None:
    """One after the other, then 32 at a time; prints a row."""
    gateway = await AsyncTensorZeroGateway.build_embedded(config_file=config)

    async def call() -> None:
        await gateway.inference(model_name="fast", input=_INPUT)

    async def some() -> None:
        for _ in range(calls // 32):
            await call()

    for _ in range(50):
        await call()
    seconds = []
    for _ in range(min(calls, 1_000)):
        started = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - started)
    started = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(32)))
    rate = calls // 32 * 32 / (time.perf_counter() - started)
    p50 = round(statistics.median(seconds) * 1000, 3)
    print(json.dumps({"case": "TensorZero embedded", "p50_ms": p50, "calls_per_s": round(rate)}))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
