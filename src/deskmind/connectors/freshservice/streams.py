"""The lists of an account that make up each kind of record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from deskmind.connectors.core.client import Client
from deskmind.connectors.core.cursor import instant, stamp
from deskmind.connectors.core.mapping import parts_of
from deskmind.connectors.core.paging import Drift, Rows
from deskmind.connectors.core.source import Batch, Start, decode, decode_apart
from deskmind.connectors.freshservice import reading
from deskmind.connectors.freshservice.lists import Listing, one_of
from deskmind.connectors.freshservice.sight import requester_group
from deskmind.connectors.model import Kind, Membership, Ticket
from deskmind.connectors.protocol import AnyRecord, Undecoded
from deskmind.errors import (
    NotFoundError,
    SourcePermissionError,
    SourceReplyError,
    SourceRequestError,
    SourceUnavailableError,
)

__all__ = ["ArticleStream", "MembershipStream", "PlainStream", "TicketStream"]

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_INCLUDED = 10
_MOST_SILENT = 5
_PARTS_OF_POSITION = 3


class TicketStream:
    """Tickets in the order of their creation, those changed since a time; ``deleted`` reads what was thrown away.

    One may change behind the place where the pass stands, so the next pass begins where this one began, and a pass that goes
    on remembers when that was. Without ``updated_since`` the vendor gives the last 30 days alone.
    """

    def __init__(self, client: Client, url: str, *, details: bool, deleted: bool = False) -> None:
        self.name = "deleted tickets" if deleted else "tickets"
        self._client = client
        self._url = url
        self._details = details
        self._deleted = deleted

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """Batches from a place on."""
        since = (start.since or _BEGINNING).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {
            "updated_since": since,
            "order_type": "asc",
            **({"filter": "deleted"} if self._deleted else {}),
        }
        begin, begun = _place(start.position)
        restricted = await self._restricted()
        listing = Listing(self._client, "/api/v2/tickets", query)
        async for rows, at in listing.pages(start.size, begin):
            begun = begun or listing.begun
            read: list[AnyRecord] = []
            times = [reading.moment(one.get("updated_at")) for one in rows]
            seen = max((one for one in times if one is not None), default=None)
            if self._deleted:
                read = [
                    Ticket(vendor=reading.VENDOR, id=str(one["id"]), key=str(one["id"]), deleted=True)
                    for one in rows
                ]
                yield Batch(tuple(read), _position(at, begun), seen, begun=begun)
                continue
            full, lost = await _each(self._client, Kind.TICKET, rows, self.full)
            records, undecoded = await decode_apart(
                Kind.TICKET, full, lambda row: self.record(row, restricted), "id"
            )
            yield Batch(records, _position(at, begun), seen, (*undecoded, *lost), begun=begun)

    async def restricted(self) -> frozenset[str]:
        """Ids of groups whose tickets only their members see."""
        return await self._restricted()

    async def full(self, row: dict[str, Any]) -> dict[str, Any]:
        """A ticket with what its list leaves out."""
        if not self._details:
            return row
        path = f"/api/v2/tickets/{row['id']}"
        try:
            ticket = one_of(await self._client.get(path, {"include": "conversations,stats,assets"}))
        except NotFoundError:
            return {**row, "deleted": True}
        talks = cast("Rows", ticket.get("conversations") or [])
        if len(talks) >= _MOST_INCLUDED or "conversations" not in ticket:
            talks = await Listing(self._client, f"{path}/conversations").all()
        return {**row, **ticket, "conversations": talks}

    def record(self, row: dict[str, Any], restricted: frozenset[str]) -> Ticket:
        """A row as a ticket."""
        comments, unread = parts_of(row.get("conversations") or [], reading.comment, "comment")
        return reading.ticket(
            row,
            self._url,
            comments=comments,
            complete=self._details and not unread,
            restricted=restricted,
            unread=unread,
        )

    async def _restricted(self) -> frozenset[str]:
        groups = await Listing(self._client, "/api/v2/groups").all()
        return frozenset(str(one["id"]) for one in groups if one.get("restricted") is True)


class PlainStream:
    """A list that is read whole in each pass."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        listing: Listing,
        read: Callable[[dict[str, Any]], AnyRecord | None],
        *,
        optional: bool = False,
    ) -> None:
        self.name = name
        self._kind = kind
        self._listing = listing
        self._read = read
        self._optional = optional

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """All of it."""
        try:
            async for rows, _ in self._listing.pages(start.size):
                records, undecoded = decode(self._kind, rows, self._read, "id")
                yield Batch(records, undecoded=undecoded)
        except (SourcePermissionError, NotFoundError, SourceRequestError) as error:
            if not self._optional:
                raise
            yield Batch((), notes=(f"{self.name} were not read: {error.what}",))


