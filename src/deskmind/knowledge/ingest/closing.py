"""The end of an ingest: when none of its files waits, done or cancelled."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb

from deskmind.database import Connection
from deskmind.errors import ConflictError
from deskmind.knowledge.measures import count_files
from deskmind.scope import Scope

__all__ = ["cancel_files", "close_ingest"]

_CANCEL = """
UPDATE ingest_files SET state = 'failed', content = NULL, problem = %s
 WHERE tenant_id = %s AND ingest_id = %s AND state = 'pending' AND ordinal BETWEEN %s AND %s
"""

_CLOSE = """
UPDATE ingests i SET state = 'done', finished_at = now()
 WHERE i.tenant_id = %s AND i.ingest_id = %s AND i.state = 'ready' AND NOT EXISTS (
    SELECT FROM ingest_files f WHERE f.tenant_id = i.tenant_id AND f.ingest_id = i.ingest_id AND f.state = 'pending')
"""


async def close_ingest(connection: Connection, scope: Scope, ingest_id: UUID) -> None:
    """Say that an ingest is done, where none of its files waits."""
    await connection.execute(_CLOSE, (scope.tenant_id, ingest_id))


async def cancel_files(
    connection: Connection, scope: Scope, ingest_id: UUID, *, first: int, last: int
) -> None:
    """Mark what waits, ``first`` ≤ ordinal ≤ ``last``, as failed; what was stored of these files before stays."""
    problem = ConflictError(
        "The file was not taken in.",
        why="An operator cancelled the job while it waited.",
        remedy="Send the file again.",
    ).problem()
    cursor = await connection.execute(_CANCEL, (Jsonb(problem), scope.tenant_id, ingest_id, first, last))
    count_files("failed", cursor.rowcount)
    await close_ingest(connection, scope, ingest_id)
