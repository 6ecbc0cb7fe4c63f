"""Sandboxes of the vendors that a tenant is connected to, for tests of what agents read and write there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.sync.conftest import connect

from deskmind.connectors import Act, Article, Kind, Ticket
from deskmind.connectors.opening import VendorConnector, open_connector
from deskmind.desk import Desk
from deskmind.sandbox.freshservice import FreshserviceSandbox
from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sandbox.web import SandboxServer

NEW: dict[str, dict[str, Any]] = {
    "servicenow": {"urgency": "2", "impact": "2"},
    "jira": {"project": "ITSM", "type": "[System] Incident"},
    "freshservice": {"email": "someone@halvern.example.net", "priority": "high"},
}
SOLVED: dict[str, Callable[[str], dict[str, Any]]] = {
    "servicenow": lambda said: {
        "to": "6",
        "resolution_code": "Solved (Permanently)",
        "resolution_notes": said,
    },
    "jira": lambda said: {"to": "Resolve this issue", "fields": {"resolution": {"name": "Done"}}},
    "freshservice": lambda said: {"to": "resolved", "fields": {"resolution_notes": said}},
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

    async def solve(self, ticket: str, said: str) -> None:
        """Have a ticket solved, with what solved it in the words of the vendor."""
        if self.server.vendor == "jira":
            answer = await self.source.propose(Act.COMMENT, ticket, text=said, internal=False)
            await self.source.apply(answer)
        await self.source.apply(
            await self.source.propose(Act.TRANSITION, ticket, **SOLVED[self.server.vendor](said))
        )

    async def titled(self, title: str) -> Ticket:
        """The ticket of a title."""
        pages = [page async for page in self.source.pages(Kind.TICKET)]
        (found,) = {
            one.id
            for page in pages
            for one in page.records
            if isinstance(one, Ticket) and one.title.startswith(title)
        }
        return await self.ticket(found)

    async def articles(self) -> list[Article]:
        """The articles as the vendor holds them."""
        pages = [page async for page in self.source.pages(Kind.ARTICLE)]
        return [one for page in pages for one in page.records if isinstance(one, Article)]

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
