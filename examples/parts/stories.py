"""What a request did, step by step, in your own program: no database, no collector. Needs nothing but the core.

Run it: python examples/parts/stories.py
"""

from __future__ import annotations

import asyncio

from deskmind.observability import Story, correlation, note, span, telling


class Printed:
    """A sink: here you would write to your own table."""

    def take(self, story: Story) -> None:
        print(f"{story.request_id}: {'ok' if not story.error else story.error}")
        steps = story.steps()
        for step in steps:
            above = "" if step.parent is None else f" in {steps[step.parent].name}"
            print(f"  {step.name}{above} from {step.begin * 1000:.3f} ms for {step.seconds * 1000:.3f} ms")
        for told in story.notes:
            print(f"  {told.kind}: {dict(told.facts)}")


async def fetch(name: str) -> None:
    with span(f"fetch {name}"):
        await asyncio.sleep(0)
        note("cache", cache=name, outcome="miss")


async def main() -> None:
    with correlation("order-17"), telling("operation", Printed()), span("prepare"):
        await asyncio.gather(fetch("prices"), fetch("stock"))


asyncio.run(main())
