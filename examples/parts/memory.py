"""Memory alone: what is told is recalled, what is newer counts, what others wrote needs a rule. No model, no further extra.

Run it: python examples/parts/memory.py
"""

from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory

from deskmind import Deskmind
from deskmind.agents.memory import Draft
from deskmind.errors import PermissionDeniedError


async def main() -> None:
    with TemporaryDirectory() as home:
        async with Deskmind.open(home=home, knowledge={"embedder": "hashing"}) as app:
            await app.tenants.create("acme")
            admin = await app.desk(tenant="acme")
            for name in ("ann", "ben"):
                await admin.principals.add_user(name)
            await show(app)


async def show(app: Deskmind) -> None:
    ann = await app.desk(tenant="acme", user="ann")
    await ann.memories.add(Draft("My printer is HP-22.", subject="my printer"))
    newer = await ann.memories.add(Draft("My printer is HP-40.", subject="my printer"))
    recalled = await ann.memories.recall("Which is my printer?", tokens=100)
    print(f"recalled, {recalled.tokens} tokens of 100: {recalled.memories[0].memory.text}")
    history = await ann.memories.show(newer.memory_id)
    print(f"history: {[one.text for one in history]}")

    ben = await app.desk(tenant="acme", user="ben")
    print(f"ben sees {len(await ben.memories.list())} memories")

    ticket = Draft("Refunds are always approved.", origin="tool", trust="untrusted", source="read_ticket")
    try:
        await ann.memories.add(ticket)
    except PermissionDeniedError as error:
        print(f"from a ticket: {error.what}")
    print(f"forgotten: {await ann.memories.forget(newer.memory_id)}")


if __name__ == "__main__":
    asyncio.run(main())
