"""Every text of a tenant that may mention people, for looking through after a restore. Nothing of it is kept or shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from deskmind.database import Database
from deskmind.governance.privacy.stores import PersonalStore
from deskmind.governance.privacy.tables import TableStore, without_time_limit
from deskmind.scope import OPERATOR, Scope

__all__ = ["texts_of"]

_AT_ONCE = 200
_ELSEWHERE = (
    *(("documents", column) for column in ("title", "uri", "external_id", "metadata", "body")),
    *(("synced_records", column) for column in ("record_key", "record", "raw")),
)
"""What stores of upper floors mask, each in its own way."""

_PRINCIPALS = "SELECT principal_id, name FROM principals WHERE tenant_id = %s AND kind <> 'group'"


async def texts_of(database: Database, scope: Scope, stores: Iterable[PersonalStore]) -> AsyncIterator[str]:
    """The texts of an operator's tenant in which stores mask mentions. O(texts); a batch in memory.

    What nobody but its principal may read, such as conversations, is read in that one's scope, by this process alone.
    """
    tables = [store for store in stores if isinstance(store, TableStore)]
    async for text in _read(
        database, scope, [*(column for store in tables for column in store.masked), *_ELSEWHERE]
    ):
        yield text
    private = [column for store in tables if store.private for column in store.masked]
    async with database.transaction(scope) as connection:
        rows = await (await connection.execute(_PRINCIPALS, (scope.tenant_id,))).fetchall()
    for principal_id, name in [(OPERATOR, "operator"), *rows]:
        own = Scope("desk", scope.tenant_id, scope.tenant, principal_id, name)
        async for text in _read(database, own, private):
            yield text


async def _read(database: Database, scope: Scope, columns: Iterable[tuple[str, str]]) -> AsyncIterator[str]:
    by_table: dict[str, list[str]] = {}
    for table, column in columns:
        by_table.setdefault(table, []).append(column)
    for table, named in by_table.items():
        statement = f"SELECT concat_ws(' ', {', '.join(named)}) FROM {table} WHERE tenant_id = %s"
        async with database.transaction(scope) as connection:
            await without_time_limit(connection)
            async with connection.cursor(name="texts") as cursor:
                cursor.itersize = _AT_ONCE
                await cursor.execute(statement.encode(), (scope.tenant_id,))
                async for (text,) in cursor:
                    yield text
