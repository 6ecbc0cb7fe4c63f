"""A sandbox in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import signal
import sys

from deskmind.sandbox.web.server import SandboxServer

__all__ = ["serve"]


async def serve(sandbox: SandboxServer) -> None:
    """Prints one JSON line with address and credentials, and runs until SIGTERM, SIGINT or end of the process."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, ended.set)
    async with sandbox:
        gc.freeze()
        sys.stdout.write(json.dumps(sandbox.described()) + "\n")
        sys.stdout.flush()
        await ended.wait()
