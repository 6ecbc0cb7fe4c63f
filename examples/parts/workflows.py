"""Workflows alone: a run that waits for a person, is tried again, and takes back what it did. No model; the extra ``agents``.

Run it: python examples/parts/workflows.py
"""

from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory

from deskmind import Deskmind
from deskmind.agents.workflows import Flow, workflow
from deskmind.errors import ConflictError, UnavailableError

done: list[str] = []


async def reserve(device: str) -> str:
    done.append(f"{device} reserved")
    return device


async def deliver(device: str) -> str:
    done.append("tried")
    if done.count("tried") < 2:
        raise UnavailableError("The shop does not answer.")
    return f"{device} delivered"


async def release(flow: Flow, device: str) -> None:
    async def freed() -> None:
        done.append(f"{device} free again")

    await flow.step("free", freed)


@workflow("lend")
async def lend(flow: Flow, device: str) -> str:
    """Lend a device."""
    await flow.step("reserve", reserve, device, undo=release)
    if await flow.ask("allow", f"May somebody have {device}?") != "yes":
        raise ConflictError("Somebody said no.")
    return str(await flow.step("deliver", deliver, device, retries=2, pause=0.1))


async def main() -> None:
    with TemporaryDirectory() as home:
        async with Deskmind.open(home=home, knowledge={"embedder": "none"}) as app:
            app.register_workflow(lend)
            await show(app)


async def show(app: Deskmind) -> None:
    await app.tenants.create("acme")
    admin = await app.desk(tenant="acme")
    for name in ("ann", "ben"):
        await admin.principals.add_user(name)
        await admin.access.grant("technician", user=name)
    ann, ben = await app.desk(tenant="acme", user="ann"), await app.desk(tenant="acme", user="ben")
    for answer in ("yes", "no"):
        run = await ann.workflows.run("lend", {"device": f"laptop-{answer}"})
        print(f"asked: {run.state}")
        (question,) = await ben.approvals.list()
        await ben.approvals.approve(question.proposal_id, answer=answer)
        run = await ann.workflows.resume(run.run_id)
        print(f"{answer}: {run.state} {run.output}")
    print(", ".join(done))


if __name__ == "__main__":
    asyncio.run(main())
