"""One model for what the vendors hold.

Every record keeps the vendor's own (``raw``) and names what of it has no place in the model (``unmapped``), so that
nothing is dropped silently. Times are aware and in UTC; texts are Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from deskmind.connectors.access import NOBODY, Access, Grantee

__all__ = [
    "Article",
    "Attachment",
    "CatalogItem",
    "Comment",
    "ConfigurationItem",
    "Group",
    "Kind",
    "Link",
    "Membership",
    "Organisation",
    "Person",
    "Record",
    "Reference",
    "Service",
    "ServiceLevel",
    "StatusCategory",
    "Ticket",
    "TicketType",
]

TicketType = Literal["incident", "service request", "problem", "change", "task"]
StatusCategory = Literal["new", "open", "waiting", "resolved", "closed", "unknown"]


class Kind(StrEnum):
    """What a connector reads."""

    TICKET = "ticket"
    ARTICLE = "article"
    PERSON = "person"
    GROUP = "group"
    MEMBERSHIP = "membership"
    ORGANISATION = "organisation"
    SERVICE = "service"
    CONFIGURATION_ITEM = "configuration-item"
    CATALOG_ITEM = "catalog-item"


@dataclass(frozen=True, slots=True)
class Reference:
    """Another record, by the vendor's id; the name is empty where the vendor gave none beside it."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """How a ticket relates to another, in the vendor's words (``blocks``, ``child``)."""

    relation: str
    target: Reference


@dataclass(frozen=True, slots=True)
class Comment:
    """One entry of a ticket's conversation.

    Attributes:
        internal: whether only technicians may read it; True where the vendor does not say.
    """

    id: str
    text: str
    internal: bool
    author: Reference | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file at the vendor; ``Connector.download`` streams its bytes.

    Attributes:
        size: bytes, None where the vendor does not say.
        locator: where the connector finds the bytes; nothing to show to a person.
    """

    id: str
    name: str
    content_type: str = "application/octet-stream"
    size: int | None = None
    locator: str = field(default="", repr=False)
    created_at: datetime | None = None
    author: Reference | None = None
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """One promise about a ticket: by when, and whether it was broken."""

    name: str
    due_at: datetime | None = None
    breached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What all records have.

    Attributes:
        id: the vendor's id, which survives renaming.
        url: where a person opens it; empty where there is no such page.
        version: changes with each change of the record: a counter or a time, in the vendor's words.
        deleted: a tombstone: the record is gone at the vendor and only ``id`` is certain.
        raw: the vendor's own record.
        unmapped: paths in ``raw`` that hold something and have no place in the model.
        unread: parts that could not be read, such as one comment, each with its id and why; the others are there.
    """

    vendor: str
    id: str
    url: str = ""
    version: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)
    unmapped: tuple[str, ...] = field(default=(), compare=False, repr=False)
    unread: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(Record):
    """An incident, service request, problem, change or task.

    Attributes:
        key: what people call it (``INC0012345``).
        status_category: the status in words that all vendors share.
        priority, impact, urgency: the vendor's words.
        category: from the widest to the narrowest.
        comments_complete: False where the vendor gave only some of the comments, where one could not be read, or some are
            for a group or role alone: those are left out, since neither ``access`` nor ``internal_access`` is theirs.
        access: who may see the ticket and its public comments.
        internal_access: who may see its internal comments.
    """

    key: str
    title: str = ""
    description: str = ""
    type: TicketType = "incident"
    status: str = ""
    status_category: StatusCategory = "unknown"
    priority: str = ""
    impact: str = ""
    urgency: str = ""
    requester: Reference | None = None
    opened_by: Reference | None = None
    assignee: Reference | None = None
    assignment_group: Reference | None = None
    organisation: Reference | None = None
    service: Reference | None = None
    configuration_items: tuple[Reference, ...] = ()
    category: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parent: Reference | None = None
    links: tuple[Link, ...] = ()
    comments: tuple[Comment, ...] = ()
    comments_complete: bool = True
    attachments: tuple[Attachment, ...] = ()
    resolution_code: str = ""
    resolution_notes: str = ""
    service_levels: tuple[ServiceLevel, ...] = ()
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    due_at: datetime | None = None
    access: Access = NOBODY
    internal_access: Access = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Article(Record):
    """A knowledge article, its text in Markdown, and who may read it."""

    key: str
    title: str = ""
    text: str = ""
    state: Literal["draft", "published", "retired"] = "draft"
    base: Reference | None = None
    category: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""
    author: Reference | None = None
    valid_to: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    access: Access = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(Record):
    """A user, agent, requester or customer of the source.

    Attributes:
        login: how they sign in; empty where the vendor hides it.
        emails: lower case, the main one first; empty where the vendor hides them.
        attributes: the sets they belong to by their own record (department, company, location, scopes).
    """

    name: str = ""
    login: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    title: str = ""
    active: bool = True
    technician: bool = False
    manager: Reference | None = None
    organisation: Reference | None = None
    attributes: tuple[Grantee, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Record):
    """A named set of people: an assignment group, a role, a department, or a scope of the vendor's rules."""

    name: str = ""
    description: str = ""
    grantee: Grantee
    active: bool = True
    manager: Reference | None = None
    email: str = ""
    parent: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership(Record):
    """``person`` belongs to ``grantee``; ``id`` is made of both where the vendor has none.

    Attributes:
        person: the id of a ``Person``; empty where a whole set belongs.
        members: a set whose members all belong to ``grantee`` too, such as a group in a project's scope.
    """

    grantee: Grantee
    person: str = ""
    members: Grantee | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation(Record):
    """A customer, company or department."""

    name: str = ""
    domains: tuple[str, ...] = ()
    parent: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Record):
    """A business or technical service."""

    name: str = ""
    description: str = ""
    owner: Reference | None = None
    criticality: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationItem(Record):
    """A device, application or other thing that is looked after."""

    name: str = ""
    type: str = ""
    status: str = ""
    serial_number: str = ""
    asset_tag: str = ""
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    used_by: Reference | None = None
    managed_by: Reference | None = None
    organisation: Reference | None = None
    location: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogItem(Record):
    """Something people can request."""

    name: str = ""
    description: str = ""
    category: tuple[str, ...] = ()
    price: str = ""
    active: bool = True
