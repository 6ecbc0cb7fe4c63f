"""The audit log alone, in your own PostgreSQL: ``AuditLog(pool, schema="deskmind")``.

It makes its own schema with two tables, records events in your transactions, and seals, proves and exports them like the
log of the whole product: the same canonical bytes, tree, checkpoints and offline verifier. One log for each schema. There
are no tenants, roles or scopes here, and names are written as they are given: what a person must be forgotten by, do not
write, or write under a pseudonym of yours.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString, cast
from uuid import UUID, uuid4, uuid5

from psycopg import AsyncConnection, sql
from psycopg.errors import CheckViolation
from psycopg_pool import AsyncConnectionPool

from deskmind.errors import ConflictError
from deskmind.governance.audit.bundle import BundleHead, write_bundle
from deskmind.governance.audit.canonical import RecordedEvent, canonical_bytes
from deskmind.governance.audit.checkpoint import Checkpoint, SigningKey, VerifyKey, origin_of
from deskmind.governance.audit.tree import HASH_BYTES, Frontier, leaf_hash
from deskmind.governance.audit.verify import Finding, Report, Verification

__all__ = ["AuditLog"]

_BATCH = 5_000
_PEOPLE = UUID("8c6f0d52-6f0e-5d5c-9f53-5d0c6a1f7a11")
"""Namespace of the ids of who acts: the same name has the same id."""

_CREATE = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.log (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    log_id uuid NOT NULL
);
INSERT INTO {schema}.log (log_id) VALUES ({log_id}) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS {schema}.log_events (
    event_id uuid PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    principal text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL,
    outcome text NOT NULL,
    correlation_id text NOT NULL,
    details text NOT NULL,
    canonical bytea NOT NULL,
    position bigint UNIQUE -- from 0; null until it is sealed
);
CREATE INDEX IF NOT EXISTS log_events_unsealed ON {schema}.log_events (occurred_at, event_id) WHERE position IS NULL;
CREATE TABLE IF NOT EXISTS {schema}.log_checkpoints (
    size bigint PRIMARY KEY,
    peaks bytea NOT NULL,
    public_key text NOT NULL,
    note text NOT NULL
);
CREATE OR REPLACE FUNCTION {schema}.log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'log_events' THEN
        IF OLD.position IS NULL AND to_jsonb(NEW) - 'position' = to_jsonb(OLD) - 'position' THEN RETURN NEW; END IF;
    END IF;
    RAISE check_violation USING MESSAGE = 'an audit log is only added to';
END $$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON {schema}.log_events
    FOR EACH ROW EXECUTE FUNCTION {schema}.log_is_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON {schema}.log_checkpoints
    FOR EACH ROW EXECUTE FUNCTION {schema}.log_is_append_only();
"""
_ID = "SELECT log_id FROM {schema}.log"
_ADD = """
INSERT INTO {schema}.log_events
    (event_id, occurred_at, principal, action, resource, outcome, correlation_id, details, canonical)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_LAST = "SELECT size, peaks, note FROM {schema}.log_checkpoints ORDER BY size DESC LIMIT 1"
_NEXT = """
SELECT event_id, canonical FROM {schema}.log_events WHERE position IS NULL ORDER BY occurred_at, event_id LIMIT %s
"""
_PLACE = """
UPDATE {schema}.log_events e SET position = placed.position
  FROM unnest(%s::uuid[], %s::bigint[]) AS placed(event_id, position) WHERE e.event_id = placed.event_id
"""
_SIGNED = "INSERT INTO {schema}.log_checkpoints (size, peaks, public_key, note) VALUES (%s, %s, %s, %s)"
_CHECKPOINTS = "SELECT note, public_key FROM {schema}.log_checkpoints ORDER BY size"
_SEALED = """
SELECT canonical, event_id, occurred_at, principal, action, resource, outcome, correlation_id, details
  FROM {schema}.log_events WHERE position >= %s AND position < %s ORDER BY position
