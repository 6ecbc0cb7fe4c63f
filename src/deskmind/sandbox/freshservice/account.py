"""The state of a Freshservice account: tables of rows as its API writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = dict[str, Any]
Table = dict[int, Row]

TABLES = (
    "tickets",
    "conversations",
    "requesters",
    "agents",
    "groups",
    "requester_groups",
    "departments",
    "locations",
    "assets",
    "asset_types",
    "service_items",
    "service_categories",
    "categories",
    "folders",
    "articles",
    "problems",
    "changes",
    "vendors",
    "products",
    "time_entries",
    "tasks",
    "requested_items",
)


@dataclass(slots=True)
class File:
    """An attachment's content and metadata."""

    id: int
    name: str
    content_type: str
    content: bytes
    created_at: str

    def to_json(self, base: str) -> Row:
        """The metadata, with an address that needs no key for a while."""
        token = hashlib.sha256(f"{self.id}:{self.name}:{self.created_at}".encode()).hexdigest()[:32]
        return {
            "id": self.id,
            "content_type": self.content_type,
            "size": len(self.content),
            "name": self.name,
            "attachment_url": f"{base}/data/helpdesk/attachments/production/{self.id}/original/{token}",
            "created_at": self.created_at,
            "updated_at": self.created_at,
        }


@dataclass
class Account:
    """Tables by name; keys by agent; files by the id of what they hang on; activities by ticket."""

    clock: Callable[[], datetime]
    tables: dict[str, Table] = field(default_factory=lambda: {name: {} for name in TABLES})
    keys: dict[str, int] = field(default_factory=dict[str, int])
    files: dict[int, list[File]] = field(default_factory=dict[int, list[File]])
    activities: dict[int, list[Row]] = field(default_factory=dict[int, list[Row]])
    by_ticket: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    members: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    _last: int = 21_000_500_000

    def table(self, name: str) -> Table:
        """A table's rows by id, in the order in which they were made."""
        return self.tables[name]

    def now(self) -> str:
        """The time as the API writes it, in whole seconds: `2022-07-11T11:32:29Z`."""
        return stamp(self.clock())

    def next_id(self) -> int:
        """An id that nothing has yet."""
        self._last += 1
        return self._last

    def next_number(self, name: str) -> int:
        """The next small number of a table that counts: tickets, problems, changes."""
        return max(self.table(name), default=0) + 1

    def assets_of(self, ticket: Row) -> set[int]:
        """Display ids of the assets that a ticket names."""
        held: list[Row] = ticket.get("assets") or []
        return {int(each["display_id"]) for each in held}

    def conversations(self, ticket: int) -> list[Row]:
        """What was said on a ticket, oldest first."""
        table = self.table("conversations")
        return [table[each] for each in self.by_ticket.get(ticket, ()) if each in table]

    def person(self, user: int | None) -> Row | None:
        """A requester or an agent."""
        if user is None:
            return None
        return self.table("requesters").get(user) or self.table("agents").get(user)

    def note_activity(self, ticket: int, actor: int, content: str, *details: str) -> None:
        """A line in the ticket's history."""
        who = self.person(actor) or {}
        name = " ".join(filter(None, (who.get("first_name"), who.get("last_name"))))
        line: Row = {"actor": {"id": actor, "name": name}, "content": content, "sub_contents": list(details)}
        self.activities.setdefault(ticket, []).insert(0, line | {"created_at": self.now()})


def stamp(moment: datetime) -> str:
    """A moment in UTC with whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
