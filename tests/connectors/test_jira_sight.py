"""What Jira and Confluence show to each user, against what the mirrored access lists would show."""

from __future__ import annotations

import base64
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deskmind.connectors import Kind, Ticket
from deskmind.connectors.jira import Jira
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.jira.fields import REQUEST_TYPE
from deskmind.sandbox.jira.issue import Comment
from deskmind.sandbox.jira.people import Group, Holders, User
from deskmind.sandbox.jira.sight import ROLE_GROUPS
from deskmind.sandbox.jira.wiki import Page

from .conftest import connect
from .holding import Holdings

_ROLES = list(ROLE_GROUPS)
_EACH = settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[JiraSandbox]:
    """A site of three groups and twelve issues; its administrator reads everything."""
    async with JiraSandbox(requests_per_second=100_000) as box:
        held = box.site
        held.groups = {name: Group(name, name) for name in ("red", "green", "site-admins")}
        held.groups["site-admins"].members = [one.account_id for one in held.users.values() if one.admin]
        for issue in list(held.issues.values())[12:]:
            held.remove(issue)
        box.wiki.pages = dict(list(box.wiki.pages.items())[:14])
        yield box


class Draw:
    """Draws configurations of a site."""

    def __init__(self, box: JiraSandbox, seed: int) -> None:
        self.box, self.site = box, box.site
        self.random = random.Random(seed)
        self.admin = next(one for one in self.site.users.values() if one.admin).account_id
        active = [one for one in self.site.users.values() if one.active and not one.admin]
        staff = [one.account_id for one in active if one.kind == "atlassian"][:5]
        self.people = staff + [one.account_id for one in active if one.kind == "customer"][:2]

    def some(self, of: list[str], most: int = 2) -> frozenset[str]:
        return frozenset(self.random.sample(of, self.random.randint(0, min(most, len(of)))))

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def holders(self) -> Holders:
        """Any combination of holders; the administrator, whose eyes the connector has, is always among them."""
        return Holders(
            users=self.some(self.people) | {self.admin},
            groups=self.some(["red", "green"]),
            everyone=self.chance(5),
            reporter=self.chance(4),
            assignee=self.chance(4),
            roles=self.some(_ROLES),
            lead=self.chance(3),
        )

    def named(self) -> Holders:
        return Holders(users=self.some(self.people), groups=self.some(["red", "green"], 1))

    def everything(self) -> None:
        """Groups, roles, schemes, levels, and whom each issue names."""
        for name in ("red", "green"):
            self.site.groups[name].members = sorted(self.some(self.people, 3))
        for project in self.site.projects.values():
            project.browse, project.lead = self.holders(), self.random.choice(self.people)
            project.actors = {role: self.named() for role in _ROLES}
        self.site.levels = {one.id: replace(one, holders=self.holders()) for one in self.site.levels.values()}
        projects = list(self.site.projects.values())
        for organization in self.site.organizations.values():
            organization.members = sorted(self.some(self.people, 2))
        for issue in self.site.issues.values():
            project = self.random.choice(projects)
            issue.project_id = project.id
            desk = self.site.desk_of(issue.project_id)
            kinds = [*desk.request_types, None] if desk else [None]
            issue.values[REQUEST_TYPE] = self.random.choice(kinds[-3:])
            issue.participants = sorted(self.some(self.people, 1))
            issue.values["reporter"] = self.random.choice(self.people)
            issue.values["assignee"] = self.random.choice([*self.people, None])
            issue.values["security"] = self.random.choice([*project.levels[:3], None])
        self.site.writes += 1  # what the site has searched before is found anew

    def pages(self) -> list[Page]:
        """Who reads spaces and pages, and which page is below which."""
        for space in self.box.wiki.spaces.values():
            space.readers = self._reading()
        pages = list(self.box.wiki.pages.values())
        for place, page in enumerate(pages):
            page.restricted = self._reading() if self.chance(2) else None
            same = [one.id for one in pages[:place] if one.space_id == page.space_id]
            page.parent = self.random.choice(same) if same and self.chance(2) else None
        return pages

    def _reading(self) -> Holders:
        return replace(self.named(), groups=self.some(["red", "green"]) | {"site-admins"})


