"""The canonical bytes of an event: what is hashed, exported and checked again.

One JSON object on one line, UTF-8, with fixed members in a fixed order and no spaces between them::

    {"audit":2,"tenant":"…","event":"…","at":"2026-01-31T09:15:00.000000Z","by_person":["key","encrypted"],
     "about_person":["key","encrypted"],"action":"…","resource":"…","outcome":"…","decision":"…","correlation":"…",
     "details":{…}}

``audit`` is the version of the form. What names a person is encrypted: ``by_person`` and ``about_person`` hold the id of
that person's key and what was encrypted under it, in hexadecimal, see ``subjects``. When no person acted, ``"by":["id","name"]``
stands for ``by_person``; when the act was about nobody, ``about_person`` is left out. The first form, of events from before
there were such keys, has ``"principal_id":"…","principal":"…"`` in clear, and no ``decision``.

Strings are escaped as little as JSON allows, as PostgreSQL's ``to_json`` does; ``details`` is the text that PostgreSQL
prints of the column, which is the same for equal values. So both the database and Python make these bytes, and whoever
holds the columns can make them again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

__all__ = ["FORMS", "RecordedEvent", "canonical_bytes", "tenant_prefixes"]

FORMS = (1, 2)
"""Versions of the form that are known here; the last is the one of new events."""

_string = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """The columns of an event.

    Attributes:
        tenant_id: whose event; nil for acts on the installation.
        event_id: its own.
        occurred_at: when, with time zone; microseconds count.
        principal_id: who acted; None when that is encrypted.
        principal: that one's name; empty when it is encrypted.
        action: the permission's name.
        resource: what was acted on, an identifier.
        outcome: how it ended.
        correlation_id: of the request.
        details: the column as the database prints it (``details::text``).
        form: of the canonical bytes.
        subject: the key of the person who acted, if it was a person.
        personal: what was encrypted under it.
        about: the key of the person whom the act was about, if it was about one.
        about_personal: what was encrypted under that.
        decision: what allowed or refused the act.
    """

    tenant_id: UUID
    event_id: UUID
    occurred_at: datetime
    principal_id: UUID | None
    principal: str
    action: str
    resource: str
    outcome: str
    correlation_id: str
    details: str
    form: int = 1
    subject: UUID | None = None
    personal: bytes | None = None
    about: UUID | None = None
    about_personal: bytes | None = None
    decision: str = ""


def canonical_bytes(event: RecordedEvent) -> bytes:
    """The bytes that stand for an event, the same wherever and whenever they are made.

    Raises:
        ValueError: the time has no time zone.
    """
    if event.occurred_at.tzinfo is None:
        raise ValueError("an event's time has a time zone")
    at = event.occurred_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    decision = "" if event.form == 1 else f'"decision":{_string(event.decision)},'
    return (
        f'{_prefix(event.form, event.tenant_id)}"event":"{event.event_id}","at":"{at}Z",{_who(event)},'
        f'"action":{_string(event.action)},"resource":{_string(event.resource)},'
        f'"outcome":{_string(event.outcome)},{decision}'
        f'"correlation":{_string(event.correlation_id)},"details":{event.details}}}'
    ).encode()


def tenant_prefixes(tenant_id: UUID) -> tuple[bytes, ...]:
    """What the canonical bytes of each of a tenant's events begin with: one of these."""
    return tuple(_prefix(form, tenant_id).encode() for form in FORMS)


def _who(event: RecordedEvent) -> str:
    """Who acted, and about whom."""
    if event.form == 1:
        return f'"principal_id":"{event.principal_id}","principal":{_string(event.principal)}'
    if event.personal is None:
        by = f'"by":["{event.principal_id}",{_string(event.principal)}]'
    else:
        by = f'"by_person":["{event.subject}","{event.personal.hex()}"]'
    if event.about_personal is None:
        return by
    return f'{by},"about_person":["{event.about}","{event.about_personal.hex()}"]'


def _prefix(form: int, tenant_id: UUID) -> str:
    return f'{{"audit":{form},"tenant":"{tenant_id}",'
