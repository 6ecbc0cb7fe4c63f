"""The Freshservice connector."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from deskmind.connectors.core import Auth, Client, Limits, Pace, Reach, Retry
from deskmind.connectors.core.effects import Effects
from deskmind.connectors.core.hooks import signed_events
from deskmind.connectors.core.source import Source, Stream
from deskmind.connectors.freshservice import reading
from deskmind.connectors.freshservice.limits import limit_of, words_of
from deskmind.connectors.freshservice.lists import Listing, one_of
from deskmind.connectors.freshservice.rights import rights
from deskmind.connectors.freshservice.streams import (
    ArticleStream,
    MembershipStream,
    PlainStream,
    TicketStream,
)
from deskmind.connectors.freshservice.writes import FreshserviceWrites
from deskmind.connectors.model import Attachment, Kind
from deskmind.connectors.protocol import AnyRecord, Capabilities, Event, Right
from deskmind.connectors.writing import Act, Applied, Claims, Outcome, Proposal
from deskmind.errors import NotFoundError

__all__ = ["Freshservice", "FreshserviceOptions"]

_KINDS = frozenset(Kind) - {Kind.SERVICE}


@dataclass(frozen=True, slots=True)
class FreshserviceOptions:
    """What differs between accounts.

    Attributes:
        details: whether each ticket is read by itself too, for its conversations, files, tags and assets: one more
            request a ticket, of which an account has few.
        files: hosts the account's attachments are kept on.
        networks: ``public`` where the address comes from a tenant.
        limit: requests in a minute, until the account names its own.
    """

    details: bool = True
    files: tuple[str, ...] = (".amazonaws.com", ".freshservice.com", ".freshworks.com")
    networks: str = "any"
    limit: int = 100


class Freshservice(Source):
    """One Freshservice account::

    async with Freshservice("https://example.freshservice.com", Basic("API key", "X")) as source:
        async for ticket in source.tickets(since=yesterday):
            print(ticket.key, ticket.title)
    """

    vendor: str = "freshservice"
    page_size: ClassVar[int] = 100
    longest_page: ClassVar[int] = 100

    def __init__(
        self,
        url: str,
        auth: Auth,
        *,
        options: FreshserviceOptions | None = None,
        limits: Limits | None = None,
        retry: Retry | None = None,
    ) -> None:
        """No request is sent yet.

        Args:
            url: of the account.
            auth: ``Basic(API key, "X")`` or ``OAuth``.
            options: what differs between accounts.
            limits: bounds of time and size.
            retry: when to try again.
        """
        self._options = options or FreshserviceOptions()
        reach = Reach(url, files=self._options.files, networks=self._options.networks)
        pace = Pace(self._options.limit, 60.0)
        client = Client(reach, auth, pace=pace, limits=limits, retry=retry, reading=limit_of, words=words_of)
        super().__init__(client, url)
        self._effects = Effects(self.vendor, FreshserviceWrites(client, self.url))

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
        )

    def streams(self, kind: Kind) -> Sequence[Stream]:
        """The lists that make up a kind."""
        match kind:
            case Kind.TICKET:
                return [self._tickets(), TicketStream(self.client, self.url, details=False, deleted=True)]
            case Kind.ARTICLE:
                return [ArticleStream(self.client, self.url)]
            case Kind.PERSON:
                return [
                    self._plain(kind, "agents", partial(reading.agent, url=self.url)),
                    self._plain(kind, "requesters", partial(reading.requester, url=self.url)),
                ]
            case Kind.GROUP:
                asked = partial(reading.group, requesters=True)
                return [
                    self._plain(kind, "groups", reading.group),
                    self._plain(kind, "requester_groups", asked, optional=True),
                ]
            case Kind.MEMBERSHIP:
                return [MembershipStream(self.client, self.url)]
            case Kind.ORGANISATION:
                return [self._plain(kind, "departments", reading.department)]
            case Kind.CONFIGURATION_ITEM:
                return [
                    self._plain(kind, "assets", partial(reading.asset, url=self.url), include="type_fields")
                ]
            case Kind.CATALOG_ITEM:
                return [
                    self._plain(kind, "service_catalog/items", partial(reading.catalog_item, url=self.url))
                ]
            case Kind.SERVICE:
                return []

    async def ids(self, kind: Kind) -> AsyncIterator[Sequence[str]]:
        """All ids of a kind that can be seen; what was thrown away is not among them."""
        if kind is Kind.TICKET:
            query = {"updated_since": "1970-01-01T00:00:00Z", "order_type": "asc"}
            async for rows, _ in Listing(self.client, "/api/v2/tickets", query).pages():
                yield [str(one["id"]) for one in rows if not one.get("deleted")]
            return
        async for page in self.pages(kind):
            yield [one.id for one in page.records]

    async def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002
        """One record as it is now."""
        try:
            match kind:
                case Kind.TICKET:
                    stream = self._tickets()
                    row = one_of(await self.client.get(f"/api/v2/tickets/{quote(id, safe='')}"))
                    return stream.record(await stream.full(row), await stream.restricted())
                case Kind.ARTICLE:
                    return await self._article(id)
                case _:
                    return await self._find(kind, id)
        except NotFoundError:
            return None

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces, from where the account keeps it, without our credentials."""
        async for piece in self.client.stream(attachment.locator):
            yield piece

    def event(self, headers: Mapping[str, str], body: bytes, *, secret: str | None = None) -> Sequence[Event]:
        """What a workflow's webhook says, in the form that the vendor's page shows."""
        return signed_events(headers, body, secret)

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
        return await rights(self.client)

    async def probe(self) -> str:
        """Ask for one ticket."""
        await self.client.get("/api/v2/tickets", {"per_page": 1})
        return "Freshservice answers"

    async def _article(self, identity: str) -> AnyRecord:
        row = one_of(await self.client.get(f"/api/v2/solutions/articles/{quote(identity, safe='')}"))
        folder = one_of(await self.client.get(f"/api/v2/solutions/folders/{row['folder_id']}"))
        category = one_of(await self.client.get(f"/api/v2/solutions/categories/{folder['category_id']}"))
        return reading.article(row, self.url, folder, category)

    async def _find(self, kind: Kind, identity: str) -> AnyRecord | None:
        async for page in self.pages(kind):
            for record in page.records:
                if record.id == identity:
                    return record
        return None

    def _tickets(self) -> TicketStream:
        return TicketStream(self.client, self.url, details=self._options.details)

    def _plain(
        self, kind: Kind, name: str, read: Any, *, optional: bool = False, include: str = ""
    ) -> Stream:
        listing = Listing(self.client, f"/api/v2/{name}", {"include": include} if include else None)
        return PlainStream(name, kind, listing, read, optional=optional)
