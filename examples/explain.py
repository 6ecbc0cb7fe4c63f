"""Why was this answer given, and what did its asker think of it? A story and a rating, read back.

Run it: python examples/explain.py (it keeps its data in DESKMIND_HOME and can be run again)
"""

from __future__ import annotations

import asyncio

from deskmind import Deskmind
from deskmind.errors import ConflictError, NotFoundError

GUIDE = b"# Parking\n\nRenew the parking permit in the portal before 15 May. The fee is 40 euros a year."


async def main() -> None:
    async with Deskmind.open() as app:
        try:
            await app.tenants.create("explained")
        except ConflictError:
            print("run again: the tenant is there")
        operator = await app.desk(tenant="explained")
        if not await operator.principals.users():
            await operator.principals.add_user("ann", groups=["facilities"])
            await operator.principals.add_user("ben")
        await operator.knowledge.add("parking.md", GUIDE)

        ann = await app.desk(tenant="explained", user="ann")
        answer = await ann.ask("How do I renew the parking permit?")
        story = await ann.requests.explain(answer.request_id)
        (part,) = story.parts
        print(f"{part.operation} by {part.principal} of {', '.join(part.groups)}: {part.outcome}")
        for passage in part.passages:
            print(f"  {passage.title}: dense {passage.dense}, fused {passage.fused}, {passage.why}")
        for step in part.steps:
            print(f"  {step.name}: {step.seconds * 1000:.1f} ms from {step.begin * 1000:.1f} ms")
        print(f"model calls {len(story.calls)}, cost ${story.cost}")

        await ann.feedback.give(
            answer.request_id, "down", reason="outdated", correction="The fee is 50 euros."
        )
        row = next(row for row in await operator.quality.report("document") if row.name == "Parking")
        print(f"{row.name}: {row.down} down, {row.corrections} corrections")

        ben = await app.desk(tenant="explained", user="ben")
        try:
            await ben.requests.explain(answer.request_id)
        except NotFoundError as error:
            print("ben:", error.what)


asyncio.run(main())
