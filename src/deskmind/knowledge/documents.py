"""Documents as the asker sees them: list, show, delete."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from deskmind.database import Connection
from deskmind.errors import NotFoundError, PermissionDeniedError
from deskmind.knowledge.ingest.locking import lock_to_write
from deskmind.knowledge.ingest.store import supersede
from deskmind.scope import Scope

__all__ = [
    "SUMMARY_COLUMNS",
    "Document",
    "DocumentSummary",
    "delete_document",
    "document_read",
    "list_documents",
    "read_document",
    "reading_document",
]

SUMMARY_COLUMNS = "document_id, title, uri, media_type, chunk_count, version, updated_at, metadata"
_READ = """
SELECT document_id, title, uri, media_type, chunk_count, version, to_json(updated_at) #>> '{}', metadata, body
  FROM documents WHERE tenant_id = $1 AND document_id = $2
"""

_RECORD = re.compile(r"#record-[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document in a list."""

    document_id: UUID
    title: str
    uri: str
    media_type: str
    chunks: int
    version: int
    updated_at: datetime
    metadata: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "document_id": str(self.document_id),
            "title": self.title,
            "uri": self.uri,
            "media_type": self.media_type,
            "chunks": self.chunks,
            "version": self.version,
            "updated_at": self.updated_at.isoformat(),
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its text."""

    summary: DocumentSummary
    text: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.summary.as_dict(), "text": self.text}


async def list_documents(
    connection: Connection, scope: Scope, *, limit: int, after: UUID | None
) -> list[DocumentSummary]:
    """Documents the scope may see, ordered by id, beginning after ``after``."""
    cursor = await connection.execute(
        f"SELECT {SUMMARY_COLUMNS} FROM documents WHERE tenant_id = %s AND (%s::uuid IS NULL OR document_id > %s)"
        " ORDER BY document_id LIMIT %s",
        (scope.tenant_id, after, after, limit),
    )
    return [DocumentSummary(*row) for row in await cursor.fetchall()]


def reading_document(scope: Scope, document_id: UUID) -> tuple[str, Sequence[str]]:
    """What a transaction that reads a document begins with; ``document_read`` takes what it gives."""
    return _READ, (str(scope.tenant_id), str(document_id))


def document_read(connection: Connection, document_id: UUID) -> Document:
    """The document that a transaction began with.

    Raises:
        NotFoundError: there is none of that id that the scope may see.
    """
    if not connection.first:
        raise _no_document(document_id)
    found, title, uri, media_type, chunks, version, updated_at, metadata, body = map(str, connection.first[0])
    moment = datetime.fromisoformat(updated_at)
    summary = DocumentSummary(
        UUID(found), title, uri, media_type, int(chunks), int(version), moment, orjson.loads(metadata)
    )
    return Document(summary, body)


async def read_document(connection: Connection, scope: Scope, document_id: UUID) -> Document:
    """One document.

    Raises:
        NotFoundError: there is none of that id that the scope may see.
    """
    cursor = await connection.execute(
        f"SELECT {SUMMARY_COLUMNS}, body FROM documents WHERE tenant_id = %s AND document_id = %s",
        (scope.tenant_id, document_id),
    )
    row = await cursor.fetchone()
    if row is None:
        raise _no_document(document_id)
    return Document(DocumentSummary(*row[:8]), row[8])


async def delete_document(connection: Connection, scope: Scope, document_id: UUID) -> None:
    """Remove a document with everything derived from it; a newer state of its file that still waits is left out.

    Raises:
        NotFoundError: there is none of that id that the scope may see.
        PermissionDeniedError: it belongs to someone else.
    """
    await lock_to_write(connection)
    await read_document(connection, scope, document_id)
    cursor = await connection.execute(
        "DELETE FROM documents WHERE tenant_id = %s AND document_id = %s RETURNING source_id, external_id",
        (scope.tenant_id, document_id),
    )
    if (gone := await cursor.fetchone()) is None:
        raise PermissionDeniedError(
            f"{scope.principal} may not delete this document.",
            why="It was added by someone else.",
            remedy="Ask an operator of the tenant.",
        )
    source_id, external_id = gone
    await supersede(connection, scope, source_id, [external_id, _RECORD.sub("", external_id)])


def _no_document(document_id: UUID) -> NotFoundError:
    return NotFoundError(
        f"There is no document {document_id}.",
        remedy="`deskmind documents list` shows the documents you may see.",
    )
