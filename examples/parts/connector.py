"""A connector alone: tickets of a system in one model, a comment proposed and applied. No database.

It reads a sandbox that speaks ServiceNow's wire format; with an address and credentials of your own it reads your instance.

Run it: python examples/parts/connector.py
"""

from __future__ import annotations

import asyncio

from deskmind.connectors import Act
from deskmind.connectors.core import Basic
from deskmind.connectors.servicenow import ServiceNow
from deskmind.sandbox.servicenow import ServiceNowSandbox


async def main() -> None:
    async with ServiceNowSandbox() as sandbox:
        given = sandbox.credentials
        async with ServiceNow(sandbox.url, Basic(given["username"], given["password"])) as source:
            tickets = [ticket async for ticket in source.tickets()]
            print(f"{len(tickets)} tickets, {sum(len(one.comments) for one in tickets)} comments")
            newest = tickets[-1]
            print(newest.key, "|", newest.status, "|", newest.priority)

            proposal = await source.propose(Act.COMMENT, newest.id, text="Looked into it.", internal=True)
            print("proposed:", ", ".join(change.field for change in proposal.changes))
            applied = await source.apply(proposal)
            print("applied, version", newest.version, "->", applied.version)


if __name__ == "__main__":
    asyncio.run(main())
