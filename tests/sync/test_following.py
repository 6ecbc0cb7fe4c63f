"""What the vendor shows by name is called so in the copy too, after that was renamed or deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.connectors.core import Pace
from deskmind.connectors.model import Kind
from deskmind.connectors.opening import open_connector
from deskmind.desk import Desk
from deskmind.errors import SourceUnavailableError
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.jira.issue import Link
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import Fault, SandboxServer
from deskmind.sync import following
from deskmind.sync.following import Follower
from deskmind.sync.records import kept
from deskmind.sync.running import Runner

from .conftest import connect, sql


async def outdated(desk: Desk, box: SandboxServer, *kinds: Kind) -> list[str]:
    """Records whose copy is not as the source shows them now."""
    found: list[str] = []
    async with open_connector(box.vendor, box.url, box.credentials) as source:
        source.client.pace = Pace(1_000_000, 1.0)
        for kind in kinds:
            there = {
                one.id: kept(kind, one, None).record
                async for page in source.pages(kind)
                for one in page.records
                if not one.deleted
            }
            rows = await sql(
                desk, "SELECT external_id, record FROM synced_records WHERE kind = %s", (str(kind),)
            )
            here = dict(rows)
            assert here.keys() == there.keys()
            found += [
                f"{kind} {one}: {name}"
                for one in here
                for name in there[one]
                if here[one][name] != there[one][name]
            ]
    return found


class Instance:
    """A ServiceNow sandbox whose people change records as an administrator does, an hour later each time."""

    def __init__(self, box: ServiceNowSandbox) -> None:
        self.box = box
        self.store = box.instance.store
        admin = box.instance.directory.named("admin")
        assert admin is not None
        self.admin = admin

    def family(self, children: int = 1) -> tuple[str, list[str]]:
        """An incident and some below it."""
        records = self.box.instance.records
        parent = self.id_of(records.create("incident", {"short_description": "Mail is down"}, self.admin))
        given = {"short_description": "No mail", "parent_incident": parent}
        made = [self.id_of(records.create("incident", given, self.admin)) for _ in range(children)]
        self.later()
        return parent, made

    def later(self) -> None:
        """What was written so far is behind the overlap of the next pass."""
        self.box.clock.advance(3600)
        self.box.instance.records.create("incident", {"short_description": "Later"}, self.admin)

    def id_of(self, row: Any) -> str:
        return self.store.read("incident", row, "sys_id")

    def referred(self, field: str) -> str:
        """What some incident refers to in a field."""
        found = (self.store.read("incident", row, field) for row in self.store.ordered("incident", ()))
        return next(one for one in found if one)

    def delete(self, table: str, sys_id: str) -> None:
        self.box.clock.advance(3600)
        self.box.instance.records.delete(table, sys_id, self.admin)

    def rename(self, table: str, sys_id: str, **given: str) -> None:
        self.box.clock.advance(3600)
        found = self.store.find(table, sys_id)
        assert found is not None
        self.box.instance.records.update(found[0], found[1], given, self.admin)


@pytest.fixture
def instance(servicenow_box: ServiceNowSandbox) -> Instance:
    return Instance(servicenow_box)


async def parents(desk: Desk, ids: Sequence[str]) -> set[str]:
    """What some tickets' parents are called."""
    rows = await sql(
        desk,
        "SELECT record->'parent'->>'name' FROM synced_records WHERE external_id = ANY (%s)",
        (list(ids),),
    )
    return {name for (name,) in rows}


async def test_a_ticket_whose_parent_was_deleted_is_read_again(operator: Desk, instance: Instance) -> None:
    parent, children = instance.family(3)
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    assert len(await parents(operator, children)) == 1
    before = await sql(
        operator, "SELECT synced_at FROM synced_records WHERE external_id = ANY (%s)", (children,)
    )
    instance.delete("incident", parent)
    assert (await operator.sync.run("now")).complete
    assert await parents(operator, children) == {parent}  # so the vendor shows what it cannot find
    assert await outdated(operator, instance.box, Kind.TICKET) == []
    after = await sql(
        operator, "SELECT synced_at FROM synced_records WHERE external_id = ANY (%s)", (children,)
    )
    assert sorted(after) == sorted(before)  # nobody changed them: no workflow begins


