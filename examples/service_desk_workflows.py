"""A ticket is triaged and answered: a ServiceNow sandbox, a scripted model, and a technician who approves.

Run it: python examples/service_desk_workflows.py
"""

from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory

from deskmind import Deskmind
from deskmind.connectors import Act, Kind
from deskmind.connectors.opening import open_connector
from deskmind.desk import Desk
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply, ToolCall
from deskmind.sandbox.servicenow import ServiceNowSandbox

ARTICLE = b"# VPN drops\n\nRenew the certificate of the VPN in the self-service portal."


def said(**values: object) -> Reply:
    return Reply(tool_calls=(ToolCall("final_result", values),))


async def main() -> None:
    with TemporaryDirectory() as home:
        async with ModelSandbox() as brain, ServiceNowSandbox(size="tiny") as box:
            deployment = {"model": "echo", "base_url": f"{brain.base_url}/v1", "api_key": DEFAULT_KEY}
            models = {"fast": {"deployments": [deployment]}}
            async with Deskmind.open(home=home, models=models, knowledge={"embedder": "hashing"}) as app:
                await app.tenants.create("acme")
                admin = await app.desk(tenant="acme")
                await admin.connections.add("now", box.vendor, box.url, box.credentials, every_seconds=0)
                await admin.knowledge.add("vpn.md", ARTICLE)
                await admin.principals.add_user("ben")
                await admin.access.grant("technician", user="ben")
                await show(app, admin, brain, box)


async def show(app: Deskmind, admin: Desk, brain: ModelSandbox, box: ServiceNowSandbox) -> None:
    ben = await app.desk(tenant="acme", user="ben")
    async with open_connector(box.vendor, box.url, box.credentials) as source:
        applied = await source.apply(
            await source.propose(Act.CREATE, title="VPN drops", description="Every hour.")
        )
        groups = [one async for page in source.pages(Kind.GROUP) for one in page.records]
        network = next(one for one in groups if one.grantee.kind == "group")
        brain.script([said(label="Network", reason="VPN"), "Please renew the certificate.", said(good=True)])
        given = {"connection": "now", "ticket": applied.id, "model": "fast"}
        await admin.workflows.start("triage", {**given, "routes": {"Network": {"group": network.id}}})
        await drain(app, ben)
        await admin.workflows.start("resolve", given)
        await drain(app, ben)
        ticket = await source.get(Kind.TICKET, applied.id)
        print(f"assigned: {ticket.assignment_group.id == network.id}, notes: {len(ticket.comments)}")
        for run in await admin.workflows.runs():
            print(f"{run.workflow}: {run.state}")


async def drain(app: Deskmind, ben: Desk) -> None:
    """A worker, and a technician who approves what comes."""
    await app.jobs.drain()
    while waiting := await ben.approvals.list():
        for proposal in waiting:
            print(f"{proposal.agent} wants to change {', '.join(one['field'] for one in proposal.changes)}")
            await ben.approvals.approve(proposal.proposal_id)
        await app.jobs.drain()


if __name__ == "__main__":
    asyncio.run(main())
