"""What connected systems teach redaction: the names of people, devices and organisations."""

from __future__ import annotations

from deskmind.database import Connection as DatabaseConnection
from deskmind.governance.redaction import EntityType
from deskmind.scope import Scope
from deskmind.sync.connections import Connection

__all__ = ["learn_names"]

_MOST = 200_000
_LEARN = """
INSERT INTO directory_entries (tenant_id, source, type, value)
SELECT DISTINCT %(tenant)s::uuid, %(source)s, n.type, btrim(n.value) FROM synced_records r, LATERAL (
    SELECT %(person)s, r.record->>'name' WHERE r.kind = 'person'
    UNION ALL SELECT %(username)s, r.record->>'login' WHERE r.kind = 'person' AND r.record->>'login' !~ '@'
    UNION ALL SELECT %(organisation)s, r.record->>'name' WHERE r.kind = 'organisation'
    UNION ALL SELECT %(host)s, h FROM jsonb_array_elements_text(r.record->'hosts') h WHERE r.kind = 'configuration-item'
    UNION ALL SELECT %(asset)s, r.record->>'asset_tag' WHERE r.kind = 'configuration-item'
    UNION ALL SELECT %(asset)s, r.record->>'serial_number' WHERE r.kind = 'configuration-item') n(type, value)
 WHERE r.tenant_id = %(tenant)s AND r.connection_id = %(connection)s
   AND r.kind IN ('person', 'organisation', 'configuration-item') AND length(btrim(n.value)) BETWEEN 3 AND 200
 LIMIT %(most)s ON CONFLICT DO NOTHING
"""


async def learn_names(connection: DatabaseConnection, scope: Scope, found: Connection) -> int:
    """Put a connection's names in place of those it taught before, in an operator's transaction."""
    await connection.execute(
        "DELETE FROM directory_entries WHERE tenant_id = %s AND source = %s", (scope.tenant_id, found.name)
    )
    cursor = await connection.execute(
        _LEARN,
        {
            "tenant": scope.tenant_id,
            "connection": found.connection_id,
            "source": found.name,
            "person": str(EntityType.PERSON),
            "username": str(EntityType.USERNAME),
            "organisation": str(EntityType.ORGANISATION),
            "host": str(EntityType.HOST),
            "asset": str(EntityType.ASSET),
            "most": _MOST,
        },
    )
    return cursor.rowcount