@pytest.mark.parametrize(
    ("table", "field", "given"),
    [
        ("sys_user", "caller_id", {"name": "Zora Quill", "first_name": "Zora", "last_name": "Quill"}),
        ("sys_user_group", "assignment_group", {"name": "Airship Support"}),
        ("cmdb_ci", "cmdb_ci", {"name": "airship-07"}),
    ],
)
async def test_what_is_referred_to_is_called_as_it_is_called_now(
    operator: Desk, instance: Instance, table: str, field: str, given: dict[str, str]
) -> None:
    """Renamed first, then deleted."""
    referred = instance.referred(field)
    kinds = (Kind.TICKET, Kind.PERSON, Kind.GROUP, Kind.ORGANISATION, Kind.SERVICE, Kind.CONFIGURATION_ITEM)
    await connect(operator, instance.box)
    await operator.sync.run("now")
    assert await outdated(operator, instance.box, *kinds) == []
    instance.rename(table, referred, **given)
    assert await outdated(operator, instance.box, Kind.TICKET)
    assert (await operator.sync.run("now")).complete
    assert await outdated(operator, instance.box, *kinds) == []
    instance.delete(table, referred)
    await operator.sync.run("now", sweep=True)
    assert await outdated(operator, instance.box, *kinds) == []


async def test_who_wrote_a_comment_is_called_as_they_are_called_now(
    operator: Desk, instance: Instance
) -> None:
    incident = instance.store.ordered("incident", ())[0]
    instance.box.instance.records.update(
        "incident", incident, {"comments": "It smells of smoke."}, instance.admin
    )
    instance.later()
    await connect(operator, instance.box, kinds=("ticket", "person"))
    await operator.sync.run("now")
    instance.rename("sys_user", instance.admin.sys_id, name="Otto Ash", first_name="Otto", last_name="Ash")
    await operator.sync.run("now")
    assert await outdated(operator, instance.box, Kind.TICKET) == []
    texts = [body for (body,) in await sql(operator, "SELECT body FROM chunks WHERE body LIKE '%%smoke%%'")]
    assert texts
    assert all("Otto Ash" in text for text in texts)


async def test_a_webhooks_deletion_is_followed_without_a_run(
    app: Deskmind, operator: Desk, instance: Instance
) -> None:
    parent, children = instance.family()
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    instance.delete("incident", parent)
    connection_id = (await operator.connections.get("now")).connection_id
    await Runner(app.database, operator.scope, app).read_one(connection_id, Kind.TICKET, parent)
    (status,) = await operator.sync.status("now")
    assert (status.outdated, status.complete) == (1, False)
    await app.jobs.drain()
    assert await parents(operator, children) == {parent}
    (status,) = await operator.sync.status("now")
    assert (status.outdated, status.complete) == (0, True)


