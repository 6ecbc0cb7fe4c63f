"""The permission mirror as a user meets it: whatever people, groups and criteria a vendor has, the desk finds nothing for
anybody that the vendor would hide from them. Each example is a whole sync into the database.

``DESKMIND_MIRROR_EXAMPLES`` draws more of them: `make soak` does.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.connectors.test_freshservice_sight import listed, redraw
from tests.connectors.test_jira_sight import Draw, found_pages, in_portal, searched
from tests.sync.conftest import sql

from deskmind.app import Deskmind
from deskmind.connectors import Ticket
from deskmind.desk import Desk
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.jira.people import Group
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.servicenow.users import PASSWORD
from deskmind.sandbox.web import SandboxServer

_EACH = settings(
    max_examples=int(os.environ.get("DESKMIND_MIRROR_EXAMPLES", "2")),
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_KINDS = ("ticket", "article", "person", "group", "membership")
_SEEDS = st.integers(0, 10**9)
_ONLOOKER = "deskmind.onlooker"


class Mirror:
    """A tenant that is connected to one system, and what its users find."""

    def __init__(self, app: Deskmind, desk: Desk) -> None:
        self._app = app
        self.desk = desk
        self._names: dict[str, str] = {}

    async def connect(self, box: SandboxServer, people: list[str], **more: str) -> None:
        """Connect, with these people as users."""
        for name in people:
            await self.desk.principals.add_user(name)
        credentials = {**box.credentials, **more}
        await self.desk.connections.add(
            "it", box.vendor, box.url, credentials, kinds=_KINDS, every_seconds=0, replace=True
        )

    async def read(self) -> None:
        """All anew."""
        status = await self.desk.sync.run("it", full=True)
        assert not status.error, status.as_dict()
        rows = await sql(self.desk, "SELECT document_id, external_id FROM documents")
        self._names = {str(document): name for document, name in rows}

    async def finds(self, user: str) -> set[str]:
        """Names of the documents that a user's search finds, and of those the database shows the user: the same ones."""
        desk = await self._app.desk(tenant=self.desk.scope.tenant, user=user)
        passages = await desk.knowledge.search("incident issue article printer", limit=200)
        found = {self._names[one.document_id] for one in passages}
        shown = {name for (name,) in await sql(desk, "SELECT external_id FROM documents")}
        assert found <= shown
        return shown


@pytest.fixture
async def mirror(app: Deskmind, operator: Desk) -> Mirror:
    """A fresh tenant's."""
    return Mirror(app, operator)


def ids(found: set[str], kind: str) -> set[str]:
    """Ids of a kind, those of internal comments too."""
    return {name.split("/")[1] for name in found if name.startswith(f"{kind}/")}


