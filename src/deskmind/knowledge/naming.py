"""Documents found by what people call them, and what tells whether they have changed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from deskmind.database import Connection
from deskmind.errors import NotFoundError
from deskmind.knowledge.documents import SUMMARY_COLUMNS, Document, DocumentSummary
from deskmind.scope import Scope

__all__ = ["document_versions", "find_ticket", "knowledge_view", "named_documents", "ticket_versions"]

_NAMED = f"""
SELECT {SUMMARY_COLUMNS} FROM documents
 WHERE tenant_id = %(tenant)s AND (%(kind)s = '' OR metadata ->> 'kind' = %(kind)s) AND external_id NOT LIKE '%%/internal'
   AND (title ILIKE %(anywhere)s OR metadata ->> 'key' ILIKE %(beginning)s OR document_id::text LIKE %(beginning)s)
 ORDER BY metadata ->> 'key' ILIKE %(beginning)s DESC NULLS LAST, title, document_id LIMIT %(limit)s
"""
"""Reads every document that the scope sees once: no index serves a pattern under row-level security."""

_TICKET = f"""
SELECT {SUMMARY_COLUMNS}, body FROM documents
 WHERE tenant_id = %s AND metadata @> jsonb_build_object('kind', 'ticket', 'key', %s::text)
   AND external_id NOT LIKE '%%/internal'
 ORDER BY updated_at DESC LIMIT 1
"""


async def named_documents(
    connection: Connection, scope: Scope, text: str, *, limit: int, kind: str = ""
) -> list[DocumentSummary]:
    """Documents whose title holds a text, or whose id or key begins with it; the latter first, then by title."""
    pattern = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    given = {"tenant": scope.tenant_id, "kind": kind, "limit": limit}
    cursor = await connection.execute(
        _NAMED, {**given, "anywhere": f"%{pattern}%", "beginning": f"{pattern}%"}
    )
    return [DocumentSummary(*row) for row in await cursor.fetchall()]


async def find_ticket(connection: Connection, scope: Scope, key: str) -> Document:
    """The ticket of a connected system that people call by a key, without its internal comments.

    Raises:
        NotFoundError: there is none that the scope may see.
    """
    cursor = await connection.execute(_TICKET, (scope.tenant_id, key))
    row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(
            f"There is no ticket '{key[:80]}'.", why="It was not read, or you may not see it."
        )
    return Document(DocumentSummary(*row[:8]), row[8])


async def ticket_versions(connection: Connection, scope: Scope, keys: Sequence[str]) -> dict[str, str]:
    """The same of tickets, by what people call them; reads every document that the scope sees once."""
    cursor = await connection.execute(
        "SELECT metadata ->> 'key', string_agg(version || ':' || updated_at, ' ' ORDER BY document_id) FROM documents"
        " WHERE tenant_id = %s AND metadata ->> 'kind' = 'ticket' AND metadata ->> 'key' = ANY(%s)"
        " AND external_id NOT LIKE '%%/internal' GROUP BY 1",
        (scope.tenant_id, list(keys)),
    )
    return dict(await cursor.fetchall())


async def knowledge_view(connection: Connection) -> str:
    """What changes whenever a document, or the lists of readers that let the scope in, do; by index."""
    cursor = await connection.execute("SELECT coalesce(knowledge_view(), '')")
    row = await cursor.fetchone()
    return str(row[0]) if row is not None else ""


async def document_versions(connection: Connection, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, str]:
    """What changes whenever a document does, of those that the scope may see."""
    cursor = await connection.execute(
        "SELECT document_id, version, updated_at FROM documents WHERE tenant_id = %s AND document_id = ANY(%s)",
        (scope.tenant_id, list(ids)),
    )
    return {found: f"{version}:{at.timestamp()}" for found, version, at in await cursor.fetchall()}
