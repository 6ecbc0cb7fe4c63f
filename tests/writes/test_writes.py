"""Writes by a desk to the three systems: proposed, claimed here, sent once, and accounted for whatever goes wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.writes.conftest import NEW, SENDS, System

from deskmind.app import Deskmind
from deskmind.connectors import Article, Kind
from deskmind.connectors.opening import open_connector
from deskmind.desk import Desk
from deskmind.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
)
from deskmind.writes.claims import PersonClaims
from deskmind.writes.store import claim_over, open_write, settle

STEP = {"servicenow": "2", "jira": "Work in progress", "freshservice": "pending"}
FIELD = {"servicenow": "short_description", "jira": "summary", "freshservice": "subject"}


async def test_each_act_is_shown_then_sent_then_there(system: System, tmp_path: Path) -> None:
    writes, vendor = system.desk.writes, system.box.vendor
    ticket = await system.created()
    shown = await writes.propose("it", "update", ticket, {"title": "Printer is out"})
    assert shown.changes == [{"field": FIELD[vendor], "before": "Printer on fire", "after": "Printer is out"}]
    assert (await system.ticket(ticket)).title == "Printer on fire"
    done = await writes.send(shown.write_id)
    assert (done.state, done.differing, done.epoch) == ("applied", [], 1)
    assert done.url
    assert done.version
    assert (await system.ticket(ticket)).title == "Printer is out"

    for internal in (True, False):
        made = await writes.propose(
            "it", "comment", ticket, {"text": f"Said {internal}", "internal": internal}
        )
        await writes.send(made.write_id)
        (said,) = await system.comments(ticket, f"Said {internal}")
        assert said.internal is internal

    await writes.send((await writes.propose("it", "transition", ticket, {"to": STEP[vendor]})).write_id)
    file = tmp_path / "trace.bin"
    file.write_bytes(bytes(range(256)) * 999)
    made = await writes.propose("it", "attach", ticket, {"name": "trace.bin", "content": file})
    await writes.send(made.write_id, content=file)
    person = await someone(system)
    await writes.send((await writes.propose("it", "assign", ticket, {"assignee": person})).write_id)

    if vendor == "jira":  # which alone takes nobody for an assignee
        away = await writes.propose("it", "assign", ticket, {"assignee": None})
        assert [(one["before"], one["after"]) for one in away.changes] == [(person, None)]
        assert (await writes.send(away.write_id)).differing == []
        await writes.send((await writes.propose("it", "assign", ticket, {"assignee": person})).write_id)

    now = await system.ticket(ticket)
    assert now.status_category in {"open", "waiting"}
    assert [(one.name, one.size) for one in now.attachments] == [("trace.bin", 256 * 999)]
    assert now.assignee is not None
    assert now.assignee.id == person
    assert {one.state for one in await writes.list(connection="it")} == {"applied"}


async def test_an_article_is_published_and_changed(system: System) -> None:
    writes = system.desk.writes
    known = await an_article(system)
    assert known.base is not None
    made = await writes.propose(
        "it", "publish", values={"title": f"All new {system.desk.scope.tenant}", "text": "As **new**.", "base": known.base.id}
    )  # fmt: skip
    done = await writes.send(made.write_id)
    article = await an_article(system, done.written_id)
    assert (article.title, article.state) == (f"All new {system.desk.scope.tenant}", "published")
    assert "As **new**." in article.text
    again = await writes.propose("it", "publish", article.id)
    assert (await writes.send(again.write_id)).state == "applied"


async def test_what_the_vendor_has_applied_is_known_although_its_answer_is_lost(system: System) -> None:
    ticket = await system.created()
    made = await system.desk.writes.propose("it", "comment", ticket, {"text": "Did this arrive?"})
    system.box.faults.add("lose", method=SENDS[system.box.vendor], times=1)
    done = await system.desk.writes.send(made.write_id)
    assert done.state == "applied"
    assert len(await system.comments(ticket, "Did this arrive?")) == 1
    with pytest.raises(ConflictError, match="applied"):
        await system.desk.writes.send(made.write_id)


async def test_every_act_whose_answer_is_lost_is_done_once(system: System) -> None:
    ticket = await system.created()
    base = (await an_article(system)).base
    assert base is not None
    changing = {"servicenow": "PATCH", "jira": "PUT", "freshservice": "PUT"}[system.box.vendor]
    moving, attaching = (
        changing if system.box.vendor != "jira" else "POST",
        "PUT" if system.box.vendor == "freshservice" else "POST",
    )
    title = f"Lost and found {system.desk.scope.tenant}"
    acts: list[tuple[str, str, str, dict[str, Any]]] = [
        ("create", "", "POST", {"title": title, **NEW[system.box.vendor]}),
        ("update", ticket, changing, {"title": title}),
        ("assign", ticket, changing, {"assignee": await someone(system)}),
        ("transition", ticket, moving, {"to": STEP[system.box.vendor]}),
        ("attach", ticket, attaching, {"name": "lost.bin", "content": b"found"}),
        ("publish", "", "POST", {"title": title, "text": "Here.", "base": base.id}),
    ]
    for act, target, method, values in acts:
        made = await system.desk.writes.propose("it", act, target, values)
        fault = system.box.faults.add("lose", method=method, times=1)
        done = await system.desk.writes.send(made.write_id, content=values.get("content"))
        assert (fault.struck, done.state, done.differing) == (1, "applied", []), act
        assert done.written_id, act
        system.box.faults.clear()
    now = await system.ticket(ticket)
    assert (now.title, [one.name for one in now.attachments]) == (title, ["lost.bin"])


async def test_what_never_arrived_is_uncertain_then_absent_then_sent_once(system: System) -> None:
    writes = system.desk.writes
    ticket = await system.created()
    made = await writes.propose("it", "comment", ticket, {"text": "Nobody hears this"})
    system.box.faults.add("refuse", method=SENDS[system.box.vendor], times=1)
    with pytest.raises(OutcomeUnknownError) as lost:
        await writes.send(made.write_id)
    assert lost.value.details["write"] == str(made.write_id)
    assert (await writes.show(made.write_id)).state == "uncertain"
    assert (await writes.reconcile(made.write_id)).state == "uncertain"  # it may be under way still
    with pytest.raises(ConflictError, match="uncertain"):
        await writes.send(made.write_id)
    await system.long_ago(made.write_id)
    assert (await writes.reconcile(made.write_id)).state == "absent"
    assert (await writes.send(made.write_id)).state == "applied"
    assert len(await system.comments(ticket, "Nobody hears this")) == 1


async def test_two_who_send_at_once_send_once(system: System, app: Deskmind) -> None:
    ticket = await system.created()
    made = await system.desk.writes.propose("it", "comment", ticket, {"text": "One of us"})
    desks = [system.desk, await app.desk(tenant=system.desk.scope.tenant)]
    sent = await asyncio.gather(*(one.writes.send(made.write_id) for one in desks), return_exceptions=True)
    assert sorted(type(one).__name__ for one in sent) == ["ConflictError", "Write"]
    assert len(await system.comments(ticket, "One of us")) == 1


async def test_whoever_dies_between_claim_and_sending_leaves_what_can_be_sent(system: System) -> None:
    writes, desk = system.desk.writes, system.desk
    ticket = await system.created()
    made = await writes.propose("it", "comment", ticket, {"text": "After the crash"})
    async with desk.database.transaction(desk.scope) as connection:
        proposal = (await open_write(connection, desk.scope, made.write_id)).proposal
    assert await PersonClaims(desk.database, desk.scope, 60).take(proposal)
    with pytest.raises(ConflictError, match="still at work"):
        await writes.reconcile(made.write_id)
    with pytest.raises(ConflictError, match="sending"):
        await writes.send(made.write_id)
    await system.long_ago(made.write_id)
    assert (await writes.reconcile(made.write_id)).state == "absent"
    done = await writes.send(made.write_id)
    assert (done.state, done.epoch) == ("applied", 3)
    assert len(await system.comments(ticket, "After the crash")) == 1


async def test_what_somebody_changed_meanwhile_is_not_overwritten(system: System) -> None:
    writes = system.desk.writes
    ticket = await system.created()
    first = await writes.propose("it", "update", ticket, {"title": "One"})
    second = await writes.propose("it", "update", ticket, {"title": "Two"})
    await writes.send(first.write_id)
    with pytest.raises(ConflictError, match="changed since"):
        await writes.send(second.write_id)
    assert (await system.ticket(ticket)).title == "One"
    left = await writes.show(second.write_id)
    assert (left.state, left.problem) == ("proposed", "conflict")
    assert (await writes.reject(second.write_id)).state == "rejected"


async def test_whoever_was_claimed_over_settles_nothing(system: System) -> None:
    desk = system.desk
    ticket = await system.created()
    made = await desk.writes.propose("it", "comment", ticket, {"text": "Slow"})
    async with desk.database.transaction(desk.scope) as connection:
        proposal = (await open_write(connection, desk.scope, made.write_id)).proposal
    slow = PersonClaims(desk.database, desk.scope, 60)
    await slow.take(proposal)
    await system.long_ago(made.write_id)
    async with desk.database.transaction(desk.scope) as connection:
        epoch = await claim_over(connection, desk.scope, made.write_id, 60)
        assert epoch == slow.epoch + 1
    async with desk.database.transaction(desk.scope) as connection:
        with pytest.raises(ConflictError, match="since"):
            await settle(connection, desk.scope, made.write_id, slow.epoch, "applied")
        await settle(connection, desk.scope, made.write_id, epoch, "uncertain")
    assert (await desk.writes.resolve(made.write_id, written=True)).state == "applied"
    with pytest.raises(ConflictError):
        await desk.writes.resolve(made.write_id, written=False)


@pytest.fixture
async def now(boxes: dict[str, Any], operator: Desk) -> System:
    """ServiceNow alone."""
    box = boxes["servicenow"]
    await operator.connections.add("it", box.vendor, box.url, box.credentials, every_seconds=0)
    return System(operator, box)


async def test_who_may_not_is_refused_and_an_agent_does_not_decide(now: System, app: Deskmind) -> None:
    desk, tenant = now.desk, now.desk.scope.tenant
    made = await desk.writes.propose("it", "create", values={"title": "x"})
    await desk.principals.add_user("member")
    member = await app.desk(tenant=tenant, user="member")
    for refused in (
        member.writes.propose("it", "create", values={"title": "x"}),
        member.writes.send(made.write_id),
        member.writes.list(),
    ):
        with pytest.raises(PermissionDeniedError):
            await refused
    async with desk.database.transaction(member.scope) as connection:
        rows = await (await connection.execute("SELECT count(*) FROM writes")).fetchone()
    assert rows == (0,)
    await desk.principals.add_user("boss", role="operator")
    agent = await (await app.desk(tenant=tenant, user="boss")).acting_for("boss")
    with pytest.raises(PermissionDeniedError, match="agent"):
        await agent.writes.send(made.write_id)
    assert (await desk.writes.show(made.write_id)).state == "proposed"


async def test_a_text_that_names_a_file_of_the_service_is_no_content(now: System) -> None:
    ticket = await now.created()
    with pytest.raises(InvalidRequestError, match="neither bytes nor a path"):
        await now.desk.writes.propose("it", "attach", ticket, {"name": "x", "content": "/etc/hostname"})
    with pytest.raises(InvalidRequestError):
        await now.desk.writes.propose("it", "comment", ticket, {"target": "x"})
    with pytest.raises(InvalidRequestError, match="no such act"):
        await now.desk.writes.propose("it", "explode", ticket)
    with pytest.raises(NotFoundError):
        await now.desk.writes.propose("it", "comment", "0" * 32, {"text": "x"})


async def test_a_ticket_is_named_as_people_call_it_once_it_was_read(now: System) -> None:
    await now.desk.sync.run("it")
    (ticket, *_) = await now.desk.sync.records("it", "ticket", limit=1)
    made = await now.desk.writes.propose("it", "comment", ticket["key"], {"text": "By its number"})
    assert (made.target, made.target_key) == (ticket["id"], ticket["key"])


async def test_every_step_is_in_the_audit_log_without_content(now: System) -> None:
    ticket = await now.created()
    made = await now.desk.writes.propose("it", "comment", ticket, {"text": "Zanzibar"})
    await now.desk.writes.send(made.write_id)
    events = [one for one in await now.desk.audit(limit=50) if one.resource == f"write {made.write_id}"]
    steps = [one.details["step"] for one in reversed(events)]
    assert steps == ["proposed", "claimed", "applied", "read back"]
    assert "Zanzibar" not in repr(events)


async def someone(system: System) -> str:
    async with open_connector(system.box.vendor, system.box.url, system.box.credentials) as source:
        async for ticket in source.tickets():
            if ticket.assignee is not None:
                return ticket.assignee.id
    raise AssertionError("nobody is assigned anything")


async def an_article(system: System, identity: str = "") -> Article:
    async with open_connector(system.box.vendor, system.box.url, system.box.credentials) as source:
        if identity:
            found = await source.get(Kind.ARTICLE, identity)
            assert isinstance(found, Article)
            return found
        async for article in source.articles():
            return article
    raise AssertionError("there is no article")