"""

Connection = AsyncConnection[Any]


class AuditLog:
    """An audit log in a schema of its own.

    >>> log = AuditLog(pool, schema="deskmind")
    >>> await log.create()
    >>> async with pool.connection() as connection:
    ...     await connection.execute("DELETE FROM assets WHERE asset_id = 7")
    ...     await log.record(connection, by="ana", action="assets.delete", resource="7")
    >>> kept = await log.seal(key)

    Args:
        pool: of connections to your database, as a role that may create a schema the first time.
        schema: its own.
    """

    def __init__(self, pool: AsyncConnectionPool[Any], *, schema: str = "deskmind") -> None:
        self._pool = pool
        self._schema = schema
        self._log_id: UUID | None = None

    async def create(self) -> None:
        """Make the schema with its tables; what is there already stays."""
        async with self._pool.connection() as connection:
            text = sql.SQL(cast(LiteralString, _CREATE))
            await connection.execute(
                text.format(schema=sql.Identifier(self._schema), log_id=sql.Literal(uuid4()))
            )

    async def record(
        self,
        connection: Connection,
        *,
        by: str,
        action: str,
        resource: str = "",
        outcome: str = "done",
        correlation_id: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Write one event in your transaction, so that act and record stand or fall together; gives its id."""
        event = RecordedEvent(
            await self._id(connection),
            uuid4(),
            datetime.now(UTC),
            uuid5(_PEOPLE, by),
            by,
            action,
            resource,
            outcome,
            correlation_id,
            json.dumps(details or {}, ensure_ascii=False, sort_keys=True),
        )
        values = (
            event.event_id,
            event.occurred_at,
            by,
            action,
            resource,
            outcome,
            correlation_id,
            event.details,
        )
        await connection.execute(self._sql(_ADD), (*values, canonical_bytes(event)))
        return event.event_id

    async def seal(self, key: SigningKey, *, older: Sequence[VerifyKey] = ()) -> Checkpoint | None:
        """Give what is committed its places, and sign what the log then is; None when there is nothing in it.

        Args:
            key: of yours, kept outside of the database.
            older: that signed before it was rotated.

        Raises:
            ConflictError: the log is not what its newest checkpoint says.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_LOCK, (f"{self._schema}.seal",))
            tree, newest = await self._continued(connection, [key.public, *older])
            rows = await (await connection.execute(self._sql(_NEXT), (_BATCH,))).fetchall()
            if not rows:
                return newest
            places = list(range(tree.size, tree.size + len(rows)))
            for _, canonical in rows:
                tree.append(leaf_hash(canonical))
            try:
                await connection.execute(self._sql(_PLACE), ([row[0] for row in rows], places))
            except CheckViolation as error:
                raise _not_continued() from error
            origin = origin_of(await self._id(connection))
            signed = key.sign(origin, tree.size, tree.root(), datetime.now(UTC))
            values = (tree.size, b"".join(tree.peaks), str(key.public), signed.note)
            await connection.execute(self._sql(_SIGNED), values)
        return signed if len(rows) < _BATCH else await self.seal(key, older=older)

    async def verify(self, keys: Sequence[VerifyKey], *, kept: Sequence[Checkpoint] = ()) -> Report:
        """Compare the sealed events with the checkpoints over them, and their columns with their canonical bytes.

        Args:
            keys: that are trusted, from outside of the database.
            kept: checkpoints from outside of the database.
        """
        head = await self._head()
        verification, differing = Verification(head, keys, kept=kept), 0
        async for canonical, event_id, at, principal, *texts in self._rows(head.events):
            verification.add(canonical)
            who = uuid5(_PEOPLE, principal)
            event = RecordedEvent(head.tenant_id, event_id, at, who, principal, *texts)
            differing += canonical_bytes(event) != canonical
        message = f"The columns of {differing} events are not what was sealed of them."
        return verification.report(*([Finding("columns", message)] if differing else []))

    async def export(self) -> AsyncIterator[bytes]:
        """The lines of a bundle of all sealed events, for ``python -m deskmind.governance.audit.verify``."""
        head = await self._head()
        for line in write_bundle(head, ()):
            yield line
        async for canonical, *_ in self._rows(head.events):
            yield canonical + b"\n"

    async def _continued(
        self, connection: Connection, keys: Sequence[VerifyKey]
    ) -> tuple[Frontier, Checkpoint | None]:
        row = await (await connection.execute(self._sql(_LAST))).fetchone()
        if row is None:
            return Frontier(), None
        size, peaks, note = row
        try:
            newest = Checkpoint.parse(note)
            tree = Frontier(size, [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)])
        except ValueError as error:
            raise _not_continued() from error
        if tree.root() != newest.root or tree.size != newest.size or newest.signed_by(keys) is None:
            raise _not_continued()
        return tree, newest

    async def _head(self) -> BundleHead:
        async with self._pool.connection() as connection:
            log_id = await self._id(connection)
            rows = await (await connection.execute(self._sql(_CHECKPOINTS))).fetchall()
        checkpoints = tuple(Checkpoint.parse(note) for note, _ in rows)
        keys = tuple(VerifyKey.parse(key) for key in dict.fromkeys(key for _, key in rows))
        return BundleHead(log_id, checkpoints[-1].size if checkpoints else 0, keys, checkpoints)

    async def _rows(self, size: int) -> AsyncIterator[Sequence[Any]]:
        for first in range(0, size, _BATCH):
            async with self._pool.connection() as connection:
                bounds = (first, min(first + _BATCH, size))
                rows = await (await connection.execute(self._sql(_SEALED), bounds)).fetchall()
            for row in rows:
                yield row

    async def _id(self, connection: Connection) -> UUID:
        if self._log_id is None:
            row = await (await connection.execute(self._sql(_ID))).fetchone()
            self._log_id = cast("UUID", row[0]) if row else None
        assert self._log_id is not None
        return self._log_id

    def _sql(self, statement: str) -> sql.Composed:
        return sql.SQL(cast(LiteralString, statement)).format(schema=sql.Identifier(self._schema))


def _not_continued() -> ConflictError:
    return ConflictError(
        "The audit log is not what its newest checkpoint says, or another key signed it.",
        remedy="Verify it against a checkpoint that you kept elsewhere.",
    )
