"""The audit log as a personal store: events stay, the key that a person's fields are encrypted under goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

from psycopg.rows import dict_row

from deskmind.database import Connection, Database
from deskmind.governance.privacy.catalogue import DATA_MAP, Holding
from deskmind.governance.privacy.stores import Counts, Subject

__all__ = ["AuditStore", "SubjectKeyring"]

_EVENTS = """
SELECT occurred_at, action, resource, outcome, correlation_id FROM audit_events
 WHERE tenant_id = %s AND principal_id = %s ORDER BY occurred_at, event_id
"""


class SubjectKeyring(Protocol):
    """The keys of data subjects, as ``deskmind.governance.audit.subjects`` keeps them."""

    async def destroy(self, connection: Connection, subject: str) -> bool:
        """Destroy a subject's key in the caller's transaction; gives whether there was one."""
        ...


class AuditStore:
    """Events of the tenant's log."""

    name = "audit"

    def __init__(self, database: Database, keys: Callable[[UUID], SubjectKeyring] | None = None) -> None:
        """The log.

        Args:
            database: where it is.
            keys: of a tenant's subjects; without them events keep their names, and erasures say how many.
        """
        self._database = database
        self._keys = keys

    def declare(self) -> Sequence[Holding]:
        """Its tables."""
        return [holding for holding in DATA_MAP if holding.store.startswith("audit_")]

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        """What the person did."""
        async with self._database.transaction(subject.scope) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(_EVENTS, (subject.scope.tenant_id, subject.principal_id))
            return await cursor.fetchall()

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> Counts:
        """Destroy the keys under the person's id and name."""
        async with self._database.transaction(subject.scope) as connection:
            if self._keys is None or dry_run:
                count = await self._events(connection, subject)
                return {("kept" if self._keys is None else "erased"): count} if count else {}
            subjects = [str(subject.principal_id)] if subject.principal_id is not None else []
            subjects += [identifier.value for identifier in subject.identifiers]
            keys = self._keys(subject.scope.tenant_id)
            destroyed = [await keys.destroy(connection, name) for name in dict.fromkeys(subjects)]
            return {"keys destroyed": sum(destroyed)} if any(destroyed) else {}

    async def _events(self, connection: Connection, subject: Subject) -> int:
        names = [subject.name, *(identifier.value for identifier in subject.identifiers)]
        cursor = await connection.execute(
            "SELECT count(*) FROM audit_events WHERE tenant_id = %s AND (principal_id = %s OR resource = ANY (%s))",
            (subject.scope.tenant_id, subject.principal_id, [name for name in names if name]),
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0
