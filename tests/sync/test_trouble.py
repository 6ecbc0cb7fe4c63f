"""A vendor on its bad days, as a run and its status show them: nothing crashes, nothing is lost, nobody is hammered."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest

from deskmind.connectors.model import Kind
from deskmind.desk import Desk
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.servicenow.oauth import CLIENT_ID, CLIENT_SECRET
from deskmind.sandbox.web import Call, Fault, Reply, SandboxServer

from .conftest import connect, here, sql, there

pytestmark = pytest.mark.chaos

KINDS = {
    "servicenow": (Kind.CONFIGURATION_ITEM, "/table/cmdb_ci"),
    "jira": (Kind.TICKET, "/search/jql"),
    "freshservice": (Kind.CONFIGURATION_ITEM, "/assets"),
}


@pytest.fixture(params=KINDS)
def box(request: pytest.FixtureRequest) -> SandboxServer:
    return request.getfixturevalue(f"{request.param}_box")


async def whole(desk: Desk, box: SandboxServer, *kinds: Kind) -> None:
    """The run after the trouble reads everything."""
    box.faults.clear()
    status = await desk.sync.run("now")
    assert status.complete, status.as_dict()
    for kind in kinds:
        assert await here(desk, kind) == await there(box, kind)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("server_error", status=500), "source-unavailable"),
        (Fault("slow", seconds=0.6), "source-unavailable"),
        (Fault("refuse"), "source-unavailable"),
        (Fault("bad_json"), "source-reply"),
        (Fault("cut"), "source-reply"),
        (Fault("html"), "source-reply"),
    ],
    ids=lambda one: one.kind if isinstance(one, Fault) else "",
)
async def test_what_lasts_is_told_and_what_was_read_is_kept(
    operator: Desk, servicenow_box: ServiceNowSandbox, fault: Fault, code: str
) -> None:
    kind, path = KINDS["servicenow"]
    await connect(operator, servicenow_box, kinds=(str(kind), "group"))
    servicenow_box.faults.add(Fault(fault.kind, path=path, status=fault.status, seconds=fault.seconds))
    status = await operator.sync.run("now")
    assert f"{kind}: {code}" in status.error
    assert not status.complete
    assert len([entry for entry in servicenow_box.log if path in entry.path]) <= 80, "it is not hammered"
    await whole(operator, servicenow_box, kind, Kind.GROUP)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["server_error", "bad_json"])
async def test_what_passes_is_not_noticed(operator: Desk, box: SandboxServer, kind: Any) -> None:
    read, _ = KINDS[box.vendor]
    await connect(operator, box, kinds=(str(read),))
    box.faults.add(kind, every=3)
    await whole_in_spite(operator, box, read)


async def whole_in_spite(desk: Desk, box: SandboxServer, kind: Kind) -> None:
    status = await desk.sync.run("now")
    assert status.complete, status.as_dict()
    box.faults.clear()
    assert await here(desk, kind) == await there(box, kind)


async def test_who_wants_a_long_pause_gets_it_from_later_runs_too(operator: Desk, box: SandboxServer) -> None:
    read, _ = KINDS[box.vendor]
    await connect(operator, box, kinds=(str(read), "group", "person"))
    box.faults.add("rate_limit", retry_after=3600)
    status = await operator.sync.run("now")
    assert "source-rate-limited" in status.error
    assert len(box.log) <= 4, "the kinds that are read at once ask once each"
    box.faults.clear()
    box.log.clear()
    status = await operator.sync.run("now", full=True)
    assert "is not asked now. It asked for no request before" in status.error
    assert len(box.log) == 0
    await sql(operator, "UPDATE connections SET held_until = now() RETURNING 1")
    await whole(operator, box, read)


@pytest.mark.usefixtures("impatient")
async def test_one_row_that_breaks_every_answer_is_named_and_costs_nothing_else(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    everything = await there(servicenow_box, Kind.TICKET)
    store = servicenow_box.instance.store
    broken = sorted(one for one in everything if store.find("incident", one))[7]
    await connect(operator, servicenow_box, kinds=("ticket",))
    servicenow_box.broken_rows.add(("incident", broken))
    status = await operator.sync.run("now")
    assert (status.error, status.complete) == ("", False)
    assert [(one.kind, one.id) for one in status.problems] == [("ticket", broken)]
    assert set(await here(operator, Kind.TICKET)) == set(everything) - {broken}
    servicenow_box.broken_rows.clear()
    await operator.sync.reset("now")
    await whole(operator, servicenow_box, Kind.TICKET)


@pytest.mark.usefixtures("impatient")
async def test_a_comment_that_breaks_its_answer_is_named_with_its_ticket_which_is_there_without_it(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    store = servicenow_box.instance.store
    rows = {
        ticket: [store.read("sys_journal_field", row, "sys_id") for row in store.by("sys_journal_field", "element_id", ticket)]
        for ticket in await there(servicenow_box, Kind.TICKET)
    }  # fmt: skip
    ticket, (broken, *others) = next((one, some) for one, some in sorted(rows.items()) if len(some) > 1)
    servicenow_box.broken_rows.add(("sys_journal_field", broken))
    status = await operator.sync.run("now")
    assert (status.error, status.complete) == ("", False)
    (problem,) = status.problems
    assert (problem.kind, problem.id) == ("ticket", ticket)
    assert broken in problem.why
    assert await said(operator, ticket) == others
    servicenow_box.broken_rows.clear()
    assert (await operator.sync.run("now")).complete, "the next run asks for the ticket again"
    assert sorted(await said(operator, ticket)) == sorted([broken, *others])


async def said(desk: Desk, ticket: str) -> list[str]:
    """Ids of a ticket's comments in the copy."""
    (found,) = [one for one in await desk.sync.records("now", "ticket", limit=1000) if one["id"] == ticket]
    return [one["id"] for one in found["comments"]]


