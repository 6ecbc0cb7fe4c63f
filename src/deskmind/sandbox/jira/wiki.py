"""Confluence: spaces and pages, and who reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from deskmind.sandbox.jira.people import Holders
from deskmind.sandbox.jira.sight import Sight


@dataclass(slots=True)
class Space:
    """A space; only `readers` open it, only `writers` write in it."""

    id: str
    key: str
    name: str
    readers: Holders
    writers: Holders
    homepage: str = ""


@dataclass(slots=True)
class Page:
    """A page in storage format (HTML). `restricted` limits who reads it and every page below it."""

    id: str
    space_id: str
    title: str
    body: str
    author: str
    created: datetime
    updated: datetime
    version: int = 1
    status: str = "current"
    parent: str | None = None
    restricted: Holders | None = None
    labels: list[str] = field(default_factory=list[str])


@dataclass
class Wiki:
    """All spaces and pages of a site."""

    spaces: dict[str, Space] = field(default_factory=dict[str, Space])
    pages: dict[str, Page] = field(default_factory=dict[str, Page])

    def space(self, id_or_key: str) -> Space | None:
        """A space by id or key."""
        if id_or_key in self.spaces:
            return self.spaces[id_or_key]
        return next((each for each in self.spaces.values() if each.key == id_or_key), None)

    def ancestors(self, page: Page) -> list[Page]:
        """The pages above, the topmost first."""
        found: list[Page] = []
        above = self.pages.get(page.parent or "")
        while above is not None:
            found.insert(0, above)
            above = self.pages.get(above.parent or "")
        return found

    def opens(self, sight: Sight, space: Space) -> bool:
        """Whether the caller may open the space; customers of the portal may where everyone may."""
        return _held(sight, space.readers)

    def sees(self, sight: Sight, page: Page) -> bool:
        """The space, and each restriction on the page and above it: all of them must let the caller in."""
        if page.status == "draft" and page.author != sight.account:
            return False
        if not self.opens(sight, self.spaces[page.space_id]):
            return False
        limits = [each.restricted for each in (*self.ancestors(page), page)]
        return all(limit is None or _held(sight, limit) for limit in limits)

    def writes(self, sight: Sight, space: Space) -> bool:
        """Whether the caller may create and change pages."""
        return sight.holds(space.writers)

    def visible(self, sight: Sight, keep: Callable[[Page], bool] | None = None) -> list[Page]:
        """The pages that the caller sees."""
        return [
            each for each in self.pages.values() if (keep is None or keep(each)) and self.sees(sight, each)
        ]


def _held(sight: Sight, holders: Holders) -> bool:
    if sight.user is None:
        return False
    if holders.everyone or sight.account in holders.users:
        return True
    return bool(sight.groups & holders.groups)
