"""Resources of one kind: an address with places to fill in, and how one is listed, read, completed and watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mcp_types as types
from mcp.shared.uri_template import UriTemplate

from deskmind.desk import Desk

__all__ = ["Family", "Page", "Suggestions"]

Contents = types.TextResourceContents | types.BlobResourceContents


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list; ``after`` continues it, None where nothing follows."""

    resources: Sequence[types.Resource] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What an argument may be, best first; ``more`` where there are further ones."""

    values: Sequence[str] = ()
    more: bool = False


class Family:
    """A kind of resources. Each method is given the desk of who asks, and shows nothing that the desk does not.

    Args:
        template: how it is described; the address's places are the names of the values below.
    """

    def __init__(self, template: types.ResourceTemplate) -> None:
        self.template = template
        self._address = UriTemplate.parse(template.uri_template)

    def match(self, uri: str) -> Mapping[str, str] | None:
        """The values of an address of this kind; None for another."""
        found = self._address.match(uri)
        if found is None:
            return None
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def uri(self, **values: str) -> str:
        """The address with its values."""
        return self._address.expand(values)

    async def page(self, desk: Desk, after: str | None, limit: int) -> Page:
        """Part of the list of them; nothing where they are not listed."""
        del desk, after, limit
        return Page()

    async def read(self, desk: Desk, uri: str, values: Mapping[str, str]) -> Sequence[Contents]:
        """The contents of one.

        Raises:
            NotFoundError: there is none of these values that the desk may see.
        """
        raise NotImplementedError

    async def complete(self, desk: Desk, name: str, value: str) -> Suggestions:
        """What a place of the address may hold, as far as it is written."""
        del desk, name, value
        return Suggestions()

    async def stamp(self, desk: Desk) -> str | None:
        """What changes whenever any of them does, or which of them the desk may see; None where that is not known."""
        del desk
        return None

    async def versions(self, desk: Desk, all_values: Sequence[Mapping[str, str]]) -> Sequence[str | None]:
        """What changes whenever one does, in the order asked; None for what is not there, or cannot be watched."""
        del desk
        return [None] * len(all_values)
