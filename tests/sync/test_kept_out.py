"""*Cannot Read*: an article that is open to everybody but a group is open to those alone of whom it is known that they are not in it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from tests.sync.conftest import connect, sql

from deskmind.app import Deskmind
from deskmind.connectors.access import Grantee
from deskmind.desk import Desk
from deskmind.knowledge.ingest.staging import intern_acls
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.scope import EVERYONE as EVERYBODY
from deskmind.sync.mirroring import group_id

_KINDS = ("article", "person", "group", "membership")


@dataclass
class House:
    """An instance with one group that may not read what everybody else may."""

    box: ServiceNowSandbox
    app: Deskmind
    desk: Desk
    group: str
    article: str
    public: str
    employee: str
    contractor: str
    contractor_row: list[str]

    def add(self, table: str, **values: str) -> str:
        identity = self.box.instance.store.fresh_key()
        self.box.instance.store.add(
            table, {"sys_id": identity, "sys_updated_on": "2026-01-01 00:00:00", **values}
        )
        return identity

    async def run(self) -> None:
        status = await self.desk.sync.run("now", full=True)
        assert not status.error, status.as_dict()

    async def sees(self, user: str) -> set[str]:
        """Which of the two articles."""
        desk = await self.app.desk(tenant=self.desk.scope.tenant, user=user)
        found = {name for (name,) in await sql(desk, "SELECT external_id FROM documents")}
        return {one for one in (self.article, self.public) if f"article/{one}" in found}


@pytest.fixture
async def house(app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox) -> House:
    store = servicenow_box.instance.store
    for table in ("kb_uc_can_read_mtom", "kb_uc_cannot_read_mtom", "user_criteria"):
        for row in list(store.rows(table)):
            store.remove(table, store.read(table, row, "sys_id"))
    for row in store.rows("kb_knowledge_base"):
        store.change("kb_knowledge_base", row, {"active": "true"})
    articles = list(store.rows("kb_knowledge"))
    for row in articles:
        open_ = {"workflow_state": "published", "can_read_user_criteria": "", "cannot_read_user_criteria": ""}
        store.change("kb_knowledge", row, open_)
    special = ("admin", "deskmind.integration")
    people = [
        row
        for row in store.rows("sys_user")
        if store.read("sys_user", row, "active") == "true"
        and store.read("sys_user", row, "user_name") not in special
    ]
    group = store.read("sys_user_group", next(iter(store.rows("sys_user_group"))), "sys_id")
    inside = {
        store.read("sys_user_grmember", row, "user")
        for row in store.rows("sys_user_grmember")
        if store.read("sys_user_grmember", row, "group") == group
    }
    outside = [row for row in people if store.read("sys_user", row, "sys_id") not in inside]
    employee, contractor = outside[:2]
    made = House(
        servicenow_box,
        app,
        operator,
        group,
        store.read("kb_knowledge", articles[0], "sys_id"),
        store.read("kb_knowledge", articles[1], "sys_id"),
        store.read("sys_user", employee, "user_name"),
        store.read("sys_user", contractor, "user_name"),
        contractor,
    )
    made.add("sys_user_grmember", user=store.read("sys_user", contractor, "sys_id"), group=group)
    criterion = made.add("user_criteria", name="contractors", group=group, active="true")
    store.change("kb_knowledge", articles[0], {"cannot_read_user_criteria": criterion})
    for name in (made.employee, made.contractor, "a.stranger"):
        await operator.principals.add_user(name)
    await connect(operator, servicenow_box, kinds=_KINDS)
    await made.run()
    return made


async def test_the_group_is_kept_out_and_whoever_is_known_is_not(house: House) -> None:
    assert await house.sees(house.employee) == {house.article, house.public}
    assert await house.sees(house.contractor) == {house.public}


async def test_who_is_nobody_there_does_not_see_it(house: House) -> None:
    assert await house.sees("a.stranger") == {house.public}


async def test_a_contractor_who_could_be_two_people_does_not_see_it(house: House) -> None:
    house.add("sys_user", user_name="another", email=house.contractor, active="true")
    await house.run()
    assert await house.sees(house.contractor) == {house.public}


async def test_a_contractor_who_is_not_active_there_does_not_see_it(house: House) -> None:
    house.box.instance.store.change("sys_user", house.contractor_row, {"active": "false"})
    await house.run()
    assert await house.sees(house.contractor) == {house.public}


async def test_who_is_new_here_sees_it_after_the_next_run_and_a_contractor_never(house: House) -> None:
    store = house.box.instance.store
    read = store.read
    taken = {house.employee, house.contractor, "admin", "deskmind.integration"}
    rows = [
        row
        for row in store.rows("sys_user")
        if read("sys_user", row, "active") == "true" and read("sys_user", row, "user_name") not in taken
    ]
    inside = {
        read("sys_user_grmember", row, "user")
        for row in store.rows("sys_user_grmember")
        if read("sys_user_grmember", row, "group") == house.group
    }
    new = next(
        read("sys_user", row, "user_name") for row in rows if read("sys_user", row, "sys_id") not in inside
    )
    await house.desk.principals.add_user(new)
    assert await house.sees(new) == {house.public}
    await house.run()
    assert await house.sees(new) == {house.article, house.public}


async def test_what_an_earlier_release_left_open_is_closed_by_the_next_run(house: House) -> None:
    ((connection_id,),) = await sql(house.desk, "SELECT connection_id FROM connections")
    denied = group_id(UUID(str(connection_id)), Grantee("group", house.group))
    async with house.desk.database.transaction(house.desk.scope) as connection:
        (old,) = await intern_acls(connection, [([[EVERYBODY]], [denied])])
        await connection.execute(
            "UPDATE documents SET acl_id = %s WHERE external_id = %s", (old, f"article/{house.article}")
        )
    assert await house.sees("a.stranger") == {house.article, house.public}
    await house.desk.sync.run("now")
    assert await house.sees("a.stranger") == {house.public}
    assert await house.sees(house.employee) == {house.article, house.public}
    assert await house.sees(house.contractor) == {house.public}
