"""Confluence's pages as knowledge articles, with who may read them.

A page is read by who may view its space and is within its own and each of its ancestors' read restrictions: all of them
are conditions of their own. Older interfaces alone give restrictions and search by time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from deskmind.connectors.access import EVERYONE, Access, Grantee
from deskmind.connectors.core.client import Answer, Client
from deskmind.connectors.core.mapping import Fields
from deskmind.connectors.core.paging import Rows, by_link
from deskmind.connectors.core.source import Batch, Start, decode_apart
from deskmind.connectors.jira.fields import user_reference
from deskmind.connectors.jira.site import whole
from deskmind.connectors.model import Article, Kind, Reference
from deskmind.connectors.text import markdown_from_html
from deskmind.errors import NotFoundError, SourcePermissionError

__all__ = ["PageStream", "Wiki"]

_EXPAND = ",".join(
    (
        "body.storage",
        "version",
        "space",
        "ancestors",
        "history",
        "metadata.labels",
        "restrictions.read.restrictions.user",
        "restrictions.read.restrictions.group",
    )
)
_OF_THE_SCREEN = frozenset(
    {"_links", "_expandable", "extensions", "type", "space", "ancestors", "restrictions"}
)
_STATES: Mapping[str, Any] = {
    "current": "published",
    "draft": "draft",
    "archived": "retired",
    "trashed": "retired",
}


class Wiki:
    """Pages, spaces and restrictions; what was read of spaces and ancestors is kept for one pass."""

    def __init__(self, client: Client, url: str, path: str = "/wiki") -> None:
        self._client = client
        self._url = f"{url}{path}"
        self._path = path
        self._spaces: dict[str, Access] = {}
        self._restrictions: dict[str, Access] = {}

    async def pages(self, cql: str, size: int) -> AsyncIterator[Rows]:
        """Pages that a query finds."""
        query = {"cql": cql, "limit": size, "expand": _EXPAND}

        async def fetch(link: str | None) -> Answer:
            if link is None:
                return await self._client.request("GET", f"{self._path}/rest/api/content/search", query=query)
            return await self._client.request("GET", link)

        async for rows in by_link(fetch, _results, self._next):
            yield rows

    async def one(self, identity: str) -> dict[str, Any] | None:
        """A page by its id."""
        path = f"{self._path}/rest/api/content/{quote(identity, safe='')}"
        try:
            return cast("dict[str, Any]", await self._client.get(path, {"expand": _EXPAND}))
        except NotFoundError:
            return None

    async def article(self, row: dict[str, Any]) -> Article:
        """A page as an article."""
        return self.read(row, await self.access(row))

    def read(self, row: Mapping[str, Any], access: Access) -> Article:
        """A page, and who may read it, as an article."""
        return _article(row, self._url, access)

    async def access(self, row: Mapping[str, Any]) -> Access:
        """Who may read a page."""
        space = cast("Mapping[str, Any]", row.get("space") or {})
        access = await self._space(str(space.get("id") or ""))
        for ancestor in cast("Sequence[Mapping[str, Any]]", row.get("ancestors") or []):
            access = access.both(await self._restriction(str(ancestor["id"])))
        own = cast("Mapping[str, Any]", row.get("restrictions") or {}).get("read")
        return access.both(_restricted(own) if own is not None else await self._restriction(str(row["id"])))

    async def _space(self, identity: str) -> Access:
        """Who may view a space: the permissions to read it; none known lets nobody in."""
        if identity not in self._spaces:
            try:
                self._spaces[identity] = await self._read_space(identity)
            except (SourcePermissionError, NotFoundError):
                self._spaces[identity] = Access((frozenset(),), unread=(f"permissions of space {identity}",))
        return self._spaces[identity]

    async def _read_space(self, identity: str) -> Access:
        path = f"{self._path}/api/v2/spaces/{quote(identity, safe='')}/permissions"

        async def fetch(link: str | None) -> Answer:
            return await self._client.request("GET", link or path, query=None if link else {"limit": 250})

        allowed: set[Grantee] = set()
        unread: list[str] = []
        async for rows in by_link(fetch, _results, self._next):
            for row in rows:
                operation = cast("Mapping[str, Any]", row.get("operation") or {})
                if operation.get("key") != "read" or operation.get("targetType") != "space":
                    continue
                grantee = _principal(cast("Mapping[str, Any]", row.get("principal") or {}))
                if grantee is None:
                    unread.append("a role of the space")
                else:
                    allowed.add(grantee)
        return Access((frozenset(allowed),), unread=tuple(unread))

    async def _restriction(self, identity: str) -> Access:
        """A page's own read restriction."""
        if identity not in self._restrictions:
            path = f"{self._path}/rest/api/content/{quote(identity, safe='')}/restriction/byOperation/read"
            try:
                found = await self._client.get(path, {"expand": "restrictions.user,restrictions.group"})
                self._restrictions[identity] = _restricted(found)
            except (SourcePermissionError, NotFoundError):
                closed = Access((frozenset(),), unread=(f"restrictions of page {identity}",))
                self._restrictions[identity] = closed
        return self._restrictions[identity]

    def _next(self, answer: Answer) -> str | None:
        links = cast("Mapping[str, Any]", cast("dict[str, Any]", answer.data).get("_links") or {})
        link = links.get("next")
        if not link:
            return None
        text = str(link)
        inside = text.startswith(("http://", "https://", f"{self._path}/"))
        return text if inside else f"{self._path}{text}"


