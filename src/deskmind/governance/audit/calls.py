"""Model calls in the audit log: events made of the ledger's rows when a log is sealed, so that nothing is written twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from psycopg import errors as pg

from deskmind.database import Connection, Database
from deskmind.governance.audit.draft import BY, bound_to
from deskmind.governance.audit.subjects import Person, SubjectRing
from deskmind.observability import logger
from deskmind.scope import OPERATOR, Scope
from deskmind.tenantwise import in_each

__all__ = ["CallEvents"]

_BATCH = 1_000
_log = logger("deskmind.audit")

_DUE = """
SELECT d.call_id, u.principal_id, coalesce(p.name, '')
  FROM (SELECT * FROM audit_calls_due WHERE tenant_id = %s ORDER BY started_at, call_id LIMIT %s) d
  JOIN usage_entries u ON u.tenant_id = d.tenant_id AND u.started_at = d.started_at AND u.call_id = d.call_id
  LEFT JOIN principals p ON p.tenant_id = u.tenant_id AND p.principal_id = u.principal_id
"""
_DERIVE = "SELECT audit_derive(%s, %s)"


class CallEvents:
    """Makes the events of calls that the ledger booked.

    The id of such an event is the call's, its time that of the call's beginning, and all but the person is taken from the
    ledger by the database.

    Args:
        database: of the application; the work is done in the scope of each tenant's operator.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def derive(self, tenants: Sequence[UUID]) -> int:
        """The events of what is due in these tenants; gives how many were made.

        Raises:
            Exception: the first that a tenant raised, after all were taken.
        """
        made: list[int] = []

        async def take(scope: Scope) -> None:
            made.append(await self._of(scope))

        await in_each([(Scope.operator(tenant, str(tenant), "ledger"),) for tenant in tenants], take)
        return sum(made)

    async def _of(self, scope: Scope) -> int:
        tenant_id, total = scope.tenant_id, 0
        made = _BATCH
        try:
            while made == _BATCH:
                async with self._database.transaction(scope) as connection:
                    made = await self._batch(connection, tenant_id)
                total += made
        except (pg.InsufficientPrivilege, pg.ForeignKeyViolation):
            _log.info("audit.tenant_gone")  # erased since it was asked for
        return total

    async def _batch(self, connection: Connection, tenant_id: UUID) -> int:
        cursor = await connection.execute(_DUE, (tenant_id, _BATCH))
        boxes = [await self._box(connection, tenant_id, row) for row in await cursor.fetchall()]
        if not boxes:
            return 0
        values = (tenant_id, orjson.dumps(boxes).decode())
        row = await (await connection.execute(_DERIVE, values)).fetchone()
        made = row[0] if row is not None else 0
        if made < len(boxes):  # a key that is remembered here was destroyed: the next seal makes another
            connection.companion(SubjectRing).forget()
        return made

    async def _box(self, connection: Connection, tenant_id: UUID, row: Sequence[Any]) -> dict[str, Any]:
        call_id, principal_id, name = row
        if principal_id == OPERATOR:
            return {"call_id": call_id}
        key = await connection.companion(SubjectRing).of(tenant_id).of(connection, Person(name, principal_id))
        whom = {"principal_id": str(principal_id), "principal": name or str(principal_id), "address": ""}
        box = key.encrypt(orjson.dumps(whom), bound_to(tenant_id, call_id, BY))
        return {"call_id": call_id, "subject": key.key_id, "personal": box.hex()}
