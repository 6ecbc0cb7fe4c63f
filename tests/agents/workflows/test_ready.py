"""The ready workflows end to end: a scripted model, real sandboxes, people who approve, and what the vendor holds afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.agents.boxes import NEW, VENDORS, Box, opened
from tests.agents.conftest import Brain, wants
from tests.agents.workflows.conftest import decide

from deskmind.connectors import Act, Article, Kind
from deskmind.desk import Desk

Finish = Callable[[], Awaitable[None]]


@pytest.fixture(params=VENDORS)
async def box(request: pytest.FixtureRequest, admin: Desk) -> AsyncIterator[Box]:
    """Each vendor's."""
    async with opened(admin, request.param) as found:
        yield found


@pytest.fixture
async def now(admin: Desk) -> AsyncIterator[Box]:
    """ServiceNow's."""
    async with opened(admin, "servicenow") as found:
        yield found


async def _driven(desk: Desk, ben: Desk, finish: Finish, workflow: str, given: dict[str, Any]) -> Any:
    """Run on a worker with somebody who approves everything, to the end; the output."""
    run_id = await desk.workflows.start(workflow, given)
    await finish()
    while await decide(ben):
        await finish()
    run = (await desk.workflows.show(run_id)).run
    assert (run.state, run.problem) == ("done", "")
    return run.output


async def test_triage_classifies_enriches_and_routes(
    box: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish
) -> None:
    ticket = await box.create("VPN drops", "The VPN drops every hour.")
    await admin.knowledge.add("vpn.md", b"# VPN drops\n\nRenew the certificate of the VPN.")
    route = await box.assignment()
    brain.says(wants("final_result", label="Network", reason="VPN"))
    given = {
        "connection": "now",
        "ticket": ticket.id,
        "routes": {"Network": route, "Hardware": {}},
        "model": "fast",
    }
    output = await _driven(admin, ben, finish, "triage", given)
    assert (output["label"], output["by"], output["routed"], output["noted"]) == (
        "Network",
        "a model",
        "ok",
        "ok",
    )
    held = await box.ticket(ticket.id)
    assigned = held.assignee if "assignee" in route else held.assignment_group
    assert assigned is not None
    assert {assigned.id} == set(route.values())
    (note,) = held.comments
    assert note.internal
    assert "Routed as **Network**, by a model." in note.text
    assert "VPN drops" in note.text
    assert "The VPN drops every hour." in brain.told()
    booked = {(write.act, write.state) for write in await admin.writes.list()}
    assert booked == {("assign", "applied"), ("comment", "applied")}


async def test_resolve_searches_drafts_reviews_and_proposes(
    box: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish
) -> None:
    ticket = await box.create("VPN drops", "The VPN drops every hour.")
    await admin.knowledge.add("vpn.md", b"# VPN drops\n\nRenew the certificate of the VPN.")
    brain.says(
        "Buy a new laptop.",
        wants("final_result", good=False, remarks="The passages do not say so."),
        "Please renew the VPN certificate.",
        wants("final_result", good=True),
    )
    given = {"connection": "now", "ticket": ticket.id, "model": "fast"}
    output = await _driven(admin, ben, finish, "resolve", given)
    assert (output["outcome"], output["reply"]) == ("ok", "Please renew the VPN certificate.")
    assert "The passages do not say so." in brain.told(2)
    (reply,) = (await box.ticket(ticket.id)).comments
    assert reply.internal
    assert "Please renew the VPN certificate." in reply.text
    assert "Buy a new laptop." not in reply.text


