"""What surrounds a site's issues: its fields, projects, roles, permission schemes, security levels, groups."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import quote

from deskmind.connectors.access import Grantee
from deskmind.connectors.core.client import Answer, Client
from deskmind.connectors.core.paging import Rows, by_start
from deskmind.connectors.jira.fields import SiteFields
from deskmind.connectors.jira.sight import (
    Holder,
    Sight,
    grantee_of_actor,
    holders_of,
    level_scope,
    project_scope,
)
from deskmind.errors import NotFoundError, SourcePermissionError, SourceReplyError

__all__ = ["Scopes", "Site", "whole"]

_T = TypeVar("_T")
_FRESH = 60.0
_PAGE = 100
Scopes = Mapping[Grantee, Sequence[Holder]]


class Site:
    """Reads what issues refer to; it is read again after a minute."""

    def __init__(self, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, Any]] = {}
        self._lock = asyncio.Lock()
        self.notes: list[str] = []

    async def fields(self) -> SiteFields:
        """Which of the site's fields means what."""
        return await self._fresh("fields", self._read_fields)

    async def projects(self) -> Rows:
        """All projects that can be seen."""
        return await self._fresh("projects", self._read_projects)

    async def scopes(self) -> Scopes:
        """Who is in each project's and level's set."""
        return await self._fresh("scopes", self._read_scopes)

    async def sight(self) -> Sight:
        """What the schemes say of the people whom an issue names."""
        named: dict[Grantee, frozenset[str]] = {
            scope: frozenset(one.of_issue for one in holders if one.of_issue)
            for scope, holders in (await self.scopes()).items()
        }
        return Sight(
            {
                one.id.partition(":")[2]: roles
                for one, roles in named.items()
                if one.id.startswith("project:")
            },
            {one.id.partition(":")[2]: roles for one, roles in named.items() if one.id.startswith("level:")},
        )

    async def listed(self, path: str, key: str, query: Mapping[str, Any] | None = None) -> Rows:
        """All rows of a list with ``startAt`` and ``isLast``."""
        return [row async for page in self.paged(path, key, query) for row in page]

    async def paged(self, path: str, key: str, query: Mapping[str, Any] | None = None) -> AsyncIterator[Rows]:
        """The pages of a list with ``startAt``: an object with ``isLast``, or a bare array, which ends at an empty page."""

        async def fetch(start: int) -> Answer:
            asked = {**(query or {}), "startAt": start, "maxResults": _PAGE}
            return await self._client.request("GET", path, query=asked)

        def last(data: Any, _: int) -> bool:
            return isinstance(data, dict) and cast("dict[str, Any]", data).get("isLast") is True

        async for page in by_start(fetch, lambda data: whole(data, key), last=last):
            yield page

    async def desk_paged(self, path: str) -> AsyncIterator[Rows]:
        """The pages of a service-desk list, with ``start`` and ``isLastPage``."""

        async def fetch(start: int) -> Answer:
            return await self._client.request("GET", path, query={"start": start, "limit": 50})

        def last(data: Any, _: int) -> bool:
            return isinstance(data, dict) and cast("dict[str, Any]", data).get("isLastPage") is True

        async for page in by_start(fetch, lambda data: whole(data, "values"), last=last):
            yield page

    async def _read_fields(self) -> SiteFields:
        return SiteFields.of(_rows(await self._client.get("/rest/api/3/field"), ""))

    async def _read_projects(self) -> Rows:
        return await self.listed("/rest/api/3/project/search", "values", {"expand": "lead"})

    async def _read_scopes(self) -> Scopes:
        self.notes.clear()
        found: dict[Grantee, Sequence[Holder]] = {}
        for project in await self.projects():
            key = str(project["key"])
            lead = str(cast("Mapping[str, Any]", project.get("lead") or {}).get("accountId") or "")
            actors = await self._tried(key, self._actors(key), {})
            found[project_scope(key)] = await self._tried(key, self._browse(key, actors, lead), [])
            found |= await self._tried(key, self._levels(key, actors, lead), {})
        return found

    async def _actors(self, key: str) -> Mapping[str, Sequence[Grantee]]:
        roles = await self._client.get(f"/rest/api/3/project/{quote(key)}/role")
        found: dict[str, Sequence[Grantee]] = {}
        for address in cast("Mapping[str, str]", roles).values():
            identity = address.rstrip("/").rsplit("/", 1)[-1]
            role = await self._client.get(f"/rest/api/3/project/{quote(key)}/role/{quote(identity)}")
            members = [grantee_of_actor(one) for one in _rows(role, "actors")]
            found[identity] = [one for one in members if one is not None]
        return found

    async def _browse(self, key: str, actors: Mapping[str, Sequence[Grantee]], lead: str) -> Sequence[Holder]:
        path = f"/rest/api/3/project/{quote(key)}/permissionscheme"
        scheme = await self._client.get(path, {"expand": "permissions,user,group,projectRole"})
        grants = [one for one in _rows(scheme, "permissions") if one.get("permission") == "BROWSE_PROJECTS"]
        return [one for grant in grants for one in holders_of(grant.get("holder") or {}, actors, lead)]

    async def _levels(self, key: str, actors: Mapping[str, Sequence[Grantee]], lead: str) -> Scopes:
        levels = _rows(await self._client.get(f"/rest/api/3/project/{quote(key)}/securitylevel"), "levels")
        found: dict[Grantee, list[Holder]] = {level_scope(key, str(one["id"])): [] for one in levels}
        if not levels:
            return found
        asked = {"levelId": [str(one["id"]) for one in levels]}
        for row in await self.listed("/rest/api/3/issuesecurityschemes/level/member", "values", asked):
            scope = level_scope(key, str(row.get("issueSecurityLevelId")))
            if scope in found:
                found[scope].extend(holders_of(row.get("holder") or {}, actors, lead))
        return found

    async def _tried(self, key: str, reading: Awaitable[_T], instead: _T) -> _T:
        """What cannot be read gives nobody anything."""
        try:
            return await reading
        except (SourcePermissionError, NotFoundError) as error:
            self.notes.append(f"who may see project {key} was not read in full: {error.what}")
            return instead

    async def _fresh(self, name: str, read: Callable[[], Awaitable[_T]]) -> _T:
        at, known = self._known.get(name, (0.0, None))
        if known is None or self._clock() - at > _FRESH:
            known = await read()
            self._known[name] = (self._clock(), known)
        return cast("_T", known)


def whole(data: Any, key: str) -> Rows:
    """The rows of an answer that must have them, below a key or bare.

    Raises:
        SourceReplyError: it has none: an empty list cannot be told from a failure then, and what is missing would be removed.
    """
    inside = cast("dict[str, Any]", data).get(key) if key and isinstance(data, dict) else data
    if not isinstance(inside, list):
        raise SourceReplyError(
            f"An answer has no {key or 'rows'}.",
            why="It lacks the field, so that an empty list cannot be told from a failure.",
            remedy="Check that the address is that of a Jira site.",
        )
    return cast("Rows", inside)


def _rows(data: Any, key: str) -> Rows:
    rows: Any = cast("dict[str, Any]", data).get(key) if isinstance(data, dict) else data
    return cast("Rows", rows) if isinstance(rows, list) else []
