"""The demo company as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal, Protocol, TypeVar

from deskmind.sandbox.company import assets, directory, knowledge
from deskmind.sandbox.company.records import (
    Article,
    Audience,
    CatalogItem,
    Deletion,
    Department,
    Item,
    KnowledgeBase,
    Organisation,
    Person,
    Service,
    Site,
    Team,
)
from deskmind.sandbox.company.tickets import Tickets

__all__ = ["SIZES", "Company", "Size"]

Size = Literal["tiny", "small", "medium", "large"]
SIZES: dict[Size, tuple[int, int, int, int]] = {
    "tiny": (40, 64, 40, 64),
    "small": (480, 64, 160, 64),
    "medium": (5_000, 300, 800, 160),
    "large": (50_000, 1200, 4000, 600),
}
"""Tickets, people, configuration items and articles of each size."""


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


_One = TypeVar("_One", bound=_Keyed)


class Company:
    """Everything the sandboxes are filled with; the same for the same `seed`, `size` and `until`.

    `until` is the moment after which nothing has happened yet, by default the last midnight (UTC): another day
    gives the same company, all of its times moved by whole days. Tickets are made when they are looked at.

    >>> company = Company(seed=7, until=datetime(2026, 11, 1, tzinfo=UTC))
    >>> company.tickets[0].number, len(company.tickets)
    (1, 480)
    """

    def __init__(self, seed: int = 0, size: Size = "small", until: datetime | None = None) -> None:
        tickets, people, items, articles = SIZES[size]
        self.seed = seed
        self.size: Size = size
        self.until = until or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.sites: tuple[Site, ...] = directory.SITES
        self.organisations: tuple[Organisation, ...] = directory.ORGANISATIONS
        self.services: tuple[Service, ...] = assets.SERVICES
        self.catalog: tuple[CatalogItem, ...] = assets.CATALOG
        self.audiences: tuple[Audience, ...] = knowledge.AUDIENCES
        self.knowledge_bases: tuple[KnowledgeBase, ...] = knowledge.KNOWLEDGE_BASES
        self.people: tuple[Person, ...] = directory.people(seed, people, self.until)
        self.departments: tuple[Department, ...] = directory.departments(self.people)
        self.teams: tuple[Team, ...] = directory.teams(self.people)
        self.items: tuple[Item, ...] = assets.items(seed, items, self.people, self.until)
        self.articles: tuple[Article, ...] = tuple(
            knowledge.articles(seed, articles, self.people, self.until)
        )
        self.tickets = Tickets(self, tickets)

    @property
    def deletions(self) -> Iterable[Deletion]:
        """The tickets that are gone."""
        return self.tickets.deletions()

    @cached_property
    def active_people(self) -> tuple[Person, ...]:
        """Everybody who has not left."""
        return tuple(person for person in self.people if person.active)

    @cached_property
    def support_teams(self) -> tuple[Team, ...]:
        """The teams that work on tickets."""
        return tuple(team for team in self.teams if team.support)

    @cached_property
    def customers(self) -> tuple[Organisation, ...]:
        """The organisations that are not the company itself."""
        return tuple(organisation for organisation in self.organisations if not organisation.internal)

    @cached_property
    def service_desk(self) -> tuple[str, ...]:
        """Keys of the people who open tickets for others."""
        return self.team("service-desk").members

    def person(self, key: str) -> Person:
        """The person with this key."""
        return self._people[key]

    def team(self, key: str) -> Team:
        """The team with this key."""
        return self._teams[key]

    def site(self, key: str) -> Site:
        """The site with this key."""
        return self._sites[key]

    def service(self, key: str) -> Service:
        """The service with this key."""
        return self._services[key]

    def items_of(self, kind: str) -> tuple[Item, ...]:
        """The configuration items of one kind."""
        return self._items_of_kind.get(kind, ())

    @cached_property
    def _people(self) -> dict[str, Person]:
        return _by_key(self.people)

    @cached_property
    def _teams(self) -> dict[str, Team]:
        return _by_key(self.teams)

    @cached_property
    def _sites(self) -> dict[str, Site]:
        return _by_key(self.sites)

    @cached_property
    def _services(self) -> dict[str, Service]:
        return _by_key(self.services)

    @cached_property
    def _items_of_kind(self) -> dict[str, tuple[Item, ...]]:
        found: dict[str, list[Item]] = {}
        for item in self.items:
            found.setdefault(item.kind, []).append(item)
        return {kind: tuple(items) for kind, items in found.items()}


def _by_key(things: Iterable[_One]) -> dict[str, _One]:
    return {thing.key: thing for thing in things}