class ArticleStream:
    """All articles, folder by folder; a change of a folder's visibility changes no article, so each pass is whole."""

    name = "articles"

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """All of them."""
        for category in await Listing(self._client, "/api/v2/solutions/categories").all():
            query = {"category_id": category["id"]}
            for folder in await Listing(self._client, "/api/v2/solutions/folders", query).all():
                async for batch in self._of(folder, category, start.size):
                    yield batch

    async def _of(
        self, folder: Mapping[str, Any], category: Mapping[str, Any], size: int
    ) -> AsyncIterator[Batch]:
        listing = Listing(self._client, "/api/v2/solutions/articles", {"folder_id": folder["id"]})
        async for rows, _ in listing.pages(size):
            full, lost = await _each(self._client, Kind.ARTICLE, rows, self.full)
            records, undecoded = await decode_apart(
                Kind.ARTICLE, full, lambda row: reading.article(row, self._url, folder, category), "id"
            )
            yield Batch(records, undecoded=(*undecoded, *lost))

    async def full(self, row: dict[str, Any]) -> dict[str, Any]:
        """An article with its text, which a list may leave out."""
        if "description" in row or "description_text" in row:
            return row
        return {**row, **one_of(await self._client.get(f"/api/v2/solutions/articles/{row['id']}"))}


class MembershipStream:
    """Who is in which group, department and scope, by the people's own records; read whole."""

    name = "memberships"

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """All of them."""
        for path, read in (("/api/v2/agents", reading.agent), ("/api/v2/requesters", reading.requester)):
            async for rows, _ in Listing(self._client, path).pages(start.size):
                people, undecoded = decode(
                    Kind.PERSON, rows, lambda row, read=read: read(row, self._url), "id"
                )
                found = [one for person in people for one in reading.memberships(cast("Any", person))]
                yield Batch(tuple(found), undecoded=undecoded)
        try:
            for group in await Listing(self._client, "/api/v2/requester_groups").all():
                path = f"/api/v2/requester_groups/{group['id']}/members"
                async for rows, _ in Listing(self._client, path).pages(start.size):
                    yield Batch(tuple(_member(group["id"], row["id"]) for row in rows))
        except (SourcePermissionError, NotFoundError, SourceRequestError) as error:
            yield Batch((), notes=(f"requester groups were not read: {error.what}",))


async def _each(
    client: Client, kind: Kind, rows: Rows, full: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
) -> tuple[Rows, tuple[Undecoded, ...]]:
    """Rows with what their list leaves out; one whose own answer is refused or unreadable does not keep the others back.

    Where all of several are refused, or several in a row bring no answer, no record is to blame: that is the error.
    """
    found: Rows = []
    lost: list[Undecoded] = []
    silent = 0
    for row in rows:
        try:
            found.append(await full(row))
            silent = 0
            continue
        except SourceReplyError:
            why = "the answer with it cannot be read"
        except (SourcePermissionError, SourceRequestError) as error:
            if len(lost) + 1 == len(rows) > 1:
                raise
            why = f"it is refused ({error.code})"
        except SourceUnavailableError:
            silent += 1
            if silent > _MOST_SILENT:
                raise
            await _answers(client)
            why = "the system fails with it"
        lost.append(Undecoded(kind, str(row.get("id")), why))
    return found, tuple(lost)


async def _answers(client: Client) -> None:
    """Raises where the account does not answer a small request either."""
    await client.request("GET", "/api/v2/tickets", query={"page": 1, "per_page": 1}, part=True)


def _member(group: Any, person: Any) -> Membership:
    grantee = requester_group(group)
    return Membership(vendor=reading.VENDOR, id=f"{grantee}/{person}", grantee=grantee, person=str(person))


def _place(position: Any) -> tuple[Drift | None, datetime | None]:
    """What ``_position`` gave; the list from its beginning where an earlier release did not say when the pass began."""
    if not position or len(position) < _PARTS_OF_POSITION:
        return None, None
    end, tail, begun = position
    return Drift(end, tuple(tail)), instant(begun) if begun else None


def _position(at: Drift, begun: datetime | None) -> list[Any]:
    """For a cursor: the tail is what tells whether rows have shifted."""
    return [at.end, list(at.tail), stamp(begun)]
