"""What became of each file of an ingest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from deskmind.database import Connection

__all__ = ["FileReport", "IngestReport", "load_report"]

_SELECT = """
SELECT i.ingest_id, i.state, f.uri, f.state, f.documents, f.chunks, f.problem
  FROM ingests i LEFT JOIN ingest_files f ON f.tenant_id = i.tenant_id AND f.ingest_id = i.ingest_id
 WHERE i.tenant_id = %s AND i.ingest_id = %s ORDER BY f.ordinal
"""


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file: ``pending``, ``stored``, ``unchanged`` or ``failed`` with its problem."""

    uri: str
    state: str
    documents: int
    chunks: int
    problem: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class IngestReport:
    """An ingest: ``staging``, ``ready`` (being processed) or ``done``."""

    ingest_id: UUID
    state: str
    files: tuple[FileReport, ...]

    def count(self, state: str) -> int:
        """Files in a state."""
        return sum(file.state == state for file in self.files)

    @property
    def documents(self) -> int:
        """Documents stored."""
        return sum(file.documents for file in self.files)

    @property
    def chunks(self) -> int:
        """Chunks stored."""
        return sum(file.chunks for file in self.files)

    @property
    def failures(self) -> tuple[FileReport, ...]:
        """Files that could not be taken in."""
        return tuple(file for file in self.files if file.state == "failed")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ingest_id": str(self.ingest_id),
            "state": self.state,
            "stored": self.count("stored"),
            "unchanged": self.count("unchanged"),
            "failed": self.count("failed"),
            "pending": self.count("pending"),
            "documents": self.documents,
            "chunks": self.chunks,
            "failures": [{"uri": file.uri, **(file.problem or {})} for file in self.failures],
        }


async def load_report(connection: Connection, tenant_id: UUID, ingest_id: UUID) -> IngestReport | None:
    """The report of an ingest that the scope may see, None when there is none."""
    cursor = await connection.execute(_SELECT, (tenant_id, ingest_id))
    rows = await cursor.fetchall()
    if not rows:
        return None
    return IngestReport(
        rows[0][0], rows[0][1], tuple(FileReport(*row[2:]) for row in rows if row[2] is not None)
    )
