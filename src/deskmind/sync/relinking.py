"""An instance has moved: what was read from it keeps its links, at the new address."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from deskmind.database import Connection as DatabaseConnection
from deskmind.knowledge.ingest.locking import lock_to_write
from deskmind.scope import OPERATOR, Scope

__all__ = ["relink"]

_RECORDS = """
UPDATE synced_records SET url = %(new)s || substr(url, %(length)s) WHERE tenant_id = %(tenant)s
   AND connection_id = %(connection)s AND (url = %(old)s OR starts_with(url, %(old)s || '/'))
"""
_DOCUMENTS = """
UPDATE documents d SET uri = %(new)s || substr(d.uri, %(length)s) FROM sources s
 WHERE s.tenant_id = %(tenant)s AND s.owner_id = %(operator)s AND s.name = %(source)s AND d.tenant_id = s.tenant_id
   AND d.source_id = s.source_id AND (d.uri = %(old)s OR starts_with(d.uri, %(old)s || '/'))
"""
_STAGED = """
UPDATE ingest_files f SET uri = %(new)s || substr(f.uri, %(length)s) FROM sources s, ingests i
 WHERE s.tenant_id = %(tenant)s AND s.owner_id = %(operator)s AND s.name = %(source)s AND i.tenant_id = s.tenant_id
   AND i.source_id = s.source_id AND f.tenant_id = i.tenant_id AND f.ingest_id = i.ingest_id AND f.state = 'pending'
   AND starts_with(f.uri, %(old)s || '/')
"""


async def relink(
    connection: DatabaseConnection, scope: Scope, connection_id: UUID, *, source: str, old: str, new: str
) -> None:
    """Have links that begin with the old address begin with the new one, in an operator's transaction.

    Nothing is read or embedded again; remembered answers are forgotten, as with any change of knowledge.

    Args:
        connection: the transaction.
        scope: its scope.
        connection_id: what has moved.
        source: its knowledge source.
        old, new: its address, without a slash at the end.
    """
    await lock_to_write(connection)
    given: dict[str, Any] = {
        "connection": connection_id,
        "old": old,
        "new": new,
        "tenant": scope.tenant_id,
        "operator": OPERATOR,
        "source": source,
        "length": len(old) + 1,
    }
    for statement in (_RECORDS, _DOCUMENTS, _STAGED):
        await connection.execute(statement, given)
