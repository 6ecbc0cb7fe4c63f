"""The lists of a site that make up each kind of record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from deskmind.connectors.access import Grantee
from deskmind.connectors.core.client import Client
from deskmind.connectors.core.paging import Rows, by_start, by_token
from deskmind.connectors.core.source import Batch, Start, decode, decode_apart
from deskmind.connectors.jira import reading
from deskmind.connectors.jira.sight import LICENSED
from deskmind.connectors.jira.site import Site, whole
from deskmind.connectors.model import Kind, Membership
from deskmind.connectors.protocol import AnyRecord, Undecoded
from deskmind.errors import NotFoundError, SourcePermissionError, SourceReplyError, SourceRequestError

__all__ = ["DeskStream", "IssueStream", "ListStream", "MembershipStream", "comments_of", "issue_ids"]

_SEARCH = "/rest/api/3/search/jql"


class IssueStream:
    """Issues in the order of their changes, by the newer search.

    An interrupted pass goes on from its page token; when that has died, which takes a week, from the last time seen. The
    search index is behind its database, so passes overlap.
    """

    name = "issues"

    def __init__(self, client: Client, site: Site, url: str, jql: str) -> None:
        self._client = client
        self._site = site
        self._url = url
        self._jql = jql

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """Batches from a place on."""
        begin, token, seen = _milliseconds(start.since), "", 0
        if start.position:
            begin, token, seen = start.position
            if not token:  # it was the last page
                return
        try:
            async for batch in self._from(begin, token, seen, start.size):
                token = ""
                yield batch
        except SourceRequestError:
            if not token:
                raise
            async for batch in self._from(seen, "", seen, start.size):
                yield batch

    async def _from(self, begin: int, token: str, seen: int, size: int) -> AsyncIterator[Batch]:
        async for ids, following in issue_pages(self._client, self._query(begin), size, token):
            batch = await self.some(ids)
            seen = max(seen, _milliseconds(batch.seen))
            yield replace(batch, position=[begin, following, seen])

    async def some(self, ids: Sequence[str]) -> Batch:
        """Issues by their ids, as records."""
        rows, broken = await self._issues(ids)
        batch = await self.batch(rows)
        return replace(batch, undecoded=(*batch.undecoded, *broken), notes=tuple(self._site.notes))

    async def batch(self, rows: Rows) -> Batch:
        """Issues as records."""
        fields, sight = await self._site.fields(), await self._site.sight()
        completed = [await self._with_comments(row) for row in rows]
        records, undecoded = await decode_apart(
            Kind.TICKET, completed, lambda row: reading.ticket(row, self._url, fields, sight), "id"
        )
        times = [one.updated_at for one in records if one.updated_at is not None]
        return Batch(records, seen=max(times, default=None), undecoded=undecoded)

    def _query(self, begin: int) -> str:
        narrowed = [f"({self._jql})"] if self._jql else []
        return f"{' AND '.join([*narrowed, f'updated >= {begin}'])} ORDER BY updated ASC, key ASC"

    async def _issues(self, ids: Sequence[str]) -> tuple[Rows, tuple[Undecoded, ...]]:
        if not ids:
            return [], ()
        try:
            return await self._bulk(ids), ()
        except SourceReplyError:
            if len(ids) == 1:
                return [], (Undecoded(Kind.TICKET, ids[0], "the answer with it cannot be read"),)
        half = len(ids) // 2
        first, lost = await self._issues(ids[:half])
        second, more = await self._issues(ids[half:])
        return [*first, *second], (*lost, *more)

    async def _bulk(self, ids: Sequence[str]) -> Rows:
        body = {"issueIdsOrKeys": list(ids), "fields": ["*all"], "fieldsByKeys": False}
        answer = await self._client.request("POST", "/rest/api/3/issue/bulkfetch", json=body, safe=True)
        found = {str(one.get("id")): one for one in whole(answer.data, "issues")}
        for one in ids:
            if one not in found and (alone := await self._alone(one)) is not None:
                found[one] = alone
        return [found[one] for one in ids if one in found]

    async def _alone(self, identity: str) -> dict[str, Any] | None:
        """An issue that the search names and the bulk lacks; None where it is gone, or hidden."""
        try:
            path = f"/rest/api/3/issue/{quote(identity, safe='')}"
            return cast("dict[str, Any]", await self._client.get(path, {"fields": "*all"}))
        except (NotFoundError, SourcePermissionError):
            return None

    async def _with_comments(self, row: dict[str, Any]) -> dict[str, Any]:
        """An issue with all its comments: search gives the first of them."""
        fields = cast("dict[str, Any]", row.get("fields") or {})
        given: Any = fields.get("comment")
        if not isinstance(given, dict):
            return row
        listed = cast("dict[str, Any]", given)
        if int(listed.get("total") or 0) <= len(cast("list[Any]", listed.get("comments") or [])):
            return row
        comments = await comments_of(self._client, str(row.get("id")))
        return {**row, "fields": {**fields, "comment": {"comments": comments, "total": len(comments)}}}


async def comments_of(client: Client, issue: str) -> Rows:
    """All comments of an issue, oldest first."""
    rows: Rows = []

    async def fetch(start: int) -> Any:
        query = {"startAt": start, "maxResults": 100, "orderBy": "created", "expand": "properties"}
        return await client.request("GET", f"/rest/api/3/issue/{quote(issue, safe='')}/comment", query=query)

    def last(data: Any, start: int) -> bool:
        return start >= int(cast("dict[str, Any]", data).get("total") or 0)

    async for page in by_start(fetch, lambda data: whole(data, "comments"), last=last):
        rows.extend(page)
    return rows


async def issue_pages(
    client: Client, jql: str, size: int, begin: str = ""
) -> AsyncIterator[tuple[list[str], str]]:
    """Ids that a query finds, page by page, each with the token of the next page; empty at the end."""
    following = begin

    async def fetch(token: str | None) -> Any:
        body: dict[str, Any] = {"jql": jql, "maxResults": size, "fields": ["id"]}
        if token or begin:
            body["nextPageToken"] = token or begin
        return await client.request("POST", _SEARCH, json=body, safe=True)

    def token(data: Any) -> str | None:
        return following or None

    def rows(data: Any) -> Rows:
        nonlocal following
        following = str(cast("dict[str, Any]", data).get("nextPageToken") or "")
        return whole(data, "issues")

    async for page in by_token(fetch, rows, token):
        yield [str(one["id"]) for one in page], following


async def issue_ids(client: Client, jql: str, size: int) -> AsyncIterator[list[str]]:
    """Ids that a query finds, page by page."""
    async for ids, _ in issue_pages(client, jql, size):
        yield ids


class ListStream:
    """A list of the platform with ``startAt``, read whole in each pass."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        pages: Callable[[], AsyncIterator[Rows]],
        read: Callable[[dict[str, Any]], AnyRecord | None],
        id_field: str,
    ) -> None:
        self.name = name
        self._kind = kind
        self._pages = pages
        self._read = read
        self._id = id_field

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """All of it; what may not be read is noted."""
        try:
            async for rows in self._pages():
                records, undecoded = decode(self._kind, rows, self._read, self._id)
                yield Batch(records, undecoded=undecoded)
        except (SourcePermissionError, NotFoundError) as error:
            yield Batch((), notes=(f"{self.name} was not read: {error.what}",))


