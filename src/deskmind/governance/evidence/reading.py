"""Reading the audit log for evidence: a period, oldest first, all of it or an error."""

from __future__ import annotations

from datetime import datetime

from deskmind.errors import InvalidRequestError
from deskmind.governance.audit import AuditEvent
from deskmind.governance.audit.service import AuditFilter, AuditLog

__all__ = ["MOST_EVENTS", "events_of"]

MOST_EVENTS = 100_000
"""Of one kind in a bundle; beyond it the log itself is to be exported."""


async def events_of(
    log: AuditLog, since: datetime, until: datetime, *actions: str, outcome: str | None = None
) -> list[AuditEvent]:
    """The events of a period whose action begins with one of ``actions`` (any, when there is none), oldest first.

    Raises:
        InvalidRequestError: there are more than ``MOST_EVENTS``; a bundle never leaves any out in silence.
    """
    found: dict[object, AuditEvent] = {}
    for action in actions or (None,):
        only = AuditFilter(action=action, outcome=outcome, since=since, until=until)
        for event in await log.search(only, limit=MOST_EVENTS + 1):
            found[event.event_id] = event
    if len(found) > MOST_EVENTS:
        raise InvalidRequestError(
            f"The period has more than {MOST_EVENTS:,} events of one kind.",
            why="A bundle is read as a whole.",
            remedy="Make bundles of shorter periods, or give `deskmind audit export`.",
        )
    return sorted(found.values(), key=lambda event: (event.occurred_at, str(event.event_id)))
