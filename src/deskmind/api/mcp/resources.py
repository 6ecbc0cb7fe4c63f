"""The resources of several kinds as one list, read by their addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mcp_types as types

from deskmind.api.mcp.family import Family, Suggestions
from deskmind.api.mcp.session import GONE, Watched
from deskmind.desk import Desk
from deskmind.errors import InvalidRequestError, NotFoundError

__all__ = ["Resources"]

_PAGE = 100
_LONGEST_PLACE = 9


class Resources:
    """Those of some families.

    Args:
        families: in the order in which they are listed; the first whose template fits has an address.
    """

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = tuple(families)

    def templates(self) -> list[types.ResourceTemplate]:
        """How their addresses are made."""
        return [family.template for family in self._families]

    async def list(self, desk: Desk, cursor: str | None) -> types.ListResourcesResult:
        """A page; a cursor is given exactly where more follow.

        Raises:
            InvalidRequestError: the cursor is none of ours.
        """
        first, after = self._place(cursor)
        found: list[types.Resource] = []
        for place, family in enumerate(self._families[first:], first):
            room = _PAGE - len(found)
            page = await family.page(desk, after, room or 1)
            if page.resources and not room:
                return types.ListResourcesResult(resources=found, next_cursor=f"{place}:")
            found += page.resources
            if page.after is not None:
                return types.ListResourcesResult(resources=found, next_cursor=f"{place}:{page.after}")
            after = None
        return types.ListResourcesResult(resources=found)

    async def read(self, desk: Desk, uri: str) -> types.ReadResourceResult:
        """The contents of one.

        Raises:
            NotFoundError: there is none of this address that the desk may see.
        """
        family, values = self._found(uri)
        return types.ReadResourceResult(contents=list(await family.read(desk, uri, values)))

    async def complete(self, desk: Desk, uri: str, name: str, value: str) -> Suggestions:
        """What a place of a template may hold.

        Args:
            desk: of who asks.
            uri: the template, or an address that it has made.
            name: of the place.
            value: what is written of it.

        Raises:
            NotFoundError: there is no such template, or place.
        """
        for family in self._families:
            if uri == family.template.uri_template or family.match(uri) is not None:
                if f"{{{name}}}" not in family.template.uri_template:
                    break
                return await family.complete(desk, name, value)
        raise NotFoundError(
            "There is nothing to complete.", remedy="resources/templates/list has the templates."
        )

    async def watch(self, desk: Desk, watched: Watched, uris: Sequence[str]) -> list[str]:
        """Watch resources from now on; gives those that are not there for the desk, and may come.

        Raises:
            NotFoundError: no resource can have such an address.
        """
        asked = self._by_family(uris)
        seen: dict[str, str] = {}
        for family, those in asked.items():
            seen |= await self._versions(desk, family, those)
        watched.versions |= {uri: seen.get(uri, GONE) for uri in uris}
        return [uri for uri in uris if uri not in seen]

    async def changed(self, desk: Desk, watched: Watched) -> list[str]:
        """The addresses of what is not as it was when this was last asked."""
        changed: list[str] = []
        for family, those in self._by_family(tuple(watched.versions)).items():
            stamp = await family.stamp(desk)
            if stamp is not None and watched.stamps.get(family.template.name) == stamp:
                continue
            seen = await self._versions(desk, family, those)
            for uri in those:
                now = seen.get(uri, GONE)
                if watched.versions.get(uri, now) != now:
                    watched.versions[uri] = now
                    changed.append(uri)
            if stamp is not None:
                watched.stamps[family.template.name] = stamp
        return changed

    async def _versions(
        self, desk: Desk, family: Family, those: Mapping[str, Mapping[str, str]]
    ) -> dict[str, str]:
        versions = await family.versions(desk, list(those.values()))
        return {uri: one for uri, one in zip(those, versions, strict=True) if one is not None}

    def _by_family(self, uris: Sequence[str]) -> dict[Family, dict[str, Mapping[str, str]]]:
        """The values of addresses, by their kinds."""
        found: dict[Family, dict[str, Mapping[str, str]]] = {}
        for uri in uris:
            family, values = self._found(uri)
            found.setdefault(family, {})[uri] = values
        return found

    def _place(self, cursor: str | None) -> tuple[int, str | None]:
        """The family that a page begins in, and after which of its resources."""
        if cursor is None:
            return 0, None
        family, colon, after = cursor.partition(":")
        if (
            not colon
            or not family.isdecimal()
            or len(family) > _LONGEST_PLACE
            or int(family) >= len(self._families)
        ):
            raise InvalidRequestError(
                "This cursor does not continue a list.", remedy="Give `nextCursor` of the page before."
            )
        return int(family), after or None

    def _found(self, uri: str) -> tuple[Family, Mapping[str, str]]:
        for family in self._families:
            values = family.match(uri)
            if values is not None:
                return family, values
        addresses = ", ".join(family.template.uri_template for family in self._families)
        raise NotFoundError("There is no such resource.", remedy=f"Addresses are {addresses}.")
