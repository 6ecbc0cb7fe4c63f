"""What the demo company consists of, before any vendor's form. Times are UTC with whole seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

TicketKind = Literal["incident", "request", "problem", "change"]
TicketStatus = Literal["new", "in_progress", "on_hold", "resolved", "closed", "cancelled"]
ItemKind = Literal["laptop", "server", "printer", "scanner", "network", "phone", "application"]
PersonRole = Literal["requester", "agent", "admin"]

__all__ = [
    "Article",
    "Attachment",
    "Audience",
    "CatalogItem",
    "Comment",
    "Deletion",
    "Department",
    "Item",
    "ItemKind",
    "KnowledgeBase",
    "Organisation",
    "Person",
    "PersonRole",
    "Service",
    "Site",
    "Team",
    "Ticket",
    "TicketKind",
    "TicketStatus",
]


@dataclass(frozen=True, slots=True)
class Site:
    """A place; `time_zone` is an IANA name."""

    key: str
    name: str
    street: str
    country: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Department:
    """A department; `head` is a person's key."""

    key: str
    name: str
    head: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """The company itself (`internal`), or a customer of it."""

    key: str
    name: str
    domain: str
    internal: bool


@dataclass(frozen=True, slots=True)
class Team:
    """A group of people; `support` teams work on tickets, the others only grant access."""

    key: str
    name: str
    description: str
    support: bool
    manager: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. Keys look like `lena.fisk`; `manager` is a key, or empty at the top."""

    key: str
    first_name: str
    last_name: str
    email: str
    title: str
    role: PersonRole
    department: str
    site: str
    organisation: str
    manager: str
    phone: str
    active: bool
    created: datetime
    updated: datetime

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Service:
    """A business service; `team` supports it. `criticality` is from 1 (most) to 4."""

    key: str
    name: str
    description: str
    team: str
    criticality: int


@dataclass(frozen=True, slots=True)
class Item:
    """A configuration item; `key` is its asset tag. `owner` is a person's key or empty."""

    key: str
    name: str
    kind: ItemKind
    model: str
    serial: str
    owner: str
    service: str
    site: str
    in_use: bool
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class CatalogItem:
    """Something to order; `price` is in pounds, `questions` are asked of who orders."""

    key: str
    name: str
    description: str
    category: str
    team: str
    price: float
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is meant: with `match_all` by every kind that is named, else by any one. Values are keys."""

    key: str
    name: str
    people: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    roles: tuple[PersonRole, ...] = ()
    match_all: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """A collection of articles. Nobody named in `can_read` means everybody; `cannot_read` is stronger."""

    key: str
    name: str
    owner: str
    can_read: tuple[Audience, ...] = ()
    cannot_read: tuple[Audience, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """A knowledge article with its text in HTML. Its audiences narrow those of its knowledge base."""

    number: int
    title: str
    html: str
    base: str
    category: str
    author: str
    state: Literal["draft", "published", "retired"]
    created: datetime
    updated: datetime
    views: int
    can_read: tuple[Audience, ...] = ()
    cannot_read: tuple[Audience, ...] = ()


@dataclass(frozen=True, slots=True)
class Comment:
    """Something said on a ticket; `public` is what the requester sees too."""

    author: str
    at: datetime
    text: str
    public: bool


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on a ticket."""

    name: str
    content_type: str
    content: bytes
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket of any kind; `priority`, `impact` and `urgency` are from 1 (highest).

    `confidential` names the team that alone (beside the requester) may see it, or is empty. `resolved`, `closed`
    and `due` are None where they do not apply; `parent` is another ticket's number or 0.
    """

    number: int
    kind: TicketKind
    summary: str
    description: str
    status: TicketStatus
    category: str
    subcategory: str
    priority: int
    impact: int
    urgency: int
    requester: str
    opened_by: str
    assignee: str
    team: str
    organisation: str
    service: str
    item: str
    catalog_item: str
    parent: int
    tags: tuple[str, ...]
    resolution: str
    confidential: str
    created: datetime
    updated: datetime
    resolved: datetime | None
    closed: datetime | None
    due: datetime | None
    comments: tuple[Comment, ...]
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A ticket that was there once."""

    number: int
    kind: TicketKind
    at: datetime
    by: str
