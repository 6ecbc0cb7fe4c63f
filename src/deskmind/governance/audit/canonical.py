"""The canonical bytes of an event: what is hashed, exported and checked again.

One JSON object on one line, UTF-8, with fixed members in a fixed order and no spaces between them::

    {"audit":1,"tenant":"…","event":"…","at":"2026-01-31T09:15:00.000000Z","principal_id":"…","principal":"…",
     "action":"…","resource":"…","outcome":"…","correlation":"…","details":{…}}

``audit`` is the version of the form. Strings are escaped as little as JSON allows, as PostgreSQL's ``to_json`` does;
``details`` is the text that PostgreSQL prints of the column, which is the same for equal values. So both the database
and Python make these bytes, and whoever holds the columns can make them again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

__all__ = ["VERSION", "RecordedEvent", "canonical_bytes", "tenant_prefix"]

VERSION = 1
_string = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """The columns of an event.

    Attributes:
        tenant_id: whose event; nil for acts on the installation.
        event_id: its own.
        occurred_at: when, with time zone; microseconds count.
        principal_id: who acted.
        principal: that one's name.
        action: the permission's name.
        resource: what was acted on, an identifier.
        outcome: how it ended.
        correlation_id: of the request.
        details: the column as the database prints it (``details::text``).
    """

    tenant_id: UUID
    event_id: UUID
    occurred_at: datetime
    principal_id: UUID
    principal: str
    action: str
    resource: str
    outcome: str
    correlation_id: str
    details: str


def canonical_bytes(event: RecordedEvent) -> bytes:
    """The bytes that stand for an event, the same wherever and whenever they are made.

    Raises:
        ValueError: the time has no time zone.
    """
    if event.occurred_at.tzinfo is None:
        raise ValueError("an event's time has a time zone")
    at = event.occurred_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return (
        f'{_prefix(event.tenant_id)}"event":"{event.event_id}","at":"{at}Z","principal_id":"{event.principal_id}",'
        f'"principal":{_string(event.principal)},"action":{_string(event.action)},'
        f'"resource":{_string(event.resource)},"outcome":{_string(event.outcome)},'
        f'"correlation":{_string(event.correlation_id)},"details":{event.details}}}'
    ).encode()


def tenant_prefix(tenant_id: UUID) -> bytes:
    """What the canonical bytes of each of a tenant's events begin with."""
    return _prefix(tenant_id).encode()


def _prefix(tenant_id: UUID) -> str:
    return f'{{"audit":{VERSION},"tenant":"{tenant_id}",'
