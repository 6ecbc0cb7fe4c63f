"""The demo company, Halvern Quay Logistics, as vendor-neutral data that every ITSM sandbox is filled with.

`Company(seed, size, until)` has people, teams, sites, organisations, services, configuration items, a catalog,
knowledge with its audiences, tickets with comments and attachments, and what was deleted. Records name each other
by `key`; tickets and articles by number.
"""

from deskmind.sandbox.company.company import SIZES, Company, Size
from deskmind.sandbox.company.records import (
    Article,
    Attachment,
    Audience,
    CatalogItem,
    Comment,
    Deletion,
    Department,
    Item,
    KnowledgeBase,
    Organisation,
    Person,
    Service,
    Site,
    Team,
    Ticket,
    TicketKind,
    TicketStatus,
)

__all__ = [
    "SIZES",
    "Article",
    "Attachment",
    "Audience",
    "CatalogItem",
    "Comment",
    "Company",
    "Deletion",
    "Department",
    "Item",
    "KnowledgeBase",
    "Organisation",
    "Person",
    "Service",
    "Site",
    "Size",
    "Team",
    "Ticket",
    "TicketKind",
    "TicketStatus",
]
