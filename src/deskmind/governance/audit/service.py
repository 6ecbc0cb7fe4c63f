"""The audit log of a scope: reading, proving and exporting it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.database import Connection, Database
from deskmind.errors import NotFoundError
from deskmind.governance.access.operation import operation, streaming_operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.audit.bundle import BundleHead, write_bundle
from deskmind.governance.audit.canonical import RecordedEvent, canonical_bytes
from deskmind.governance.audit.checkpoint import Checkpoint, VerifyKey
from deskmind.governance.audit.log import AuditEvent
from deskmind.governance.audit.proof import Proof
from deskmind.governance.audit.tree import Tree, leaf_hash
from deskmind.governance.audit.verify import Finding, Report, Verification
from deskmind.scope import Scope

__all__ = ["AuditFilter", "AuditLog"]

_BATCH = 5_000

_SEARCH = """
SELECT event_id, occurred_at, principal, action, resource, outcome, correlation_id, details
  FROM audit_events
 WHERE tenant_id = %s AND (%s::text IS NULL OR starts_with(action, %s)) AND (%s::text IS NULL OR principal = %s)
   AND (%s::text IS NULL OR resource = %s) AND (%s::text IS NULL OR outcome = %s)
   AND (%s::text IS NULL OR correlation_id = %s)
   AND occurred_at >= coalesce(%s::timestamptz, '-infinity') AND occurred_at < coalesce(%s::timestamptz, 'infinity')
 ORDER BY occurred_at DESC, event_id LIMIT %s
"""
_CHECKPOINTS = "SELECT note, public_key FROM audit_checkpoints WHERE tenant_id = %s ORDER BY size"
_NEWEST = "SELECT note FROM audit_checkpoints WHERE tenant_id = %s ORDER BY size DESC LIMIT 1"
_SEALED = """
SELECT canonical, leaf_hash, tenant_id, event_id, occurred_at, principal_id, principal, action, resource, outcome,
       correlation_id, details::text
  FROM audit_events WHERE tenant_id = %s AND position >= %s AND position < %s ORDER BY position
"""
_LEAVES = "SELECT leaf_hash FROM audit_events WHERE tenant_id = %s AND position < %s ORDER BY position"
_ONE = "SELECT position, canonical FROM audit_events WHERE tenant_id = %s AND event_id = %s"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events; what is None says nothing.

    Attributes:
        action: what the action begins with, such as ``documents.``.
        principal: who acted, by name.
        resource: what was acted on.
        outcome: how it ended.
        correlation_id: of which request.
        since: not before this time.
        until: before this time.
    """

    action: str | None = None
    principal: str | None = None
    resource: str | None = None
    outcome: str | None = None
    correlation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditLog:
    """One tenant's log, or the installation's; from ``desk.audit_log`` and ``app.audit_log``."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    @property
    def scope(self) -> Scope:
        """Whose log."""
        return self._scope

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    @operation(Permission.AUDIT_READ)
    async def search(self, only: AuditFilter | None = None, *, limit: int = 100) -> list[AuditEvent]:
        """The newest events that fit, newest first; sealed or not."""
        only = only or AuditFilter()
        texts = (only.action, only.principal, only.resource, only.outcome, only.correlation_id)
        doubled = [value for text in texts for value in (text, text)]
        values = (self._scope.tenant_id, *doubled, only.since, only.until, limit)
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_SEARCH, values)
            return [AuditEvent(*row) for row in await cursor.fetchall()]

    @operation(Permission.AUDIT_READ)
    async def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint, to be kept outside of the database; None before the first seal."""
        async with self._database.transaction(self._scope) as connection:
            return await self._newest(connection)

    @operation(Permission.AUDIT_READ)
    async def verify(self, keys: Sequence[VerifyKey] = (), *, kept: Sequence[Checkpoint] = ()) -> Report:
        """Compare the sealed events with the checkpoints over them, and their columns with their canonical bytes.

        O(events); memory O(log events) and a batch.

        Args:
            keys: that are trusted, from outside of the database; when left out, those that the database names, which
                proves nothing against who can write there.
            kept: checkpoints from outside of the database.
        """
        head = await self._head()
        verification = Verification(head, keys or head.keys, kept=kept)
        differing = 0
        async for rows in self._batches(head.events):
            differing += await asyncio.to_thread(_passed, verification, rows)
        message = f"The columns of {differing} events are not what was sealed of them."
        return verification.report(*([Finding("columns", message)] if differing else []))

    @operation(Permission.AUDIT_READ)
    async def prove(self, event_id: UUID) -> Proof:
        """The proof that one event is in the log, for who holds the public key. O(events).

        Raises:
            NotFoundError: there is no such event, or it is not sealed yet.
        """
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_ONE, (self._scope.tenant_id, event_id))
            row = await cursor.fetchone()
            newest = await self._newest(connection)
            if row is None or row[0] is None or newest is None or row[0] >= newest.size:
                raise NotFoundError(
                    "There is no sealed event of this id.",
                    why="It does not exist, or waits for the next seal.",
                    remedy="Run `deskmind audit seal`, then try again.",
                )
            cursor = await connection.execute(_LEAVES, (self._scope.tenant_id, newest.size))
            leaves = [leaf for (leaf,) in await cursor.fetchall()]
        position, canonical = row
        if len(leaves) != newest.size:
            raise NotFoundError("The log is not whole.", remedy="Run `deskmind audit verify`.")
        path = await asyncio.to_thread(lambda: Tree(leaves).inclusion_proof(position))
        return Proof(canonical, position, tuple(path), newest)

    @streaming_operation(Permission.AUDIT_READ)
    async def export(self) -> AsyncIterator[bytes]:
        """The lines of a bundle of all sealed events, for ``python -m deskmind.governance.audit.verify``."""
        head = await self._head()
        for line in write_bundle(head, ()):
            yield line
        async for rows in self._batches(head.events):
            yield b"".join(row[0] + b"\n" for row in rows)

    async def _head(self) -> BundleHead:
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_CHECKPOINTS, (self._scope.tenant_id,))
            rows = await cursor.fetchall()
        checkpoints = tuple(Checkpoint.parse(note) for note, _ in rows)
        keys = tuple(VerifyKey.parse(key) for key in dict.fromkeys(key for _, key in rows))
        size = checkpoints[-1].size if checkpoints else 0
        return BundleHead(self._scope.tenant_id, size, keys, checkpoints)

    async def _batches(self, size: int) -> AsyncIterator[list[tuple[Any, ...]]]:
        """The sealed events by position, each batch in a transaction of its own, so that a slow reader holds none."""
        for first in range(0, size, _BATCH):
            async with self._database.transaction(self._scope) as connection:
                bounds = (self._scope.tenant_id, first, min(first + _BATCH, size))
                rows = await (await connection.execute(_SEALED, bounds)).fetchall()
            yield rows

    async def _newest(self, connection: Connection) -> Checkpoint | None:
        cursor = await connection.execute(_NEWEST, (self._scope.tenant_id,))
        row = await cursor.fetchone()
        return Checkpoint.parse(row[0]) if row is not None else None


def _passed(verification: Verification, rows: list[tuple[Any, ...]]) -> int:
    """Put events through; gives how many have columns that differ from their canonical bytes."""
    differing = 0
    for canonical, leaf, *columns in rows:
        verification.add(canonical)
        differing += canonical_bytes(RecordedEvent(*columns)) != canonical or leaf_hash(canonical) != leaf
    return differing
