"""The Jira connector."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import quote

from deskmind.connectors.core import Auth, Client, Limits, Pace, Reach, Retry
from deskmind.connectors.core.effects import Effects
from deskmind.connectors.core.hooks import payload, verified
from deskmind.connectors.core.source import Source, Stream, unreadable
from deskmind.connectors.jira import reading
from deskmind.connectors.jira.confluence import PageStream, Wiki
from deskmind.connectors.jira.limits import limit_of, words_of
from deskmind.connectors.jira.rights import rights
from deskmind.connectors.jira.site import Site
from deskmind.connectors.jira.streams import DeskStream, IssueStream, ListStream, MembershipStream, issue_ids
from deskmind.connectors.jira.writes import JiraWrites
from deskmind.connectors.model import Attachment, Kind
from deskmind.connectors.protocol import AnyRecord, Capabilities, Event, Page, Right
from deskmind.connectors.writing import Act, Applied, Claims, Outcome, Proposal
from deskmind.errors import NotFoundError

__all__ = ["Jira", "JiraOptions"]

_LAG = timedelta(minutes=2)
_KINDS = frozenset(
    {
        Kind.TICKET,
        Kind.ARTICLE,
        Kind.PERSON,
        Kind.GROUP,
        Kind.MEMBERSHIP,
        Kind.ORGANISATION,
        Kind.CATALOG_ITEM,
    }
)
_FILES = ("api.media.atlassian.com", ".atlassian.net", ".atlassian.com")


@dataclass(frozen=True, slots=True)
class JiraOptions:
    """What differs between sites.

    Attributes:
        jql: narrows the issues, such as ``project in (IT, HR)``; empty for all that can be seen.
        cql: narrows the pages of Confluence.
        wiki: where Confluence is below the site's address; empty for none.
        networks: ``public`` where the address comes from a tenant.
        limit, window: requests in seconds, until the site names another limit.
    """

    jql: str = ""
    cql: str = "type=page"
    wiki: str = "/wiki"
    networks: str = "any"
    limit: int = 100
    window: float = 10.0


class Jira(Source):
    """One Jira Cloud site::

    async with Jira("https://example.atlassian.net", Basic("me@example.com", "API token")) as source:
        async for ticket in source.tickets(since=yesterday):
            print(ticket.key, ticket.title)
    """

    vendor: str = "jira"
    page_size: ClassVar[int] = 100
    longest_page: ClassVar[int] = 100

    def __init__(
        self,
        url: str,
        auth: Auth,
        *,
        options: JiraOptions | None = None,
        limits: Limits | None = None,
        retry: Retry | None = None,
    ) -> None:
        """No request is sent yet.

        Args:
            url: of the site, or ``https://api.atlassian.com/ex/jira/{cloudId}`` with OAuth.
            auth: ``Basic(e-mail, API token)`` or ``OAuth``.
            options: what differs between sites.
            limits: bounds of time and size.
            retry: when to try again.
        """
        self._options = options or JiraOptions()
        reach = Reach(url, files=_FILES, networks=self._options.networks)
        pace = Pace(self._options.limit, self._options.window)
        client = Client(reach, auth, pace=pace, limits=limits, retry=retry, reading=limit_of, words=words_of)
        super().__init__(client, url)
        self._site = Site(client)
        writes = JiraWrites(client, self.url, self._options.wiki)
        self._effects = Effects(self.vendor, writes, lag=_LAG)

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(
            kinds=_KINDS,
            incremental=frozenset({Kind.TICKET}),
            acts=frozenset(Act),
            sweep=frozenset({Kind.TICKET, Kind.ARTICLE}),
            webhooks=True,
            overlap=timedelta(minutes=5),
            index_lag=_LAG,
        )

    def streams(self, kind: Kind) -> Sequence[Stream]:
        """The lists that make up a kind."""
        match kind:
            case Kind.TICKET:
                return [self._issues()]
            case Kind.ARTICLE:
                if not self._options.wiki:
                    return []
                return [PageStream(self.client, self.url, self._options.wiki, self._options.cql)]
            case Kind.PERSON:
                return [self._people()]
            case Kind.GROUP:
                pages = lambda: self._site.paged("/rest/api/3/group/bulk", "values")  # noqa: E731
                return [ListStream("groups", kind, pages, reading.group, "groupId")]
            case Kind.MEMBERSHIP:
                return [MembershipStream(self.client, self._site)]
            case Kind.ORGANISATION:
                desks = lambda: self._site.desk_paged("/rest/servicedeskapi/organization")  # noqa: E731
                return [ListStream("organisations", kind, desks, reading.organisation, "id")]
            case Kind.CATALOG_ITEM:
                return [DeskStream(self._site, self.url)]
            case _:
                return []

    async def ids(self, kind: Kind) -> AsyncIterator[Sequence[str]]:
        """All ids of a kind that can be seen."""
        if kind is Kind.TICKET:
            jql = (
                f"({self._options.jql}) ORDER BY id ASC"
                if self._options.jql
                else "created >= 0 ORDER BY id ASC"
            )
            async for some in issue_ids(self.client, jql, 1000):
                yield some
            return
        async for page in self.pages(kind):
            if page.notes:
                raise NotFoundError(
                    "; ".join(page.notes), remedy="'deskmind connect test' names what is missing."
                )
            yield [one.id for one in page.records]

    async def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002
        """One record as it is now: read from the database, not the search index."""
        try:
            match kind:
                case Kind.TICKET:
                    path = f"/rest/api/3/issue/{quote(id, safe='')}"
                    row = await self.client.get(path, {"fields": "*all"})
                    batch = await self._issues().batch([row])
                    if batch.undecoded:  # it is there
                        raise unreadable(batch.undecoded[0])
                    return batch.records[0] if batch.records else None
                case Kind.ARTICLE:
                    wiki = Wiki(self.client, self.url, self._options.wiki)
                    page = await wiki.one(id)
                    return await wiki.article(page) if page is not None else None
                case Kind.PERSON:
                    return reading.person(
                        await self.client.get("/rest/api/3/user", {"accountId": id}), self.url
                    )
                case _:
                    return await self._find(kind, id)
        except NotFoundError:
            return None

    async def some(self, kind: Kind, ids: Sequence[str]) -> Page:
        """These records as they are now: issues together, from the database, not the search index."""
        if kind is not Kind.TICKET:
            return await super().some(kind, ids)
        batch = await self._issues().some(ids)
        return Page(kind, batch.records, "", last=True, undecoded=batch.undecoded, notes=batch.notes)

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces; the site redirects to where it keeps them."""
        async for piece in self.client.stream(
            f"/rest/api/3/attachment/content/{quote(attachment.id, safe='')}"
        ):
            yield piece

    def event(self, headers: Mapping[str, str], body: bytes, *, secret: str | None = None) -> Sequence[Event]:
        """What a webhook says."""
        verified(headers, body, secret)
        call = payload(body)
        issue = call.get("issue")
        if not isinstance(issue, Mapping):
            return []
        identity = cast("Mapping[str, Any]", issue).get("id")
        deleted = call.get("webhookEvent") == "jira:issue_deleted"
        return [Event(Kind.TICKET, str(identity), deleted)] if identity else []

    async def propose(self, act: Act, target: str | None = None, **values: Any) -> Proposal:
        """What would be written; see the vendor's page for the values of each act."""
        return await self._effects.propose(act, target or "", values)

    async def apply(
        self, proposal: Proposal, *, claims: Claims | None = None, content: bytes | Path | None = None
    ) -> Applied:
        """Send it once and read it back."""
        return await self._effects.apply(proposal, claims=claims, content=content)

    async def reconcile(self, proposal: Proposal, *, sent_at: datetime | None = None) -> Outcome:
        """Whether it was written."""
        return await self._effects.reconcile(proposal, sent_at=sent_at)

    async def check(self) -> Sequence[Right]:
        """The rights it needs, each with whether it has them."""
        return await rights(self.client, self._options.wiki)

    async def probe(self) -> str:
        """Who we are there."""
        who = await self.client.get("/rest/api/3/myself")
        return f"Jira answers as account {cast('dict[str, Any]', who).get('accountId', 'unknown')}"

    async def _find(self, kind: Kind, identity: str) -> AnyRecord | None:
        async for page in self.pages(kind):
            for record in page.records:
                if record.id == identity:
                    return record
        return None

    def _issues(self) -> IssueStream:
        return IssueStream(self.client, self._site, self.url, self._options.jql)

    def _people(self) -> Stream:
        def pages() -> AsyncIterator[list[dict[str, Any]]]:
            return self._site.paged("/rest/api/3/users/search", "")

        return ListStream("users", Kind.PERSON, pages, lambda row: reading.person(row, self.url), "accountId")