class PageStream:
    """All pages that can be read, each pass anew: a restriction on an ancestor changes no page below it."""

    name = "pages"

    def __init__(self, client: Client, url: str, path: str, cql: str) -> None:
        self._made = lambda: Wiki(client, url, path)
        self._cql = cql

    async def read(self, start: Start) -> AsyncIterator[Batch]:
        """All of them; a site without Confluence has none, and says so."""
        wiki = self._made()
        try:
            async for rows in wiki.pages(f"{self._cql} ORDER BY created", min(start.size, 50)):
                yield await articles(wiki, rows)
        except (SourcePermissionError, NotFoundError) as error:
            yield Batch((), notes=(f"Confluence was not read: {error.what}",))


async def articles(wiki: Wiki, rows: Rows) -> Batch:
    """Pages as records."""
    access = {str(row.get("id")): await wiki.access(row) for row in rows}
    records, undecoded = await decode_apart(
        Kind.ARTICLE, rows, lambda row: wiki.read(row, access[str(row.get("id"))]), "id"
    )
    return Batch(records, undecoded=undecoded)


def _article(raw: Mapping[str, Any], url: str, access: Access) -> Article:
    row = Fields(raw, known=_OF_THE_SCREEN)
    identity = row.text("id")
    version = row.inner("version", known=("by", "minorEdit", "_links", "_expandable", "friendlyWhen"))
    history = row.inner("history", known=("lastUpdated", "latest", "_links", "_expandable"))
    space = cast("Mapping[str, Any]", raw.get("space") or {})
    labels = _labels(row.inner("metadata", known=("_expandable",)).get("labels"))
    links = cast("Mapping[str, Any]", raw.get("_links") or {})
    storage = row.inner("body", known=("_expandable",)).inner(
        "storage", known=("representation", "_expandable", "embeddedContent")
    )
    state = _STATES.get(row.text("status"), "draft")
    return Article(
        vendor="jira",
        id=identity,
        key=identity,
        url=f"{url}{links.get('webui') or ''}",
        version=version.text("number"),
        created_at=_time(history.get("createdDate")),
        updated_at=_time(version.get("when")),
        title=row.text("title"),
        text=markdown_from_html(storage.text("value")),
        state=state,
        base=Reference(str(space.get("id") or ""), str(space.get("name") or "")),
        category=tuple(one for one in (str(space.get("name") or ""),) if one),
        tags=labels,
        author=user_reference(history.get("createdBy")),
        access=access,
        raw=raw,
        unmapped=row.unmapped(),
    )


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(str(value)).astimezone(UTC) if value else None


def _labels(value: Any) -> tuple[str, ...]:
    rows = _listed(value)
    return tuple(str(one.get("name")) for one in rows if one.get("name"))


def _restricted(value: Any) -> Access:
    """Who is within a read restriction; an empty one restricts nobody."""
    held = cast("Mapping[str, Any]", cast("Mapping[str, Any]", value).get("restrictions") or {})
    users = [user_reference(one) for one in _listed(held.get("user"))]
    groups = [one.get("id") or one.get("name") for one in _listed(held.get("group"))]
    allowed = {Grantee("user", one.id) for one in users if one is not None}
    allowed |= {Grantee("group", str(one)) for one in groups if one}
    if allowed:
        return Access((frozenset(allowed),))
    cut = any(_size(held.get(kind)) for kind in ("user", "group"))
    return Access((frozenset() if cut else frozenset({EVERYONE}),))


def _listed(value: Any) -> Rows:
    rows: Any = cast("Mapping[str, Any]", value).get("results") if isinstance(value, Mapping) else value
    return cast("Rows", rows) if isinstance(rows, list) else []


def _size(value: Any) -> int:
    return int(cast("Mapping[str, Any]", value).get("size") or 0) if isinstance(value, Mapping) else 0


def _principal(value: Mapping[str, Any]) -> Grantee | None:
    identity = str(value.get("id") or "")
    match value.get("type"):
        case "user":
            return Grantee("user", identity)
        case "group":
            return Grantee("group", identity)
        case _:
            return None


def _results(data: Any) -> Rows:
    return whole(data, "results")
