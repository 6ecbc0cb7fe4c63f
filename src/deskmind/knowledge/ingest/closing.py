"""The end of an ingest: when none of its files waits, done or cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, WorkerDiedError
from deskmind.knowledge.measures import count_files
from deskmind.scope import Scope

__all__ = ["cancel_files", "close_ingest", "give_up_files"]

_FAIL = """
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
    await _fail_files(connection, scope, ingest_id, first, last, problem)


async def give_up_files(database: Database, arguments: Mapping[str, str]) -> None:
    """Mark what waits of a job whose workers died of it as failed."""
    problem = WorkerDiedError(
        "The file was not taken in.",
        why="Workers died again and again while they took in this file or one beside it; they may have run out of memory.",
        remedy="Send the files again one by one: the one that ends a worker is too large for it, or damaged.",
    ).problem()
    scope = Scope.operator(UUID(arguments["tenant_id"]), "", "worker")
    first, last = int(arguments["first"]), int(arguments["last"])
    async with database.transaction(scope) as connection:
        await _fail_files(connection, scope, UUID(arguments["ingest_id"]), first, last, problem)


async def _fail_files(
    connection: Connection, scope: Scope, ingest_id: UUID, first: int, last: int, problem: dict[str, Any]
) -> None:
    cursor = await connection.execute(_FAIL, (Jsonb(problem), scope.tenant_id, ingest_id, first, last))
    count_files("failed", cursor.rowcount)
    await close_ingest(connection, scope, ingest_id)