@pytest.mark.parametrize("box", ["jira", "freshservice"], indirect=True)
async def test_a_comment_that_lacks_its_form_does_not_take_its_ticket_with_it(
    operator: Desk, box: SandboxServer
) -> None:
    await connect(operator, box, kinds=("ticket",))
    answer, spoiled = box.answer, set[str]()

    async def strange(call: Call) -> Reply:
        reply = await answer(call)
        if not isinstance(reply.body, bytes) or not reply.body.startswith(b"{"):
            return reply
        return Reply(
            reply.status,
            json.dumps(_spoiled(json.loads(reply.body), spoiled)).encode(),
            reply.headers,
            reply.user,
        )

    with patch.object(box, "answer", strange):
        status = await operator.sync.run("now")
    assert spoiled
    assert status.error == ""
    assert {one.id for one in status.problems} == spoiled
    assert all(one.why.startswith("comment") for one in status.problems)
    assert spoiled <= set(await here(operator, Kind.TICKET))
    assert (await operator.sync.run("now")).complete


def _spoiled(body: dict[str, Any], spoiled: set[str]) -> dict[str, Any]:
    """An answer in which the first comment of each ticket has no id, for two tickets at most."""
    for issue in [*body.get("issues", []), body.get("ticket") or {}]:
        fields = issue.get("fields", issue)
        comments = (fields.get("comment") or {}).get("comments") or fields.get("conversations") or []
        if comments and (len(spoiled) < 2 or str(issue["id"]) in spoiled):
            spoiled.add(str(issue["id"]))
            comments[0].pop("id")
    return body


async def test_fields_without_a_place_are_counted(operator: Desk, servicenow_box: ServiceNowSandbox) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    first = await operator.sync.run("now")
    (kind,) = first.kinds
    assert kind.unmapped
    assert max(kind.unmapped.values()) <= kind.records
    found = [one["unmapped"] for one in await operator.sync.records("now", "ticket", limit=1000)]
    name = next(iter(kind.unmapped))
    assert kind.unmapped[name] == sum(name in one for one in found)


async def test_a_list_without_its_rows_removes_nothing(operator: Desk, jira_box: SandboxServer) -> None:
    await connect(operator, jira_box, kinds=("group",))
    await operator.sync.run("now")
    known = await here(operator, Kind.GROUP)
    jira_box.faults.add("changed_schema", path="/group/bulk", rename={"values": ""})
    status = await operator.sync.run("now")
    assert "source-reply" in status.error
    assert await here(operator, Kind.GROUP) == known