async def test_more_than_a_turn_holds_are_followed_in_turns(
    operator: Desk, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_MOST", 4)
    monkeypatch.setattr(following, "_AT_ONCE", 2)
    monkeypatch.setattr(following, "_REFERRED_AT_ONCE", 1)
    families = [instance.family(5) for _ in range(3)]
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    for parent, _ in families:
        instance.delete("incident", parent)
    assert (await operator.sync.run("now")).complete
    assert await outdated(operator, instance.box, Kind.TICKET) == []


class _KilledError(BaseException):
    """Stands for the end of the process: nothing after it happens."""


@pytest.mark.parametrize("moment", ["_exchange", "_waiting", "_read"])
async def test_who_is_killed_after_the_removal_costs_nothing(
    app: Deskmind, operator: Desk, instance: Instance, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    parent, children = instance.family(3)
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    instance.delete("incident", parent)
    connection_id = (await operator.connections.get("now")).connection_id

    async def killed(self: Follower, *given: object) -> None:
        raise _KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Follower, moment, killed)
        with pytest.raises(_KilledError):
            await Runner(app.database, operator.scope, app).run(connection_id)
    assert await sql(operator, "SELECT 1 FROM synced_records WHERE external_id = %s", (parent,)) == []
    (status,) = await operator.sync.status("now")
    assert not status.complete
    assert (await operator.sync.run("now")).complete
    assert await parents(operator, children) == {parent}


@asynccontextmanager
async def stopping(app: Deskmind, desk: Desk, when: str) -> AsyncIterator[None]:
    """A database that stops the statement that writes down what refers to something, as it does when the time is over."""
    admin, schema = app.database.endpoints.admin, app.database.endpoints.schema
    assert admin is not None
    async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as connection:
        await connection.execute(f"SET search_path = {schema}".encode())
        await connection.execute(
            f"""
            CREATE FUNCTION stop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF {when} THEN
                    RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
                END IF;
                RETURN NEW;
            END $$""".encode()
        )
        await connection.execute(
            "CREATE TRIGGER stop_it BEFORE INSERT ON sync_follow_ups FOR EACH ROW"
            f" WHEN (NEW.step = 'referring' AND NEW.tenant_id = '{desk.scope.tenant_id}') EXECUTE FUNCTION stop_it()".encode()
        )
        try:
            yield
        finally:
            await connection.execute("DROP FUNCTION stop_it CASCADE")


async def test_a_run_goes_on_when_it_takes_too_long_to_find_what_refers_to_something(
    app: Deskmind, operator: Desk, instance: Instance
) -> None:
    """Memberships that ended at the vendor end here too."""
    tenant = operator.scope.tenant
    await connect(operator, instance.box, kinds=("ticket", "person", "group", "membership"))
    await operator.sync.run("now")
    caller = instance.referred("caller_id")
    people = await operator.sync.records("now", "person", limit=1000)
    login = next(one["login"] for one in people if one["id"] == caller)
    await operator.principals.add_user(login)
    await operator.sync.run("now")
    assert await (await app.desk(tenant=tenant, user=login)).knowledge.documents(limit=200)
    instance.rename("sys_user_group", instance.referred("assignment_group"), name="Airship Support")
    instance.rename("sys_user", caller, active="false")
    async with stopping(app, operator, "true"):
        status = await operator.sync.run("now")
    assert "group: unavailable: The database took too long" in status.error
    assert await (await app.desk(tenant=tenant, user=login)).knowledge.documents(limit=200) == []
    assert await outdated(operator, instance.box, Kind.TICKET)
    assert (await operator.sync.run("now")).complete
    assert await outdated(operator, instance.box, Kind.TICKET) == []


async def test_what_every_ticket_refers_to_may_take_its_time(
    app: Deskmind, operator: Desk, instance: Instance
) -> None:
    parent, children = instance.family(3)
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    instance.delete("incident", parent)
    async with stopping(app, operator, "current_setting('statement_timeout') <> '0'"):
        assert (await operator.sync.run("now")).complete
    assert await parents(operator, children) == {parent}


async def test_one_that_cannot_be_read_does_not_keep_the_others_back(
    operator: Desk, instance: Instance
) -> None:
    parent, children = instance.family(4)
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    instance.delete("incident", parent)
    instance.box.broken_rows.add(("incident", children[0]))
    status = await operator.sync.run("now")
    assert [one.id for one in status.problems] == [children[0]]
    assert await parents(operator, children[1:]) == {parent}
    instance.box.broken_rows.clear()
    assert (await operator.sync.run("now")).complete
    assert await parents(operator, children) == {parent}


async def test_what_refers_to_it_and_is_gone_too_is_removed(operator: Desk, instance: Instance) -> None:
    """Its own deletion has left no trace: an instance may not audit a table."""
    parent, children = instance.family(2)
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    instance.delete("incident", parent)
    instance.store.remove("incident", children[0])
    assert (await operator.sync.run("now")).complete
    assert await outdated(operator, instance.box, Kind.TICKET) == []


@pytest.mark.usefixtures("impatient")
async def test_a_vendor_that_fails_meanwhile_is_asked_again(
    app: Deskmind, operator: Desk, instance: Instance
) -> None:
    parent, children = instance.family(2)
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    instance.delete("incident", parent)
    runner = Runner(app.database, operator.scope, app)
    connection_id = (await operator.connections.get("now")).connection_id
    await runner.read_one(connection_id, Kind.TICKET, parent)
    instance.box.faults.add(Fault("server_error"))
    with pytest.raises(SourceUnavailableError):
        await runner.follow(connection_id)
    instance.box.faults.clear()
    (status,) = await operator.sync.status("now")
    assert status.outdated == 2
    assert (await operator.sync.run("now")).complete
    assert await parents(operator, children) == {parent}


@pytest.mark.usefixtures("impatient")
async def test_a_kind_that_fails_each_time_does_not_keep_the_others_back(
    app: Deskmind, operator: Desk, instance: Instance
) -> None:
    caller = instance.referred("caller_id")
    records = instance.box.instance.records
    records.create("cmdb_ci", {"name": "airship-07", "assigned_to": caller}, instance.admin)
    await connect(operator, instance.box, kinds=("ticket", "person", "configuration-item"))
    await operator.sync.run("now")
    instance.rename("sys_user", caller, name="Zora Quill", first_name="Zora", last_name="Quill")
    connection_id = (await operator.connections.get("now")).connection_id
    runner = Runner(app.database, operator.scope, app)
    await runner.read_one(connection_id, Kind.PERSON, caller)
    assert await outdated(operator, instance.box, Kind.TICKET)
    instance.box.faults.add(Fault("server_error", path="/table/cmdb_ci"))
    for _ in range(2):
        with pytest.raises(SourceUnavailableError):
            await runner.follow(connection_id)
    assert await outdated(operator, instance.box, Kind.TICKET) == []
    instance.box.faults.clear()
    assert await outdated(operator, instance.box, Kind.CONFIGURATION_ITEM)
    assert (await operator.sync.run("now")).complete
    assert await outdated(operator, instance.box, Kind.CONFIGURATION_ITEM) == []


@pytest.mark.usefixtures("impatient")
async def test_a_record_that_fails_each_time_lets_others_go_before_it(
    app: Deskmind, operator: Desk, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_AT_ONCE", 1)
    parent, children = instance.family(3)
    records = instance.box.instance.records
    row = records.create("problem", {"short_description": "No mail", "parent": parent}, instance.admin)
    while max(children) < instance.store.read("problem", row, "sys_id"):  # some come after it by their ids
        given = {"short_description": "No mail", "parent_incident": parent}
        children.append(instance.id_of(records.create("incident", given, instance.admin)))
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    instance.delete("incident", parent)
    connection_id = (await operator.connections.get("now")).connection_id
    runner = Runner(app.database, operator.scope, app)
    await runner.read_one(connection_id, Kind.TICKET, parent)
    instance.box.faults.add(Fault("server_error", path="/table/problem"))
    for _ in range(2):
        with pytest.raises(SourceUnavailableError):
            await runner.follow(connection_id)
    assert await parents(operator, children) == {parent}
    instance.box.faults.clear()
    assert (await operator.sync.run("now")).complete
    assert await outdated(operator, instance.box, Kind.TICKET) == []


async def test_nothing_is_asked_for_while_nothing_was_renamed(operator: Desk, instance: Instance) -> None:
    parent, _ = instance.family(2)
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    instance.rename("incident", parent, short_description="Mail is slow", state="2")
    instance.box.log.clear()
    await operator.sync.run("now")
    assert [one.path for one in instance.box.log if "=sys_idIN" in one.query] == []


async def test_what_jira_shows_by_name_is_called_so(operator: Desk, jira_box: JiraSandbox) -> None:
    site = jira_box.site
    issue, other, *_ = site.issues.values()
    number = str(site.next_id())
    issue.links.append(Link(number, "Relates", True, other.id))
    other.links.append(Link(number, "Relates", False, issue.id))
    await connect(operator, jira_box)
    await operator.sync.run("now")
    assert await outdated(operator, jira_box, Kind.TICKET) == []
    site.users[issue.values["reporter"]].name = "Zora Quill"
    assert await outdated(operator, jira_box, Kind.TICKET)
    await operator.sync.run("now")
    assert await outdated(operator, jira_box, Kind.TICKET) == []
    site.remove(other)
    await operator.sync.run("now", sweep=True)
    assert await outdated(operator, jira_box, Kind.TICKET) == []


async def test_what_freshservice_shows_by_name_is_called_so(
    operator: Desk, freshservice_box: FreshserviceSandbox
) -> None:
    account = freshservice_box.account
    held = next(one for one in account.table("tickets").values() if account.assets_of(one))
    asset = next(
        one for one in account.table("assets").values() if one["display_id"] in account.assets_of(held)
    )
    await connect(operator, freshservice_box)
    await operator.sync.run("now")
    asset["name"] = "airship-07"
    assert await outdated(operator, freshservice_box, Kind.TICKET)
    await operator.sync.run("now")
    assert await outdated(operator, freshservice_box, Kind.TICKET) == []


async def test_who_refers_to_what_is_told_within_the_scope_alone(
    app: Deskmind, operator: Desk, instance: Instance, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    parent, children = instance.family(2)
    await connect(operator, instance.box, kinds=("ticket",))
    await operator.sync.run("now")
    asked = (
        "SELECT external_id FROM sync_referring(%s, ARRAY['ticket'], ARRAY[%s])",
        ((await operator.connections.get("now")).connection_id, parent),
    )
    assert {one for (one,) in await sql(operator, *asked)} == set(children)
    assert await sql(await app.desk(tenant=await new_tenant()), *asked) == []
    await operator.principals.add_user("ann")
    assert await sql(await app.desk(tenant=operator.scope.tenant, user="ann"), *asked) == []