class MembershipStream:
    """Who is in which group, organisation, project and security level; read whole, so that what is gone is seen."""

    name = "memberships"

    def __init__(self, client: Client, site: Site) -> None:
        self._client = client
        self._site = site

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """All of them."""
        async for batch in self._of_scopes():
            yield batch
        async for group in self._site.paged("/rest/api/3/group/bulk", "values"):
            for one in group:
                grantee = Grantee("group", str(one.get("groupId") or one.get("name")))
                path, query = "/rest/api/3/group/member", {"groupId": grantee.id}
                async for rows in self._site.paged(path, "values", query):
                    yield _members(grantee, rows)
        async for batch in self._of_organisations():
            yield batch

    async def _of_scopes(self) -> AsyncIterator[Batch]:
        found: list[Membership] = []
        for scope, holders in (await self._site.scopes()).items():
            for grantee in dict.fromkeys(one.grantee for one in holders if one.grantee is not None):
                member = _in_scope(scope, grantee)
                if member is not None:
                    found.append(member)
        yield Batch(tuple(found), notes=tuple(self._site.notes))
        async for rows in self._site.paged("/rest/api/3/users/search", ""):
            licensed = [
                one for one in rows if one.get("accountType") == "atlassian" and one.get("active", True)
            ]
            yield _members(LICENSED, licensed)

    async def _of_organisations(self) -> AsyncIterator[Batch]:
        try:
            async for rows in self._site.desk_paged("/rest/servicedeskapi/organization"):
                for one in rows:
                    grantee = Grantee("organisation", str(one["id"]))
                    path = f"/rest/servicedeskapi/organization/{quote(grantee.id, safe='')}/user"
                    async for users in self._site.desk_paged(path):
                        yield _members(grantee, users)
        except (SourcePermissionError, NotFoundError) as error:
            yield Batch((), notes=(f"organisations were not read: {error.what}",))


class DeskStream:
    """Request types of all portals."""

    name = "request types"

    def __init__(self, site: Site, url: str) -> None:
        self._site = site
        self._url = url

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """All of them."""
        try:
            async for desks in self._site.desk_paged("/rest/servicedeskapi/servicedesk"):
                for desk in desks:
                    async for batch in self._of(desk):
                        yield batch
        except (SourcePermissionError, NotFoundError) as error:
            yield Batch((), notes=(f"request types were not read: {error.what}",))

    async def _of(self, desk: dict[str, Any]) -> AsyncIterator[Batch]:
        path = f"/rest/servicedeskapi/servicedesk/{quote(str(desk['id']), safe='')}/requesttype"
        async for rows in self._site.desk_paged(path):
            records, undecoded = decode(
                Kind.CATALOG_ITEM, rows, lambda row: reading.catalog_item(row, self._url, desk), "id"
            )
            yield Batch(records, undecoded=undecoded)


def _milliseconds(moment: datetime | None) -> int:
    """The one form of a time that JQL reads in no zone of its own."""
    return 0 if moment is None else int(moment.astimezone(UTC).timestamp() * 1000)


def _members(grantee: Grantee, rows: Rows) -> Batch:
    records, undecoded = decode(
        Kind.MEMBERSHIP, rows, lambda row: reading.membership(grantee, row), "accountId"
    )
    return Batch(records, undecoded=undecoded)


def _in_scope(scope: Grantee, grantee: Grantee) -> Membership | None:
    """A member of a scope: a person, a group, everybody, or whoever has a licence; other roles are not known."""
    if grantee.kind == "role":
        grantee = LICENSED if grantee.id == "any" else grantee
    identity = f"{scope}/{grantee}"
    match grantee.kind:
        case "user":
            return Membership(vendor=reading.VENDOR, id=identity, grantee=scope, person=grantee.id)
        case "group" | "everyone" | "scope":
            return Membership(vendor=reading.VENDOR, id=identity, grantee=scope, members=grantee)
        case _:
            return None
