"""Steps that the ready workflows share: a ticket as text, and a write that is proposed again where the ticket has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from deskmind.agents.workflows.flow import Called, Flow
from deskmind.agents.workflows.systems import Systems
from deskmind.connectors.model import Ticket
from deskmind.triage import TrainingTicket

__all__ = ["comparable", "key_of", "read_ticket", "recent_tickets", "write"]

_TRIES = 3
_MOST_TEXT = 20_000


async def read_ticket(systems: Systems, connection: str, ticket: str) -> dict[str, Any]:
    """A ticket as it is now: ``id``, ``key``, ``title``, ``text``, ``requester``."""
    found = await systems.ticket(connection, ticket)
    return {
        "id": found.id,
        "key": found.key,
        "title": found.title,
        "text": _text(found)[:_MOST_TEXT],
        "requester": found.requester.id if found.requester else "",
    }


async def recent_tickets(systems: Systems, connection: str, since: datetime) -> list[dict[str, Any]]:
    """Tickets that changed since then, as they were read last, with what the ready workflows look at."""
    return [
        {
            "id": one["id"],
            "key": one["key"],
            "title": one.get("title") or "",
            "description": (one.get("description") or "")[:4000],
            "status": one.get("status_category") or "unknown",
            "priority": one.get("priority") or "",
            "group": cast("dict[str, Any]", one.get("assignment_group") or {}).get("name") or "",
            "resolution": _resolution(one)[:4000],
            "created_at": one.get("created_at"),
            "levels": one.get("service_levels") or [],
        }
        for one in await systems.changed_since(connection, since)
    ]


def _resolution(one: Mapping[str, Any]) -> str:
    """How it was solved, in words: the notes, or where the vendor has none, the last comment that its requester can read."""
    said = [comment["text"] for comment in one.get("comments") or [] if not comment["internal"]]
    return str(one.get("resolution_notes") or (said[-1] if said else ""))


def comparable(one: Mapping[str, Any]) -> TrainingTicket:
    """A recent ticket for comparing."""
    created = one["created_at"]
    return TrainingTicket(
        f"{one['title']}\n{one['description']}",
        resolved=one["status"] in ("resolved", "closed"),
        created_at=datetime.fromisoformat(created) if created else None,
        reference=one["key"],
    )


async def write(
    flow: Flow, name: str, connection: str, act: str, *, ticket: str = "", values: Mapping[str, Any]
) -> Called:
    """Write to a connected system; proposed anew where the ticket was changed while the proposal waited."""
    found = Called("failed", "")
    for _ in range(_TRIES):
        found = await flow.call(
            name, "system_write", connection=connection, act=act, ticket=ticket, values=dict(values)
        )
        if found.problem != "conflict":
            break
    return found


def key_of(written: Called) -> str:
    """What people call what was written; empty where it was not, or the answer was lost."""
    found: Any = written.value if written.ok else None
    return str(cast("dict[str, Any]", found).get("key") or "") if isinstance(found, dict) else ""


def _text(ticket: Ticket) -> str:
    said = [f"{'Internal note' if one.internal else 'Comment'}: {one.text}" for one in ticket.comments]
    return "\n\n".join(part for part in (ticket.title, ticket.description, *said) if part)
