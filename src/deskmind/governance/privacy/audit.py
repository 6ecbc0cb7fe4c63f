"""The audit log as a personal store: events stay, the key that a person's fields are encrypted under goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from deskmind.database import Connection, Database
from deskmind.governance.audit.reading import EVENT_COLUMNS, AuditEvent, decrypted
from deskmind.governance.audit.subjects import SubjectKeys, SubjectRing
from deskmind.governance.privacy.catalogue import DATA_MAP, Holding
from deskmind.governance.privacy.stores import Counts, Subject

__all__ = ["AuditStore"]

_WHOSE = (
    "tenant_id = %s AND (principal_id = %s OR subject = ANY (%s) OR about = ANY (%s) OR resource = ANY (%s))"
)
_EVENTS = f"""
SELECT {EVENT_COLUMNS} FROM audit_events
 WHERE {_WHOSE} ORDER BY occurred_at, event_id
"""
OTHER = "another person"
"""Stands in an export for whom an event names besides the person."""

_COUNT = f"SELECT count(*) FROM audit_events WHERE {_WHOSE}"


class AuditStore:
    """Events of the tenant's log.

    Args:
        database: where it is.
    """

    name = "audit"

    def __init__(self, database: Database) -> None:
        self._database = database

    def declare(self) -> Sequence[Holding]:
        """Its tables."""
        return [holding for holding in DATA_MAP if holding.store.startswith("audit_")]

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        """What the person did, and what was done to that person."""
        async with self._database.transaction(subject.scope) as connection:
            values = await _whose(connection, subject)
            rows = await (await connection.execute(_EVENTS.encode(), values)).fetchall()
            events = await decrypted(connection, subject.scope.tenant_id, rows, only=values[2], others=OTHER)
        return [_told(event) for event in events]

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> Counts:
        """Destroy the keys under the person's id and names."""
        async with self._database.transaction(subject.scope) as connection:
            if dry_run:
                cursor = await connection.execute(_COUNT.encode(), await _whose(connection, subject))
                row = await cursor.fetchone()
                return {"erased": int(row[0])} if row and row[0] else {}
            keys = _keys(connection, subject)
            destroyed = [await keys.destroy(connection, name) for name in _known_as(subject)]
            return {"keys destroyed": sum(destroyed)} if any(destroyed) else {}


def _told(event: AuditEvent) -> dict[str, Any]:
    """An event as the person may have it."""
    names = (
        "occurred_at",
        "principal",
        "action",
        "resource",
        "outcome",
        "address",
        "correlation_id",
        "details",
    )
    return {name: value for name in names if (value := getattr(event, name)) not in ("", {})}


async def _whose(
    connection: Connection, subject: Subject
) -> tuple[UUID, UUID | None, list[UUID], list[UUID], list[str]]:
    keys = _keys(connection, subject)
    names = _known_as(subject)
    found: list[UUID] = [key for name in names for key in await keys.named(connection, name)]
    return (subject.scope.tenant_id, subject.principal_id, found, found, names)


def _keys(connection: Connection, subject: Subject) -> SubjectKeys:
    return connection.companion(SubjectRing).of(subject.scope.tenant_id)


def _known_as(subject: Subject) -> list[str]:
    ids = [str(subject.principal_id)] if subject.principal_id is not None else []
    names = [subject.name, *(identifier.value for identifier in subject.identifiers)]
    return list(dict.fromkeys([*ids, *(name for name in names if name)]))
