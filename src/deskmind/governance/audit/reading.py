"""Reading audit events: what is encrypted is shown where the person's key lives, and "erased subject" where it does not."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from deskmind.database import Connection
from deskmind.governance.audit.draft import ABOUT, BY, PERSON, bound_to
from deskmind.governance.audit.subjects import SubjectKey, SubjectRing

__all__ = ["ERASED", "EVENT_COLUMNS", "UNREADABLE", "AuditEvent", "decrypted", "read_events"]

ERASED = "erased subject"
"""Stands for a person whose key was destroyed."""

UNREADABLE = "unreadable"
"""Stands for what was not encrypted by us, or was changed."""

EVENT_COLUMNS = (
    "event_id, occurred_at, principal, action, resource, outcome, correlation_id, details, decision,"
    " subject, personal, about, about_personal"
)

_SELECT = f"SELECT {EVENT_COLUMNS} FROM audit_events WHERE tenant_id = %s"
_NEWEST = " ORDER BY occurred_at DESC, event_id DESC LIMIT %s"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One recorded act.

    Attributes:
        decision: what allowed or refused it, such as ``role:operator``; empty in events of older releases.
        address: from which network address; empty when it came from none.
        subject: the id of the key of the person who acted; None when it was no person.
    """

    event_id: UUID
    occurred_at: datetime
    principal: str
    action: str
    resource: str
    outcome: str
    correlation_id: str
    details: dict[str, Any]
    decision: str = ""
    address: str = ""
    subject: UUID | None = None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list of events."""
        return self.occurred_at, self.event_id


async def read_events(
    connection: Connection, tenant_id: UUID, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[AuditEvent]:
    """The newest events of a tenant, newest first, from ``before`` a place on."""
    older = " AND (occurred_at, event_id) < (%s, %s)" if before else ""
    statement = f"{_SELECT}{older}{_NEWEST}"
    cursor = await connection.execute(statement.encode(), (tenant_id, *(before or ()), limit))
    return await decrypted(connection, tenant_id, await cursor.fetchall())


async def decrypted(
    connection: Connection,
    tenant_id: UUID,
    rows: Sequence[Sequence[Any]],
    *,
    only: Container[UUID] | None = None,
    others: str = ERASED,
) -> list[AuditEvent]:
    """Rows of ``EVENT_COLUMNS`` as events.

    Args:
        connection: of who may read them.
        tenant_id: whose log.
        rows: the rows.
        only: the keys to read with; None for every key that is.
        others: what stands for a person whose key is not used.
    """
    named = [key for row in rows for key in (row[9], row[11]) if key is not None]
    wanted = [key for key in named if only is None or key in only]
    keys = await connection.companion(SubjectRing).of(tenant_id).known(connection, wanted) if wanted else {}
    return [_event(tenant_id, row, keys, others) for row in rows]


def _event(tenant_id: UUID, row: Sequence[Any], keys: Mapping[UUID, SubjectKey], others: str) -> AuditEvent:
    event_id, at, principal, action, resource, outcome, correlation, details, decision, subject, *rest = row
    personal, about, about_personal = rest
    address = ""
    if subject is not None:
        by = _content(keys.get(subject), personal, bound_to(tenant_id, event_id, BY), others)
        principal, address = (by, "") if isinstance(by, str) else (by["principal"], by["address"])
    if about is not None:
        whom = _content(keys.get(about), about_personal, bound_to(tenant_id, event_id, ABOUT), others)
        resource = resource or (whom if isinstance(whom, str) else whom.get("resource", ""))
        details = {key: _detail(key, value, whom) for key, value in details.items()}
    return AuditEvent(
        event_id, at, principal, action, resource, outcome, correlation, details, decision, address, subject
    )


def _content(key: SubjectKey | None, box: bytes, bound: bytes, others: str) -> dict[str, Any] | str:
    """What was encrypted, or what stands for it."""
    if key is None:
        return others
    content = key.decrypt(box, bound)
    return UNREADABLE if content is None else orjson.loads(content)


def _detail(key: str, value: object, whom: dict[str, Any] | str) -> object:
    if value != PERSON:
        return value
    return whom if isinstance(whom, str) else whom.get("details", {}).get(key, UNREADABLE)