class Instance:
    """Draws who is what, and who may see what, in a ServiceNow instance."""

    def __init__(self, box: ServiceNowSandbox) -> None:
        self._store = store = box.instance.store
        self._random = random.Random()
        for table, most in (("incident", 14), ("kb_knowledge", 12)):
            for row in list(store.rows(table))[most:]:
                store.remove(store.class_of(table, row).name, store.read(table, row, "sys_id"))
        for table in ("sc_req_item", "problem", "change_request"):
            for row in list(store.rows(table))[3:]:
                store.remove(table, store.read(table, row, "sys_id"))
        active = [row for row in store.rows("sys_user") if store.read("sys_user", row, "active") == "true"]
        special = ("admin", "deskmind.integration")
        named = [row for row in active if store.read("sys_user", row, "user_name") not in special]
        self._users = named[:6]
        self._groups = self._keys("sys_user_group")[:3]
        self._companies, self._departments = self._keys("core_company")[:2], self._keys("cmn_department")[:2]
        self._locations = self._keys("cmn_location")[:2]
        roles = {store.read("sys_user_role", row, "name"): store.read("sys_user_role", row, "sys_id") for row in store.rows("sys_user_role")}  # fmt: skip
        self._roles = [roles["itil"], roles["snc_internal"]]
        self._look(roles["itil"])

    @property
    def people(self) -> list[str]:
        """Logins."""
        return [self._store.read("sys_user", row, "user_name") for row in self._users]

    def draw(self, seed: int) -> None:
        """Everything anew."""
        self._random = random.Random(seed)
        store, choice = self._store, self._random.choice
        for table in ("sys_user_grmember", "sys_user_has_role", "user_criteria"):
            for row in list(store.rows(table)):
                mine = store.read(table, row, "user") in {self._id(one) for one in self._users}
                if table == "user_criteria" or mine:
                    store.remove(table, store.read(table, row, "sys_id"))
        for one in self._users:
            where = {"company": choice(self._companies), "department": choice(self._departments)}
            store.change("sys_user", one, {**where, "location": choice(self._locations)})
            for group in self._some(self._groups):
                self._add("sys_user_grmember", user=self._id(one), group=group)
            for role in self._some(self._roles):
                self._add("sys_user_has_role", user=self._id(one), role=role)
        criteria = [self._criterion() for _ in range(6)]
        self._knowledge(criteria)
        self._tickets()

    def _criterion(self) -> str:
        some, people = self._some, [self._id(one) for one in self._users]
        lists = {
            "user": some(people),
            "group": some(self._groups),
            "role": some(self._roles),
            "company": some(self._companies),
            "department": some(self._departments),
            "location": some(self._locations),
        }
        values = {name: ",".join(one) for name, one in lists.items() if self._random.random() < 0.4}
        flags = {
            "match_all": self._random.random() < 0.4,
            "active": self._random.random() < 0.8,
            "advanced": self._random.random() < 0.1,
        }
        return self._add("user_criteria", **values, **{name: str(one).lower() for name, one in flags.items()})

    def _knowledge(self, criteria: list[str]) -> None:
        store, bases = self._store, self._keys("kb_knowledge_base")
        for table in ("kb_uc_can_read_mtom", "kb_uc_cannot_read_mtom"):
            for row in list(store.rows(table)):
                store.remove(table, store.read(table, row, "sys_id"))
            for base in bases:
                for one in self._some(criteria) if self._random.random() < 0.4 else ():
                    self._add(table, kb_knowledge_base=base, user_criteria=one)
        for row in store.rows("kb_knowledge_base"):
            active = str(self._random.random() < 0.8).lower()
            store.change("kb_knowledge_base", row, {"active": active, "owner": "", "kb_managers": ""})
        for row in list(store.rows("kb_knowledge")):
            values = {
                "kb_knowledge_base": self._random.choice(bases),
                "workflow_state": self._random.choice(["published", "published", "draft", "retired"]),
                "can_read_user_criteria": ",".join(self._some(criteria)),
                "cannot_read_user_criteria": ",".join(self._some(criteria)[:1]),
            }
            store.change("kb_knowledge", row, values)

    def _tickets(self) -> None:
        store, people = self._store, [self._id(one) for one in self._users]
        for table in ("incident", "sc_req_item", "problem", "change_request"):
            for row in list(store.rows(table)):
                hidden = self._random.random() < 0.5
                values = {
                    "category": "Security" if hidden else "Hardware",
                    "subcategory": "Endpoint" if hidden else "Printer",
                    "assignment_group": self._random.choice([*self._groups, ""]),
                    "caller_id": self._random.choice(people),
                    "requested_for": self._random.choice(people),
                    "opened_by": self._random.choice(people),
                    "watch_list": ",".join(self._some(people)[:1]),
                }
                known = store.schema[table].places
                store.change(table, row, {name: one for name, one in values.items() if name in known})

    def _look(self, role: str) -> None:
        identity = self._add("sys_user", user_name=_ONLOOKER, active="true")
        self._add("sys_user_has_role", user=identity, role=role)

    def _add(self, table: str, **values: str) -> str:
        identity = self._store.fresh_key()
        self._store.add(table, {"sys_id": identity, "sys_updated_on": "2026-01-01 00:00:00", **values})
        return identity

    def _keys(self, table: str) -> list[str]:
        return [self._store.read(table, row, "sys_id") for row in self._store.rows(table)]

    def _id(self, user: list[str]) -> str:
        return self._store.read("sys_user", user, "sys_id")

    def _some(self, of: list[str]) -> list[str]:
        return self._random.sample(of, self._random.randint(0, min(2, len(of))))


@pytest.fixture(scope="module")
async def instance() -> AsyncIterator[tuple[ServiceNowSandbox, Instance]]:
    """A small instance."""
    async with ServiceNowSandbox(size="tiny") as box:
        yield box, Instance(box)


@_EACH
@given(seed=_SEEDS, looked=st.booleans())
async def test_nobody_finds_what_servicenow_would_hide(
    instance: tuple[ServiceNowSandbox, Instance], mirror: Mirror, seed: int, looked: bool
) -> None:
    box, drawn = instance
    drawn.draw(seed)
    onlooker = {"onlooker_username": _ONLOOKER, "onlooker_password": PASSWORD} if looked else {}
    await mirror_of(mirror, box, drawn.people, onlooker)
    for login in drawn.people:
        found = await mirror.finds(login)
        async with httpx.AsyncClient(base_url=box.url, auth=(login, PASSWORD)) as client:
            assert ids(found, "article") <= await shown(client, "kb_knowledge", "workflow_state=published")
            tickets: set[str] = set()
            for table in ("incident", "sc_req_item", "problem", "change_request"):
                tickets |= await shown(client, table)
        assert ids(found, "ticket") <= tickets, login


