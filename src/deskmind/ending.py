"""Tasks in the background that are told to end.

A cancellation may be lost: where it comes in the moment in which what is waited for is there, ``asyncio.wait_for`` of Python
3.11 returns as if nothing had been said, and not it alone. A task that goes round for ever then never hears of it again,
and whoever waits for the task waits for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["ended"]

_PATIENCE = 1.0


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they are done; what they raise is theirs."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_PATIENCE)
    await asyncio.gather(*tasks, return_exceptions=True)
