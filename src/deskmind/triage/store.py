"""Models in the database, under row-level security."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from deskmind.database import Connection
from deskmind.scope import Scope
from deskmind.triage.archive import digest
from deskmind.triage.model import Provenance

__all__ = ["StoredModel", "insert_model", "list_models", "newest_model", "read_weights"]

_KEPT = 5

_COLUMNS = "SELECT version, trained_by, sha256, provenance, length(weights) FROM triage_models"
_LIST = _COLUMNS + " WHERE tenant_id = %s ORDER BY version DESC LIMIT %s"
_WEIGHTS = (
    "SELECT weights FROM triage_models WHERE tenant_id = %s AND sha256 = %s ORDER BY version DESC LIMIT 1"
)
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('deskmind.triage.' || %s::text, 0))"
_NEXT = "SELECT coalesce(max(version), 0) + 1 FROM triage_models WHERE tenant_id = %s"
_INSERT = """
INSERT INTO triage_models (tenant_id, version, trained_at, trained_by, sha256, provenance, weights)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_PRUNE = "DELETE FROM triage_models WHERE tenant_id = %s AND version <= %s"


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model of a tenant.

    Attributes:
        version: 1, 2, …; the highest predicts.
        trained_by: the principal's name.
        sha256: of its bytes.
        provenance: trained when, on how many tickets, how good.
        size: bytes.
    """

    version: int
    trained_by: str
    sha256: str
    provenance: Provenance
    size: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "version": self.version,
            "trained_by": self.trained_by,
            "sha256": self.sha256,
            "size": self.size,
            **self.provenance.as_dict(),
        }


async def insert_model(
    connection: Connection, scope: Scope, data: bytes, provenance: Provenance
) -> StoredModel:
    """Keep a model as the newest version; the five newest stay."""
    await connection.execute(_LOCK, (scope.tenant_id,))
    cursor = await connection.execute(_NEXT, (scope.tenant_id,))
    row = await cursor.fetchone()
    version, sha256 = (row[0] if row else 1), digest(data)
    told = Jsonb(provenance.as_dict())
    await connection.execute(
        _INSERT, (scope.tenant_id, version, provenance.trained_at, scope.principal, sha256, told, data)
    )
    await connection.execute(_PRUNE, (scope.tenant_id, version - _KEPT))
    return StoredModel(version, scope.principal, sha256, provenance, len(data))


async def list_models(connection: Connection, scope: Scope, *, limit: int = _KEPT) -> list[StoredModel]:
    """The models, newest first."""
    cursor = await connection.execute(_LIST, (scope.tenant_id, limit))
    return [_stored(row) for row in await cursor.fetchall()]


async def newest_model(connection: Connection, scope: Scope) -> StoredModel | None:
    """The one that predicts."""
    found = await list_models(connection, scope, limit=1)
    return found[0] if found else None


async def read_weights(connection: Connection, scope: Scope, sha256: str) -> bytes | None:
    """The bytes of a model, None when it has gone meanwhile."""
    cursor = await connection.execute(_WEIGHTS, (scope.tenant_id, sha256))
    row = await cursor.fetchone()
    return None if row is None else bytes(row[0])


def _stored(row: tuple[Any, ...]) -> StoredModel:
    version, trained_by, sha256, provenance, size = row
    return StoredModel(version, trained_by, sha256, Provenance.of(provenance), size)