async def test_an_onlooker_opens_what_everybody_with_the_role_sees_and_nothing_else(
    instance: tuple[ServiceNowSandbox, Instance], mirror: Mirror
) -> None:
    box, drawn = instance
    drawn.draw(7)
    opened: list[int] = []
    for more in ({}, {"onlooker_username": _ONLOOKER, "onlooker_password": PASSWORD}):
        await mirror_of(mirror, box, drawn.people, more)
        opened.append(sum([len(ids(await mirror.finds(login), "ticket")) for login in drawn.people]))
    assert opened[0] < opened[1]
    _, rights = await mirror.desk.connections.test("it")
    assert next(one.granted for one in rights if one.name == "a plain onlooker") is True
    identity = box.instance.store.by("sys_user", "user_name", _ONLOOKER)[0]
    user = box.instance.store.read("sys_user", identity, "sys_id")
    member = drawn._add("sys_user_grmember", user=user, group=drawn._groups[0])
    try:
        await mirror.read()
        assert opened[0] == sum([len(ids(await mirror.finds(login), "ticket")) for login in drawn.people])
        _, rights = await mirror.desk.connections.test("it")
        assert next(one.granted for one in rights if one.name == "a plain onlooker") is False
    finally:
        box.instance.store.remove("sys_user_grmember", member)


async def mirror_of(mirror: Mirror, box: SandboxServer, people: list[str], more: dict[str, str]) -> None:
    known = {one.name for one in await mirror.desk.principals.users()}
    await mirror.connect(box, [one for one in people if one not in known], **more)
    await mirror.read()


async def shown(client: httpx.AsyncClient, table: str, query: str = "") -> set[str]:
    params = {"sysparm_fields": "sys_id", "sysparm_limit": "1000", "sysparm_query": query}
    answer = await client.get(f"/api/now/table/{table}", params=params)
    return {row["sys_id"] for row in answer.json().get("result", [])}


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[JiraSandbox]:
    """A site of three groups, twelve issues and fourteen pages; its administrator reads everything."""
    async with JiraSandbox(size="tiny", requests_per_second=100_000) as box:
        held = box.site
        held.groups = {name: Group(name, name) for name in ("red", "green", "site-admins")}
        held.groups["site-admins"].members = [one.account_id for one in held.users.values() if one.admin]
        for issue in list(held.issues.values())[12:]:
            held.remove(issue)
        box.wiki.pages = dict(list(box.wiki.pages.items())[:14])
        yield box


@_EACH
@given(seed=_SEEDS)
async def test_nobody_finds_what_jira_and_confluence_would_hide(
    site: JiraSandbox, mirror: Mirror, seed: int
) -> None:
    draw = Draw(site, seed)
    draw.everything()
    draw.pages()
    users = [site.site.users[one] for one in draw.people]
    await mirror_of(mirror, site, [one.email for one in users], {})
    for user in users:
        found = await mirror.finds(user.email)
        issues = await searched(site, user)
        for identity in (
            ids(found, "ticket") - issues
        ):  # then the portal must show it, and no internal comment
            assert f"ticket/{identity}/internal" not in found
            assert await in_portal(site, user, Ticket(vendor="jira", id=identity, key=""))
        assert ids(found, "article") <= await found_pages(site, user)


@pytest.fixture(scope="module")
async def account() -> AsyncIterator[FreshserviceSandbox]:
    """An account of twelve tickets, twelve articles and three groups that matter."""
    async with FreshserviceSandbox(size="tiny", requests_per_minute=1_000_000) as box:
        for name, most in (("tickets", 12), ("articles", 12), ("requester_groups", 3)):
            table = box.account.tables[name]
            for row in list(table)[most:]:
                del table[row]
        yield box


@_EACH
@given(seed=_SEEDS)
async def test_nobody_finds_what_freshservice_would_hide(
    account: FreshserviceSandbox, mirror: Mirror, seed: int
) -> None:
    agents = redraw(account, seed)
    rows = account.account.tables["agents"]
    names = {key: str(rows[int(identity)]["email"]) for key, identity in agents}
    await mirror_of(mirror, account, list(names.values()), {})
    for key, name in names.items():
        found = await mirror.finds(name)
        tickets = await listed(account, key, "tickets", updated_since="1970-01-01T00:00:00Z")
        assert ids(found, "ticket") <= tickets
        assert ids(found, "article") <= await listed(account, key, "solutions/articles")