async def test_resolve_replies_publicly_only_by_what_the_requester_may_read(
    now: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish
) -> None:
    person = next(
        one for page in [page async for page in now.source.pages(Kind.PERSON)] for one in page.records
    )
    applied = await now.source.apply(
        await now.source.propose(Act.CREATE, title="VPN drops", description="Help.", requester=person.id)
    )
    await admin.sync.run("now")
    await finish()
    await admin.principals.add_user(person.emails[0])  # type: ignore[union-attr]
    await admin.principals.add_group("staff")
    await admin.knowledge.add("secret.md", b"# VPN drops\n\nThe secret gateway is vpn-9.", groups=["staff"])
    given = {"connection": "now", "ticket": applied.id, "model": "fast", "public": True}
    run = await admin.workflows.run("resolve", given)
    assert (run.state, run.output["outcome"]) == ("done", "nothing found")
    assert brain.asked == []

    await admin.knowledge.add("open.md", b"# VPN drops\n\nRenew the certificate of the VPN.")
    brain.says("Please renew the certificate.", wants("final_result", good=True))
    output = await _driven(admin, ben, finish, "resolve", given)
    assert (output["outcome"], output["public"]) == ("ok", True)
    assert "Renew the certificate" in brain.told()
    assert "vpn-9" not in brain.told()
    (reply,) = (await now.ticket(applied.id)).comments
    assert not reply.internal
    assert "Please renew the certificate." in reply.text


async def test_a_major_incident_is_found_summed_up_opened_and_told(
    box: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish
) -> None:
    tickets = [
        await box.create(f"Mail server unreachable {place}", "Outlook cannot reach the mail server.")
        for place in ("Berlin", "Paris", "Rome")
    ]
    other = await box.create("Keyboard broken", "Keys are stuck.")
    await admin.sync.run("now")
    brain.says(wants("final_result", title="Mail is down", summary="Nobody reaches the mail server."))
    given = {"connection": "now", "create": NEW[box.server.vendor], "least": 3, "model": "fast"}
    output = await _driven(admin, ben, finish, "major-incident", given)
    assert sorted(output["tickets"]) == sorted(one.key for one in tickets)
    assert output["told"] == 3
    found = await box.titled("Mail is down")
    assert found.key == output["incident"]
    assert all(one.key in found.description for one in tickets)
    for one in tickets:
        (note,) = (await box.ticket(one.id)).comments
        assert note.internal
        assert found.key in note.text
    assert (await box.ticket(other.id)).comments == ()


async def test_a_knowledge_gap_becomes_an_article(
    box: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish
) -> None:
    for place in ("one", "two", "three"):
        ticket = await box.create(
            f"Badge reader beeps on floor {place}", "The badge reader beeps and is red."
        )
        await box.solve(ticket.id, "Cleaned the lens.")
    await admin.sync.run("now")
    base = next(one.base for one in await box.articles() if one.base is not None)
    brain.says(wants("final_result", title="Badge reader beeps", text="Clean the lens."))
    draft = {"fields": {"workflow_state": "draft"}} if box.server.vendor == "servicenow" else {}
    given = {"connection": "now", "base": base.id, "model": "fast", "days": 0.1, **draft}
    output = await _driven(admin, ben, finish, "knowledge-gap", given)
    assert (output["article"], output["outcome"]) == ("Badge reader beeps", "ok")
    assert "Cleaned the lens." in brain.told()
    (listed,) = [one for one in await box.articles() if one.title == "Badge reader beeps"]
    made = await box.source.get(Kind.ARTICLE, listed.id)
    assert isinstance(made, Article)
    assert made.base == base
    assert made.state == ("draft" if draft else "published")
    assert "Clean the lens." in made.text


def _today() -> float:
    """Half an hour, or what there was of today: a sandbox's own tickets end at midnight."""
    now = datetime.now(UTC)
    return min(0.5, (now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() / 3600)


async def test_a_shift_is_handed_over(box: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish) -> None:
    ticket = await box.create("Scanner jams", "It jams.")
    await admin.sync.run("now")
    brain.says(f"{ticket.key}: scanner jams, open.")
    given = {"connection": "now", "hours": _today(), "create": NEW[box.server.vendor], "model": "fast"}
    output = await _driven(admin, ben, finish, "shift-handover", given)
    assert sum(output["counts"].values()) == 1
    assert "Scanner jams" in brain.told()
    held = await box.titled("Shift handover ")
    assert held.key == output["handover"]
    assert f"{ticket.key}: scanner jams, open." in held.description
