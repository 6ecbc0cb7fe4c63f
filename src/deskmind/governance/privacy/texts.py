"""Every text of a tenant that may mention people, for looking through after a restore. Nothing of it is kept or shown."""

from __future__ import annotations

from collections.abc import AsyncIterator

from deskmind.database import Database
from deskmind.governance.privacy.tables import without_time_limit
from deskmind.scope import OPERATOR, Scope

__all__ = ["texts_of"]

_AT_ONCE = 200

_OPERATORS = """
SELECT concat_ws(' ', title, uri, external_id, metadata, body) FROM documents WHERE tenant_id = %(tenant)s
UNION ALL SELECT concat_ws(' ', question, told) FROM request_stories WHERE tenant_id = %(tenant)s
UNION ALL SELECT correction FROM feedback WHERE tenant_id = %(tenant)s AND correction <> ''
UNION ALL SELECT concat_ws(' ', external_id, uri, name, metadata, problem) FROM ingest_files WHERE tenant_id = %(tenant)s
UNION ALL SELECT name FROM sources WHERE tenant_id = %(tenant)s
UNION ALL SELECT concat_ws(' ', record_key, record, raw) FROM synced_records WHERE tenant_id = %(tenant)s
UNION ALL SELECT value FROM directory_entries WHERE tenant_id = %(tenant)s
UNION ALL SELECT name FROM api_keys WHERE tenant_id = %(tenant)s
UNION ALL SELECT reason FROM access_grants WHERE tenant_id = %(tenant)s AND reason <> ''
UNION ALL SELECT concat_ws(' ', author, note, content) FROM prompt_versions WHERE tenant_id = %(tenant)s
UNION ALL SELECT moved_by FROM prompt_labels WHERE tenant_id = %(tenant)s
UNION ALL SELECT started_by FROM experiments WHERE tenant_id = %(tenant)s
UNION ALL SELECT concat_ws(' ', definition, prompt, untrusted, output) FROM agent_runs WHERE tenant_id = %(tenant)s
UNION ALL SELECT content::text FROM agent_steps WHERE tenant_id = %(tenant)s
UNION ALL SELECT concat_ws(' ', arguments, changes, prepared, reason, answer) FROM agent_proposals WHERE tenant_id = %(tenant)s
UNION ALL SELECT reason FROM agent_votes WHERE tenant_id = %(tenant)s AND reason <> ''
UNION ALL SELECT reason FROM agent_switches WHERE tenant_id = %(tenant)s AND reason <> ''
"""
_OWN = """
SELECT concat_ws(' ', title, summary) FROM conversations WHERE tenant_id = %(tenant)s
UNION ALL SELECT content FROM turns WHERE tenant_id = %(tenant)s
"""
"""What nobody but its principal may read: it is read in that one's scope, by this process alone."""

_PRINCIPALS = "SELECT principal_id, name FROM principals WHERE tenant_id = %s AND kind <> 'group'"


async def texts_of(database: Database, scope: Scope) -> AsyncIterator[str]:
    """The texts of an operator's tenant, conversations of all its people among them. O(texts); a batch in memory."""
    async for text in _read(database, scope, _OPERATORS):
        yield text
    async with database.transaction(scope) as connection:
        rows = await (await connection.execute(_PRINCIPALS, (scope.tenant_id,))).fetchall()
    for principal_id, name in [(OPERATOR, "operator"), *rows]:
        own = Scope("desk", scope.tenant_id, scope.tenant, principal_id, name)
        async for text in _read(database, own, _OWN):
            yield text


async def _read(database: Database, scope: Scope, statement: str) -> AsyncIterator[str]:
    async with database.transaction(scope) as connection:
        await without_time_limit(connection)
        async with connection.cursor(name="texts") as cursor:
            cursor.itersize = _AT_ONCE
            await cursor.execute(statement.encode(), {"tenant": scope.tenant_id})
            async for (text,) in cursor:
                yield text
