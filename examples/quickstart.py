"""From nothing to an answer that two users see differently. Run it: python examples/quickstart.py"""

from __future__ import annotations

import asyncio

from deskmind import Deskmind
from deskmind.errors import ConflictError

VPN = b"""# VPN access

## Reset the token

To reset your VPN token, open the self-service portal, choose Security, then Reset token.
"""
APPROVALS = b"""# Payment approvals

Payments above 10,000 euros need the approval of two finance managers.
"""
QUESTION = "Who approves payments above 10,000 euros?"


async def prepare(app: Deskmind) -> None:
    """A tenant with two users and two documents; a second run changes nothing."""
    try:
        await app.tenants.create("quickstart")
        operator = await app.desk(tenant="quickstart")
        await operator.principals.add_user("tom")
        await operator.principals.add_user("fatima", groups=["finance"])
    except ConflictError:
        operator = await app.desk(tenant="quickstart")
    await operator.knowledge.add("vpn.md", VPN)
    await operator.knowledge.add("approvals.md", APPROVALS, groups=["finance"])


async def main() -> None:
    async with Deskmind.open() as app:
        await prepare(app)
        for user in ("fatima", "tom"):
            desk = await app.desk(tenant="quickstart", user=user)
            answer = await desk.ask(QUESTION)
            print(f"{user}: {QUESTION}\n  {answer.text}")
            for citation in answer.citations:
                print(
                    f"  [{citation.number}] {citation.title}, characters {citation.start} to {citation.end}"
                )
            visible = await desk.knowledge.documents()
            print(f"  {user} may see: {', '.join(sorted(document.title for document in visible))}")


if __name__ == "__main__":
    asyncio.run(main())
