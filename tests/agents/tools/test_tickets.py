"""The ticket tools against the three vendors' sandboxes: what they read, what they write once, what they do not show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.agents.boxes import NEW, VENDORS, Box, opened
from tests.agents.conftest import Brain, wants

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import Reply
from deskmind.settings import AgentsSettings, ApprovalRule
from deskmind.triage import TrainingTicket

TOOLS = (
    "ticket_read",
    "ticket_comment",
    "ticket_assign",
    "ticket_update",
    "ticket_transition",
    "ticket_create",
)
STEP = {"servicenow": "2", "jira": "Work in progress", "freshservice": "pending"}


@pytest.fixture(params=VENDORS)
async def box(request: pytest.FixtureRequest, admin: Desk) -> AsyncIterator[Box]:
    """Each vendor's."""
    async with opened(admin, request.param) as found:
        yield found


def _policy(app: Deskmind, *rules: ApprovalRule) -> None:
    made = AgentsSettings(approvals=rules)  # pyright: ignore[reportCallIssue]
    app.settings = app.settings.model_copy(update={"agents": made})


async def _called(desk: Desk, brain: Brain, *calls: Reply) -> Any:
    """A run with these calls; it."""
    brain.says(*calls, "done")
    return await desk.agent("keeper", instructions="Keep.", tools=TOOLS, model="fast").run("Keep it.")


async def test_each_write_is_at_the_vendor_once_and_a_reader_sees_what_its_user_may(
    box: Box, admin: Desk, ann: Desk, brain: Brain, modelled: Deskmind
) -> None:
    _policy(modelled, ApprovalRule(approval="auto"))
    ticket = await box.create("Printer on fire", "It burns.")
    route = await box.assignment()
    step = STEP[box.server.vendor]
    run = await _called(
        admin,
        brain,
        wants("ticket_comment", ticket=ticket.id, text="Water is on its way."),
        wants("ticket_assign", ticket=ticket.id, **route),
        wants("ticket_update", ticket=ticket.id, values={"title": "Printer is out"}),
        wants("ticket_transition", ticket=ticket.id, to=step),
        wants(
            "ticket_create",
            title="Buy a printer",
            description="The old one burned.",
            values=NEW[box.server.vendor],
        ),
    )
    details = await admin.agents.show(run.run_id)
    assert (run.state, [one.outcome for one in details.steps if one.kind == "result"]) == ("done", ["ok"] * 5)
    assert [one.state for one in details.effects] == ["applied"] * 5
    held = await box.ticket(ticket.id)
    (note,) = held.comments
    assigned = held.assignee if "assignee" in route else held.assignment_group
    assert assigned is not None
    assert (note.internal, "Water is on its way." in note.text) == (True, True)
    assert (held.title, {assigned.id}) == ("Printer is out", set(route.values()))
    assert held.status != ticket.status
    assert (await box.titled("Buy a printer")).description.startswith("The old one burned.")
    booked = sorted((one.act, one.state) for one in await admin.writes.list())
    acts = ("assign", "comment", "create", "transition", "update")
    assert booked == [(act, "applied") for act in acts]

    await _called(admin, brain, wants("ticket_read", ticket=ticket.id, internal=True))
    assert "Water is on its way." in brain.told()
    await _called(ann, brain, wants("ticket_read", ticket=ticket.id))
    assert "There is no ticket" in brain.told()


async def test_the_policy_may_ask_how_sure_triage_is(
    admin: Desk, ben: Desk, brain: Brain, modelled: Deskmind
) -> None:
    words = {
        "network": ("vpn tunnel drops", "wireless is slow"),
        "hardware": ("fan is loud", "monitor flickers"),
    }
    past = [
        TrainingTicket(f"{text} number {number}", {"category": label}, reference=f"INC{number}{label}")
        for label, texts in words.items()
        for text in texts
        for number in range(20)
    ]
    await admin.triage.train(past, targets=["category"])
    _policy(modelled, ApprovalRule(tool="ticket_update", approval="auto", confidence=0.6))
    async with opened(admin, "servicenow") as box:
        ticket = await box.create("vpn tunnel drops", "The wireless is slow, too.")
        sure = await _called(
            admin, brain, wants("ticket_update", ticket=ticket.id, values={"category": "network"})
        )
        assert (sure.state, (await box.ticket(ticket.id)).category) == ("done", ("network",))
        brain.script.clear()
        unlikely = {"ticket": ticket.id, "values": {"category": "hardware"}}
        unsure = await _called(admin, brain, wants("ticket_update", **unlikely))
        assert unsure.state == "waiting"
        (proposal,) = await ben.approvals.list()
        assert proposal.tool == "ticket_update"