@pytest.mark.usefixtures("impatient")
async def test_a_record_that_cannot_be_asked_for_does_not_keep_a_sweep_from_the_others(
    operator: Desk, jira_box: JiraSandbox
) -> None:
    await connect(operator, jira_box, kinds=("ticket",))
    await operator.sync.run("now")
    everything = set(await here(operator, Kind.TICKET))
    broken, *others = list(jira_box.site.issues.values())[:3]
    for issue in (broken, *others):
        jira_box.site.remove(issue)
    jira_box.faults.add("html", path=f"/issue/{broken.id}$")
    status = await operator.sync.run("now", sweep=True)
    assert set(await here(operator, Kind.TICKET)) == everything - {str(one.id) for one in others}
    assert (status.error, [one.id for one in status.problems]) == ("", [str(broken.id)])
    await whole(operator, jira_box, Kind.TICKET)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("missing", ["sys_id", "sys_updated_on", "result"])
async def test_a_field_that_is_gone_is_told(
    operator: Desk, servicenow_box: ServiceNowSandbox, missing: str
) -> None:
    kind, path = KINDS["servicenow"]
    await connect(operator, servicenow_box, kinds=(str(kind),))
    servicenow_box.faults.add("changed_schema", path=path, rename={missing: ""})
    status = await operator.sync.run("now")
    assert "source-reply" in status.error
    assert not status.complete
    assert len(servicenow_box.log) < 80
    await sql(operator, "DELETE FROM sync_problems RETURNING 1")
    await whole(operator, servicenow_box, kind)


STRANGE = {
    "rows are words": lambda rows: ["row" for _ in rows],
    "rows are lists": lambda rows: [[row] for row in rows],
    "fields are numbers": lambda rows: [dict.fromkeys(row, 7) for row in rows],
    "fields are lists": lambda rows: [{key: [] for key in row} for row in rows],
    "fields are objects": lambda rows: [{key: {"is": {"no": "text"}} for key in row} for row in rows],
    "nothing": lambda rows: None,
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("box", "change"),
    [
        *(("servicenow", change) for change in STRANGE),
        *(
            (vendor, change)
            for vendor in ("jira", "freshservice")
            for change in ("rows are words", "fields are objects")
        ),
    ],
    indirect=["box"],
)
async def test_fields_of_another_type_crash_nothing(operator: Desk, box: SandboxServer, change: str) -> None:
    kind, _ = KINDS[box.vendor]
    await connect(operator, box, kinds=(str(kind),))
    answer = box.answer

    async def strange(call: Call) -> Reply:
        reply = await answer(call)
        if not isinstance(reply.body, bytes) or not reply.body.startswith((b"{", b"[")):
            return reply
        body = json.dumps(_altered(json.loads(reply.body), STRANGE[change])).encode()
        return Reply(reply.status, body, reply.headers, reply.user)

    with patch.object(box, "answer", strange):
        status = await operator.sync.run("now")
    assert status.finished_at is not None
    assert not status.complete
    (read,) = status.kinds
    assert status.error.startswith(f"{kind}: source-") or status.problems or read.notes
    assert len(box.log) < 400
    await operator.sync.reset("now")
    await sql(operator, "DELETE FROM sync_problems RETURNING 1")
    await sql(operator, "DELETE FROM synced_records RETURNING 1")
    await whole(operator, box, kind)


def _altered(body: Any, change: Any) -> Any:
    """An answer whose longest list of records is changed."""
    if isinstance(body, list):
        return change(body)
    lists = {
        name: one for name, one in body.items() if isinstance(one, list) and one and isinstance(one[0], dict)
    }
    if not lists:
        return body
    name = max(lists, key=lambda one: len(lists[one]))
    return {**body, name: change(lists[name])}


async def test_a_token_that_expires_in_the_middle_is_renewed(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant": "password"}
    credentials = {**given, **servicenow_box.credentials}
    await operator.connections.add("now", "servicenow", servicenow_box.url, credentials, every_seconds=0)
    servicenow_box.faults.add("expired_token", path="/api/now/", every=10)
    status = await operator.sync.run("now")
    assert status.complete, status.as_dict()
    assert len([one for one in servicenow_box.log if one.fault == "expired_token"]) > 1
    await whole(operator, servicenow_box, Kind.TICKET, Kind.PERSON)
