"""The server in a process of its own: prints one JSON line with its address and key, and runs until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys

from deskmind.sandbox.models.sandbox import DEFAULT_KEY, ModelSandbox


async def serve(arguments: argparse.Namespace) -> None:
    """Runs until SIGTERM or SIGINT."""
    keys: list[str] = arguments.key or [DEFAULT_KEY]
    sandbox = ModelSandbox(
        keys=keys,
        seed=arguments.seed,
        gap=arguments.gap,
        tokens_per_chunk=arguments.tokens_per_chunk,
        context_tokens=arguments.context_tokens,
        host=arguments.host,
        port=arguments.port,
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with sandbox:
        gc.freeze()
        gc.set_threshold(
            100_000, 50, 1000
        )  # the book grows by one entry a request; scanning it again is waste
        sys.stdout.write(json.dumps({"base_url": sandbox.base_url, "key": keys[0]}) + "\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m deskmind.sandbox.models", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="what faults with a rate draw from")
    parser.add_argument("--key", action="append", help="an accepted key; may be given more than once")
    parser.add_argument("--gap", type=float, default=0.0, help="seconds between chunks of a stream")
    parser.add_argument("--tokens-per-chunk", type=int, default=1)
    parser.add_argument("--context-tokens", type=int, default=128_000)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
