"""Workflow automators: what an administrator set up in the product to call somewhere when a ticket changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
EVENTS = ("ticket_created", "ticket_updated", "note_added", "reply_sent", "ticket_deleted")


@dataclass(frozen=True, slots=True)
class Workflow:
    """A webhook node: where to, for which events, with which headers and basic credentials.

    `placeholders` are the ticket's fields that its content names, under the keys that go out.
    """

    url: str
    events: tuple[str, ...] = EVENTS
    headers: dict[str, str] = field(default_factory=dict[str, str])
    username: str = ""
    password: str = ""
    placeholders: dict[str, str] = field(default_factory=lambda: dict(_USUAL))


Send = Callable[[Workflow, bytes, dict[str, str]], None]


@dataclass
class Workflows:
    """The automators that are on. There is no API for them at the vendor, nor here: they are set in process."""

    send: Send
    active: list[Workflow] = field(default_factory=list[Workflow])

    def add(self, url: str, **given: Any) -> Workflow:
        """Sets one up."""
        made = Workflow(url, **given)
        self.active.append(made)
        return made

    def fire(self, event: str, ticket: Row) -> None:
        """Calls each that listens for the event."""
        for each in self.active:
            if event in each.events:
                prefix = "SR" if ticket.get("type") == "Service Request" else "INC"
                words = {**ticket, "display_id": f"{prefix}-{ticket['id']}", "event": event}
                content = {key: words.get(name) for key, name in each.placeholders.items()}
                body = json.dumps({"freshdesk_webhook": content}).encode()
                self.send(each, body, {"Content-Type": "application/json", **each.headers})


_USUAL = {
    "ticket_id": "display_id",
    "ticket_subject": "subject",
    "ticket_status": "status",
    "ticket_priority": "priority",
    "ticket_updated_at": "updated_at",
    "triggered_event": "event",
}
