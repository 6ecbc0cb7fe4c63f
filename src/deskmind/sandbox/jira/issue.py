"""An issue and what hangs on it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Document = dict[str, Any]


@dataclass(slots=True)
class Comment:
    """A comment. `public` is the portal's view (`sd.public.comment`); `visibility` limits it to a group or role."""

    id: str
    author: str
    body: Document
    created: datetime
    updated: datetime
    public: bool = True
    visibility: tuple[str, str] | None = None
    update_author: str = ""


@dataclass(slots=True)
class Attachment:
    """A file of an issue."""

    id: str
    name: str
    mime: str
    content: bytes
    author: str
    created: datetime


@dataclass(slots=True)
class Worklog:
    """Time that somebody booked."""

    id: str
    author: str
    seconds: int
    started: datetime
    created: datetime
    comment: Document | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One field's change: ids and the words shown."""

    field: str
    field_id: str
    old: str | None
    old_text: str | None
    new: str | None
    new_text: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the changelog."""

    id: str
    author: str
    created: datetime
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another issue, seen from this one."""

    id: str
    kind: str
    outward: bool
    other: int


@dataclass(slots=True)
class Approval:
    """An approval of a request."""

    id: str
    name: str
    approvers: dict[str, str]
    created: datetime
    completed: datetime | None = None
    decision: str = "pending"


@dataclass(slots=True)
class Issue:
    """`values` holds each field by id: identifiers for what has some, ADF for rich text, UTC for times."""

    id: int
    key: str
    project_id: str
    created: datetime
    updated: datetime
    values: dict[str, Any]
    comments: list[Comment] = field(default_factory=list[Comment])
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    worklogs: list[Worklog] = field(default_factory=list[Worklog])
    changes: list[Change] = field(default_factory=list[Change])
    links: list[Link] = field(default_factory=list[Link])
    participants: list[str] = field(default_factory=list[str])
    approvals: list[Approval] = field(default_factory=list[Approval])
    watchers: list[str] = field(default_factory=list[str])
    category_changed: datetime | None = None

    def snapshot(self) -> Issue:
        """What a search index would hold of it now."""
        taken = copy.copy(self)
        taken.values = dict(self.values)
        taken.comments = [copy.copy(comment) for comment in self.comments]
        taken.attachments = list(self.attachments)
        taken.participants = list(self.participants)
        return taken
