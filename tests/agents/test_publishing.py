"""What webhooks are told of runs and proposals."""

from __future__ import annotations

import pytest
from tests.agents.conftest import Brain, wants

from deskmind.agents import Tool, ToolContext, tool
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.settings import AgentsSettings


@pytest.fixture
def note() -> Tool:
    """A tool that writes."""

    @tool(effect="write", audience="technicians")
    async def note(context: ToolContext, text: str) -> str:
        """Write a note."""
        del context, text
        return "written"

    return note


async def _told(admin: Desk) -> list[str]:
    (hook,) = await admin.webhooks.all()
    found = await admin.webhooks.deliveries(hook.webhook_id)
    return [one.type for one in reversed(found)]


async def test_webhooks_are_told_of_proposals_decisions_and_runs(
    admin: Desk, ann: Desk, ben: Desk, brain: Brain, note: Tool, modelled: Deskmind
) -> None:
    await admin.webhooks.add("https://hooks.invalid/x", ["approval.*", "run.*"])
    brain.says(wants("note", text="the secret plan"), "all done", wants("note", text="again"), "over")
    agent = ann.agent("noter", instructions="Note it.", tools=[note], model="fast")
    run = await agent.run("Note it.")
    (proposal,) = await ben.approvals.list(run_id=run.run_id)
    await ben.approvals.approve(proposal.proposal_id)
    await agent.resume(run.run_id)
    assert await _told(admin) == ["approval.requested", "run.waiting", "approval.decided", "run.done"]

    short = AgentsSettings(approval_hours=1e-9, escalate_hours=1.0)  # pyright: ignore[reportCallIssue]
    modelled.settings = modelled.settings.model_copy(update={"agents": short})
    second = await agent.run("Note it again.")
    await modelled.background.recover_runs()
    await ann.agents.cancel(second.run_id)
    assert (await _told(admin))[4:] == [
        "approval.requested",
        "run.waiting",
        "approval.expired",
        "run.cancelled",
    ]
    async with admin.database.transaction(admin.scope) as connection:
        rows = await (
            await connection.execute(
                "SELECT body FROM webhook_events WHERE tenant_id = %s", (admin.scope.tenant_id,)
            )
        ).fetchall()
    assert all("secret plan" not in body and "ann" not in body for (body,) in rows)
    (hook,) = await admin.webhooks.all()
    await admin.webhooks.remove(hook.webhook_id)
