"""The ready workflows end to end: a scripted model, real sandboxes, people who approve, and what the vendor holds afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tests.agents.conftest import Brain, wants
from tests.agents.workflows.conftest import decide
from tests.sync.conftest import connect

from deskmind.connectors import Act, Kind, Ticket
from deskmind.connectors.opening import VendorConnector, open_connector
from deskmind.desk import Desk
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import SandboxServer

Finish = Callable[[], Awaitable[None]]
NEW: dict[str, dict[str, Any]] = {
    "servicenow": {"urgency": "2", "impact": "2"},
    "jira": {"project": "ITSM", "type": "[System] Incident"},
    "freshservice": {"email": "someone@halvern.example.net", "priority": "high"},
}
VENDORS = ("servicenow", "jira", "freshservice")


@dataclass(frozen=True, slots=True)
class Box:
    """A sandbox that the tenant is connected to as *now*, and a connector of the test's own to look at it."""

    server: SandboxServer
    source: VendorConnector

    async def create(self, title: str, description: str) -> Ticket:
        """A new ticket at the vendor."""
        values = {"title": title, "description": description, **NEW[self.server.vendor]}
        applied = await self.source.apply(await self.source.propose(Act.CREATE, **values))
        return await self.ticket(applied.id)

    async def ticket(self, name: str) -> Ticket:
        """A ticket as the vendor holds it."""
        found = await self.source.get(Kind.TICKET, name)
        assert isinstance(found, Ticket)
        return found

    async def assignment(self) -> dict[str, str]:
        """The values of an assignment that the vendor takes."""
        if isinstance(self.server, JiraSandbox):
            site = self.server.site
            return {"assignee": next(one.lead for one in site.projects.values() if one.key == "ITSM")}
        groups = [one async for page in self.source.pages(Kind.GROUP) for one in page.records]
        return {"group": next(one.id for one in groups if one.grantee.kind == "group")}  # type: ignore[union-attr]


@asynccontextmanager
async def opened(desk: Desk, vendor: str) -> AsyncIterator[Box]:
    """A sandbox of a vendor, connected; its tickets can be read."""
    kinds = {
        "servicenow": lambda: ServiceNowSandbox(size="tiny"),
        "jira": lambda: JiraSandbox(size="tiny"),
        "freshservice": lambda: FreshserviceSandbox(size="tiny", requests_per_minute=100_000),
    }
    async with kinds[vendor]() as server:
        await connect(desk, server, kinds=("ticket", "person"))
        async with open_connector(vendor, server.url, server.credentials) as source:
            yield Box(server, source)


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
    now: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish
) -> None:
    tickets = [
        await now.create(f"Mail server unreachable {place}", "Outlook cannot reach the mail server.")
        for place in ("Berlin", "Paris", "Rome", "Oslo", "Wien")
    ]
    other = await now.create("Keyboard broken", "Keys are stuck.")
    await admin.sync.run("now")
    brain.says(wants("final_result", title="Mail is down", summary="Nobody reaches the mail server."))
    given = {"connection": "now", "create": {"urgency": "1", "impact": "1"}, "model": "fast"}
    output = await _driven(admin, ben, finish, "major-incident", given)
    assert sorted(output["tickets"]) == sorted(one.key for one in tickets)
    assert output["told"] == 5
    found = await _titled(now, "Mail is down")
    assert found.key == output["incident"]
    assert all(one.key in found.description for one in tickets)
    for one in tickets:
        (note,) = (await now.ticket(one.id)).comments
        assert note.internal
        assert found.key in note.text
    assert (await now.ticket(other.id)).comments == ()


async def test_a_knowledge_gap_becomes_a_draft(
    now: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish
) -> None:
    for place in ("one", "two", "three"):
        ticket = await now.create(
            f"Badge reader beeps on floor {place}", "The badge reader beeps and is red."
        )
        values = {
            "to": "6",
            "resolution_code": "Solved (Permanently)",
            "resolution_notes": "Cleaned the lens.",
        }
        await now.source.apply(await now.source.propose(Act.TRANSITION, ticket.id, **values))
    await admin.sync.run("now")
    base = await _base(now)
    brain.says(wants("final_result", title="Badge reader beeps", text="Clean the lens."))
    given = {
        "connection": "now",
        "base": base,
        "model": "fast",
        "days": 0.1,
        "fields": {"workflow_state": "draft"},
    }
    output = await _driven(admin, ben, finish, "knowledge-gap", given)
    assert (output["article"], output["outcome"]) == ("Badge reader beeps", "ok")
    assert "Cleaned the lens." in brain.told()
    rows = await _rows(now, "kb_knowledge", "short_description=Badge reader beeps")
    assert [(one["workflow_state"], one["kb_knowledge_base"]["value"]) for one in rows] == [("draft", base)]


async def test_a_shift_is_handed_over(now: Box, admin: Desk, ben: Desk, brain: Brain, finish: Finish) -> None:
    ticket = await now.create("Scanner jams", "It jams.")
    await admin.sync.run("now")
    brain.says(f"{ticket.key}: scanner jams, open.")
    given = {"connection": "now", "hours": 0.5, "create": {"urgency": "3"}, "model": "fast"}
    output = await _driven(admin, ben, finish, "shift-handover", given)
    assert output["counts"] == {"new": 1}
    assert "Scanner jams" in brain.told()
    rows = await _rows(now, "incident", f"number={output['handover']}")
    assert [one["description"] for one in rows] == [f"{ticket.key}: scanner jams, open."]
    assert rows[0]["short_description"].startswith("Shift handover ")


async def _titled(box: Box, title: str) -> Ticket:
    (row,) = await _rows(box, "incident", f"short_description={title}")
    return await box.ticket(row["sys_id"])


async def _base(box: Box) -> str:
    return (await _rows(box, "kb_knowledge_base", ""))[0]["sys_id"]


async def _rows(box: Box, table: str, query: str) -> list[dict[str, Any]]:
    """Rows as the instance's own interface gives them."""
    import httpx

    given = box.server.credentials
    async with httpx.AsyncClient(
        base_url=box.server.url, auth=(given["username"], given["password"])
    ) as client:
        answer = await client.get(f"/api/now/table/{table}", params={"sysparm_query": query})
        answer.raise_for_status()
        return answer.json()["result"]
