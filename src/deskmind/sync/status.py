"""How far a connected system is read, and what keeps the copy from being complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from deskmind.database import Connection as DatabaseConnection
from deskmind.scope import OPERATOR, Scope
from deskmind.sync.connections import Connection, source_name

__all__ = ["KindStatus", "Problem", "SyncStatus", "read_status", "waiting_documents"]

_RUN = "SELECT started_at, finished_at, error, swept_at FROM connections WHERE tenant_id = %s AND connection_id = %s"
_PASSES = """
SELECT p.kind, p.running, p.finished_at, p.complete_at, p.error, p.notes, p.unmapped,
       (SELECT count(*) FROM synced_records r WHERE r.tenant_id = p.tenant_id AND r.connection_id = p.connection_id
           AND r.kind = p.kind),
       (SELECT count(*) FROM sync_problems x WHERE x.tenant_id = p.tenant_id AND x.connection_id = p.connection_id
           AND x.kind = p.kind)
  FROM sync_passes p WHERE p.tenant_id = %s AND p.connection_id = %s AND (%s::text[] = '{}' OR p.kind = ANY (%s)) ORDER BY p.kind
"""
_PROBLEMS = """
SELECT kind, external_id, why, found_at FROM sync_problems WHERE tenant_id = %s AND connection_id = %s
 ORDER BY found_at DESC, kind, external_id LIMIT %s
"""
_WAITING = """
SELECT (SELECT count(*) FROM ingests i JOIN ingest_files f ON f.tenant_id = i.tenant_id AND f.ingest_id = i.ingest_id
         WHERE i.tenant_id = s.tenant_id AND i.source_id = s.source_id AND i.state <> 'done' AND f.state = 'pending'),
       (SELECT count(DISTINCT f.external_id)
          FROM ingests i JOIN ingest_files f ON f.tenant_id = i.tenant_id AND f.ingest_id = i.ingest_id
          JOIN connections c ON c.tenant_id = s.tenant_id AND c.name = %(name)s
          JOIN synced_records r ON r.tenant_id = c.tenant_id AND r.connection_id = c.connection_id
           AND r.kind = split_part(f.external_id, '/', 1) AND r.external_id = split_part(f.external_id, '/', 2)
         WHERE i.tenant_id = s.tenant_id AND i.source_id = s.source_id AND f.state = 'failed' AND NOT EXISTS (
               SELECT FROM documents d WHERE d.tenant_id = s.tenant_id AND d.source_id = s.source_id
                  AND d.external_id = f.external_id))
  FROM sources s WHERE s.tenant_id = %(tenant)s AND s.owner_id = %(owner)s AND s.name = %(source)s
"""
_OUTDATED = "SELECT count(*) FROM sync_follow_ups WHERE tenant_id = %s AND connection_id = %s"
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that could not be read or stored, or lacks a part that could not, and why, without its content."""

    kind: str
    id: str
    why: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class KindStatus:
    """One kind of record.

    Attributes:
        records: in the copy.
        problems: records that could not be read or stored, or not in every part.
        running: whether a pass is under way, or was interrupted and will be gone on with.
        lag_seconds: since the last pass began that missed nothing; None before the first.
        error: of the last pass.
        notes: what of the kind the credentials may not read.
        unmapped: fields of the vendor's that have no place in the model, and in how many of the records read so far each held
            something, the most frequent 500; they are kept with each record as it came.
    """

    kind: str
    records: int
    problems: int
    running: bool
    lag_seconds: float | None
    error: str
    notes: tuple[str, ...]
    unmapped: dict[str, int]

    @property
    def complete(self) -> bool:
        """Whether the copy has all that the source had when its last pass began."""
        return self.lag_seconds is not None and not (self.problems or self.error or self.notes)


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """One connection.

    Attributes:
        started_at, finished_at: of the last run.
        error: why the last run did not read everything; empty when it did.
        waiting: documents that are read and not yet searchable.
        unreadable: documents that could not be taken in.
        outdated: records that are to be read again, since what they call by name was renamed or is gone, and those that this
            is still to be looked for.
        problems: the newest of the records that could not be read or stored.
    """

    connection: Connection
    started_at: datetime | None
    finished_at: datetime | None
    error: str
    swept_at: datetime | None
    kinds: tuple[KindStatus, ...]
    waiting: int
    unreadable: int
    outdated: int
    problems: tuple[Problem, ...]

    @property
    def complete(self) -> bool:
        """Whether everything that was wanted is in the copy and can be searched."""
        whole = bool(self.kinds) and all(kind.complete for kind in self.kinds)
        return whole and not (self.error or self.waiting or self.unreadable or self.outdated)

    @property
    def lag_seconds(self) -> float | None:
        """The largest lag of a kind; None where one was never read whole."""
        lags = [kind.lag_seconds for kind in self.kinds]
        known = [lag for lag in lags if lag is not None]
        return max(known) if known and len(known) == len(lags) else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = asdict(self)
        found["connection"] = self.connection.as_dict()
        found["kinds"] = [{**asdict(kind), "complete": kind.complete} for kind in self.kinds]
        return {**found, "complete": self.complete, "lag_seconds": self.lag_seconds}


async def read_status(connection: DatabaseConnection, scope: Scope, found: Connection) -> SyncStatus:
    """The status of a connection, in an operator's transaction."""
    key = (scope.tenant_id, found.connection_id)
    run: Sequence[Any] = await (await connection.execute(_RUN, key)).fetchone() or (None, None, "", None)
    kinds = list(found.kinds)
    passes = await (await connection.execute(_PASSES, (*key, kinds, kinds))).fetchall()
    problems = await (await connection.execute(_PROBLEMS, (*key, _MOST_PROBLEMS))).fetchall()
    waiting = await waiting_documents(connection, scope, found.name)
    outdated = await (await connection.execute(_OUTDATED, key)).fetchone()
    return SyncStatus(
        found,
        started_at=run[0],
        finished_at=run[1],
        error=run[2],
        swept_at=run[3],
        kinds=tuple(_kind(row) for row in passes),
        waiting=waiting[0],
        unreadable=waiting[1],
        outdated=0 if outdated is None else outdated[0],
        problems=tuple(Problem(*row) for row in problems),
    )


async def waiting_documents(connection: DatabaseConnection, scope: Scope, name: str) -> tuple[int, int]:
    """How many documents of a connection wait to be taken in, and how many could not be and are still as they were then."""
    of = {"tenant": scope.tenant_id, "owner": OPERATOR, "source": source_name(name), "name": name}
    cursor = await connection.execute(_WAITING, of)
    row = await cursor.fetchone()
    return (row[0], row[1]) if row is not None else (0, 0)


def _kind(row: Sequence[Any]) -> KindStatus:
    kind, running, _, complete_at, error, notes, unmapped, records, problems = row
    lag = None if complete_at is None else (datetime.now(UTC) - complete_at).total_seconds()
    return KindStatus(kind, records, problems, running, lag, error, tuple(notes), unmapped)
