"""A worker of its own process, whose tool stands still where it is told; for ``test_durability``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from deskmind.agents import Preview, Tool, ToolContext, tool
from deskmind.app import Deskmind
from deskmind.connectors import Outcome


def note_tool(outside: Path, halt: str = "") -> Tool:
    """Writes a line outside; tells on standard output when it stands still, and goes on after a line of input."""

    async def still(place: str) -> None:
        if halt == place:
            print(place, flush=True)
            await asyncio.to_thread(sys.stdin.readline)

    async def preview(context: ToolContext, arguments: Any) -> Preview:
        del context, arguments
        return Preview((), {"mark": uuid4().hex})  # another one each time, as connectors make them

    async def reconcile(context: ToolContext, arguments: Any) -> Outcome:
        del arguments
        return Outcome.APPLIED if context.prepared["mark"] in outside.read_text().split() else Outcome.ABSENT

    @tool(effect="write", preview=preview, reconcile=reconcile)
    async def note(context: ToolContext, text: str) -> str:
        """Write a note."""
        del text
        await still("before")
        await context.confirm()
        with outside.open("a") as file:
            file.write(f"{context.prepared['mark']}\n")
        await still("after")
        return "written"

    return note


async def main(home: str, url: str, outside: str, halt: str) -> None:
    """Work on what is queued."""
    deployment = {"model": "echo", "base_url": url, "api_key": "sandbox-key", "name": "worker"}
    async with Deskmind.open(
        home=home,
        knowledge={"embedder": "hashing"},
        models={"fast": {"deployments": [deployment], "retries": 0}},
        jobs={"stalled_after": 1.0},
        agents={"lease_seconds": 1.0, "approvals": [{"approval": "auto"}]},
    ) as app:
        app.register_tool(note_tool(Path(outside), halt))
        await app.jobs.drain()
    print("over", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