@_EACH
@given(seed=st.integers(0, 10**9))
async def test_no_issue_is_visible_that_jira_would_hide(site: JiraSandbox, seed: int) -> None:
    draw = Draw(site, seed)
    draw.everything()
    async with connect(site) as source:
        holdings = await Holdings.read(source)
        tickets = [one async for one in source.tickets()]
        assert len(tickets) == len(site.site.issues)
        for user in map(site.site.users.__getitem__, draw.people):
            held = holdings.of(user.account_id)
            shown = await searched(site, user)
            for ticket in tickets:
                ours = ticket.access.permits(held)
                if ours and ticket.id not in shown:  # then the portal must show it
                    assert await in_portal(site, user, ticket), (user.name, ticket.key, ticket.access)
                assert not (ticket.internal_access.permits(held) and ticket.id not in shown)
                by_name = user.account_id in {one.id for one in (ticket.requester, ticket.assignee) if one}
                assert ours or ticket.id not in shown or by_name, (user.name, ticket.key, ticket.access)


@_EACH
@given(seed=st.integers(0, 10**9))
async def test_no_page_is_visible_that_confluence_would_hide(site: JiraSandbox, seed: int) -> None:
    draw = Draw(site, seed)
    for name in ("red", "green"):
        site.site.groups[name].members = sorted(draw.some(draw.people, 4))
    pages = draw.pages()
    async with connect(site) as source:
        holdings = await Holdings.read(source)
        articles = [one async for one in source.articles()]
        assert len(articles) == len([one for one in pages if one.status == "current"])
        for user in map(site.site.users.__getitem__, draw.people):
            shown = await found_pages(site, user)
            ours = {one.id for one in articles if one.access.permits(holdings.of(user.account_id))}
            assert ours == shown, user.name


async def test_a_comment_for_one_role_is_left_out_and_the_ticket_says_so(
    jira_box: JiraSandbox, jira: Jira
) -> None:
    issue = next(one for one in jira_box.site.issues.values() if one.comments)
    before = await jira.get(Kind.TICKET, str(issue.id))
    assert isinstance(before, Ticket)
    first: Comment = issue.comments[0]
    first.visibility = ("role", "Administrators")
    try:
        after = await jira.get(Kind.TICKET, str(issue.id))
    finally:
        first.visibility = None
    assert isinstance(after, Ticket)
    assert {one.id for one in before.comments} - {one.id for one in after.comments} == {str(first.id)}
    assert (before.comments_complete, after.comments_complete) == (True, False)


async def asked(box: JiraSandbox, user: User, path: str, **query: str) -> tuple[int, dict[str, object]]:
    given = base64.b64encode(f"{user.email}:{user.token}".encode()).decode()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Basic {given}"}) as session,
        session.get(box.url + path, params=query) as response,
    ):
        return response.status, await response.json()


async def searched(box: JiraSandbox, user: User) -> set[str]:
    _, body = await asked(box, user, "/rest/api/3/search/jql", jql="created >= 0", maxResults="100")
    return {one["id"] for one in body["issues"]}  # type: ignore[attr-defined]


async def in_portal(box: JiraSandbox, user: User, ticket: Ticket) -> bool:
    status, _ = await asked(box, user, f"/rest/servicedeskapi/request/{ticket.id}")
    return status == 200


async def found_pages(box: JiraSandbox, user: User) -> set[str]:
    _, body = await asked(box, user, "/wiki/rest/api/content/search", cql="type=page", limit="100")
    return {one["id"] for one in body["results"]}  # type: ignore[attr-defined]
