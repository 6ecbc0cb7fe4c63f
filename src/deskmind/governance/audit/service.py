"""The audit log of a scope: reading, proving and exporting it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID

from psycopg import sql

from deskmind.database import Connection, Database
from deskmind.errors import NotFoundError
from deskmind.governance.access.operation import operation, streaming_operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.audit.bundle import BundleHead, write_bundle
from deskmind.governance.audit.checkpoint import Checkpoint, VerifyKey, origin_of
from deskmind.governance.audit.columns import CANONICAL
from deskmind.governance.audit.log import record, record_alone
from deskmind.governance.audit.proof import Proof
from deskmind.governance.audit.reading import EVENT_COLUMNS, AuditEvent, decrypted
from deskmind.governance.audit.subjects import SubjectKeys, SubjectRing
from deskmind.governance.audit.tree import Tree
from deskmind.governance.audit.verify import Finding, Report, Verification
from deskmind.governance.audit.witness import Witness
from deskmind.scope import Scope

__all__ = ["AuditFilter", "AuditLog"]

_BATCH = 5_000
_AHEAD = 2

_SEARCH = f"""
SELECT {EVENT_COLUMNS} FROM audit_events
 WHERE tenant_id = %(tenant)s
   AND (%(action)s::text IS NULL OR starts_with(action, %(action)s))
   AND (%(principal)s::text IS NULL OR subject = ANY (%(by)s) OR (subject IS NULL AND principal = %(principal)s))
   AND (%(resource)s::text IS NULL OR (resource = '' AND about = ANY (%(about)s)) OR resource = %(resource)s)
   AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
   AND (%(correlation)s::text IS NULL OR correlation_id = %(correlation)s)
   AND occurred_at >= coalesce(%(since)s::timestamptz, '-infinity')
   AND occurred_at < coalesce(%(until)s::timestamptz, 'infinity')
   AND occurred_at <= coalesce(%(moment)s::timestamptz, 'infinity')
   AND (%(moment)s::timestamptz IS NULL OR (occurred_at, event_id) < (%(moment)s, %(event)s::uuid))
 ORDER BY occurred_at DESC, event_id DESC LIMIT %(limit)s
"""
_READABLE = f"""
SELECT {EVENT_COLUMNS} FROM audit_events
 WHERE tenant_id = %s AND position >= %s AND position < %s ORDER BY position
"""
_CHECKPOINTS = "SELECT note, public_key FROM audit_checkpoints WHERE tenant_id = %s ORDER BY size"
_NEWEST = "SELECT note FROM audit_checkpoints WHERE tenant_id = %s ORDER BY size DESC LIMIT 1"
# What the columns say is written out here, and not asked of a function that the database keeps; nor are functions and
# operators looked for anywhere but among the server's own, where somebody may have put others of the same name.
_SERVERS_OWN = "SET LOCAL search_path = pg_catalog, pg_temp"
_SEALED = f"""
SELECT count(*) FILTER (WHERE s.canonical IS DISTINCT FROM {CANONICAL} OR s.leaf_hash IS DISTINCT FROM sha256('\\x00'::bytea || s.canonical)),
       coalesce(string_agg(s.canonical, '\\x0a'::bytea), '')
  FROM (SELECT * FROM <events> WHERE tenant_id = %s AND position >= %s AND position < %s ORDER BY position) s
"""
_CALLS_UNLIKE = """
SELECT count(*) FROM usage_entries u
  JOIN audit_events a ON a.tenant_id = %(tenant)s AND a.event_id = u.call_id AND a.action = 'models.call'
 WHERE u.tenant_id = %(tenant)s AND a.position IS NOT NULL
   AND (a.occurred_at, a.resource, a.correlation_id, a.details->>'deployment', a.details->>'ledger', a.details->>'error',
        (a.details->>'input_tokens')::bigint, (a.details->>'output_tokens')::bigint, (a.details->>'cost')::numeric)
       IS DISTINCT FROM
       (u.started_at, u.model, u.request_id, u.deployment, u.outcome, u.error, u.input_tokens, u.output_tokens, u.cost)
"""
_TAKEN = "SELECT witness, size FROM audit_witnessed WHERE tenant_id = %s"
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
        events = sql.Identifier(database.endpoints.schema, "audit_events").as_string()
        self._sealed = _SEALED.replace("<events>", events).encode()

    @property
    def scope(self) -> Scope:
        """Whose log."""
        return self._scope

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    @operation(Permission.AUDIT_READ)
    async def search(
        self,
        only: AuditFilter | None = None,
        *,
        limit: int = 100,
        before: tuple[datetime, UUID] | None = None,
    ) -> list[AuditEvent]:
        """The newest events that fit, newest first; sealed or not.

        Args:
            only: which; all without it.
            limit: at most this many.
            before: ``place`` of the last one of the previous page.
        """
        only = only or AuditFilter()
        async with self._database.transaction(self._scope) as connection:
            keys = self._keys(connection)
            values = {
                "tenant": self._scope.tenant_id,
                "action": only.action,
                "principal": only.principal,
                "by": await keys.named(connection, only.principal) if only.principal else [],
                "resource": only.resource,
                "about": await keys.named(connection, only.resource) if only.resource else [],
                "outcome": only.outcome,
                "correlation": only.correlation_id,
                "since": only.since,
                "until": only.until,
                "moment": before[0] if before else None,
                "event": before[1] if before else None,
                "limit": limit,
            }
            cursor = await connection.execute(_SEARCH.encode(), values)
            return await decrypted(connection, self._scope.tenant_id, await cursor.fetchall())

    @operation(Permission.AUDIT_FORGET)
    async def forget(self, subject: str) -> bool:
        """Destroy the keys of a person: the log stays whole and names that person nowhere any more.

        Args:
            subject: the person's name, or the id of its principal.

        Returns whether the log named such a person.
        """
        async with self._database.transaction(self._scope) as connection:
            destroyed = await self._keys(connection).destroy(connection, subject)
            await record(connection, self._scope, Permission.AUDIT_FORGET, destroyed=destroyed)
        return destroyed

    @operation(Permission.AUDIT_FORGET)
    async def rewrap(self) -> int:
        """Wrap the keys of the tenant's people under the newest key of the keyring; gives how many were.

        After it, older versions of ``audit-subjects`` can be retired, and with them goes what backups still hold of
        destroyed keys.
        """
        async with self._database.transaction(self._scope) as connection:
            count = await self._keys(connection).rewrap(connection)
            await record(connection, self._scope, Permission.AUDIT_FORGET, rewrapped=count)
        return count

    @operation(Permission.AUDIT_FORGET)
    async def wrapped_under(self, version: int) -> int:
        """How many keys of the tenant's people would be lost with a version of ``audit-subjects``."""
        async with self._database.transaction(self._scope) as connection:
            return await self._keys(connection).wrapped_under(connection, version)

    @operation(Permission.AUDIT_READ)
    async def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint, to be kept outside of the database; None before the first seal."""
        async with self._database.transaction(self._scope) as connection:
            return await self._newest(connection)

    @operation(Permission.AUDIT_READ)
    async def verify(
        self,
        keys: Sequence[VerifyKey] = (),
        *,
        kept: Sequence[Checkpoint] = (),
        witnesses: Sequence[Witness] = (),
    ) -> Report:
        """Compare the sealed events with the checkpoints over them, and their columns with their canonical bytes.

        O(events); memory O(log events) and a batch.

        Args:
            keys: that are trusted, from outside of the database; when left out, those that the database names, which
                proves nothing against who can write there.
            kept: checkpoints from outside of the database.
            witnesses: who are asked for more of them; one that has less than it took is a finding.

        Raises:
            UnavailableError: a witness does not answer, or not with checkpoints alone.
        """
        taken = await self._taken() if witnesses else {}
        copies = {
            witness.name: await witness.copies(origin_of(self._scope.tenant_id)) for witness in witnesses
        }
        kept = [*kept, *chain.from_iterable(copies.values())]
        head = await self._head()
        verification = Verification(head, keys or head.keys, kept=kept)
        differing = 0
        async for unlike, lines in self._batches(head.events):
            differing += unlike
            await asyncio.to_thread(_pass, verification, lines)
        findings: list[Finding] = []
        if differing:
            message = f"The columns of {differing} events are not what was sealed of them."
            findings.append(Finding("columns", message))
        if calls := await self._calls_unlike():
            message = f"{calls} model calls in the ledger are not what was sealed of them."
            findings.append(Finding("ledger", message))
        findings += _lost(taken, copies)
        return verification.report(*findings)

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
        await self._carried_away("bundle", head.events)
        for line in write_bundle(head, ()):
            yield line
        async for _, lines in self._batches(head.events):
            if lines:
                yield lines + b"\n"

    @streaming_operation(Permission.AUDIT_READ)
    async def events(self) -> AsyncIterator[AuditEvent]:
        """All sealed events in the order of their places, people by name where their keys live. For reading, not for proof."""
        size = (await self._head()).events
        await self._carried_away("readable", size)
        for first in range(0, size, _BATCH):
            async with self._database.transaction(self._scope) as connection:
                bounds = (self._scope.tenant_id, first, min(first + _BATCH, size))
                rows = await (await connection.execute(_READABLE.encode(), bounds)).fetchall()
                events = await decrypted(connection, self._scope.tenant_id, rows)
            for event in events:
                yield event

    async def _carried_away(self, form: str, events: int) -> None:
        await record_alone(
            self._database, self._scope, Permission.AUDIT_READ, act="export", form=form, events=events
        )

    def _keys(self, connection: Connection) -> SubjectKeys:
        return connection.companion(SubjectRing).of(self._scope.tenant_id)

    async def _head(self) -> BundleHead:
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_CHECKPOINTS, (self._scope.tenant_id,))
            rows = await cursor.fetchall()
        checkpoints = tuple(Checkpoint.parse(note) for note, _ in rows)
        keys = tuple(VerifyKey.parse(key) for key in dict.fromkeys(key for _, key in rows))
        size = checkpoints[-1].size if checkpoints else 0
        return BundleHead(self._scope.tenant_id, size, keys, checkpoints)

    async def _batches(self, size: int) -> AsyncIterator[tuple[int, bytes]]:
        """The sealed events by position: how many have columns unlike their bytes, and the bytes, one event a line.

        Each batch is a transaction of its own, so that a slow reader holds none. The next two are made meanwhile, by two
        processes of the server: what they compare of an event takes it longer than hashing it takes us.
        """
        reading: deque[asyncio.Task[tuple[int, bytes]]] = deque()
        try:
            for first in range(0, size, _BATCH):
                reading.append(asyncio.create_task(self._batch(first, min(first + _BATCH, size))))
                if len(reading) > _AHEAD:
                    yield await reading.popleft()
            while reading:
                yield await reading.popleft()
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    async def _batch(self, first: int, end: int) -> tuple[int, bytes]:
        async with self._database.transaction(self._scope) as connection:
            await connection.execute(_SERVERS_OWN)
            values = (self._scope.tenant_id, first, end)
            row = await (await connection.execute(self._sealed, values, binary=True)).fetchone()
        return (row[0], row[1]) if row is not None else (0, b"")

    async def _calls_unlike(self) -> int:
        async with self._database.transaction(self._scope) as connection:
            row = await (
                await connection.execute(_CALLS_UNLIKE, {"tenant": self._scope.tenant_id})
            ).fetchone()
        return row[0] if row is not None else 0

    async def _taken(self) -> dict[str, int]:
        """Over how many events the newest checkpoint is that each witness took. Read before they are asked what they have."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_TAKEN, (self._scope.tenant_id,))
            return dict(await cursor.fetchall())

    async def _newest(self, connection: Connection) -> Checkpoint | None:
        cursor = await connection.execute(_NEWEST, (self._scope.tenant_id,))
        row = await cursor.fetchone()
        return Checkpoint.parse(row[0]) if row is not None else None


def _lost(taken: Mapping[str, int], copies: Mapping[str, Sequence[Checkpoint]]) -> Iterator[Finding]:
    """A finding for each witness that took more than it has."""
    for witness, brought in copies.items():
        newest = max((checkpoint.size for checkpoint in brought), default=0)
        if newest < taken.get(witness, 0):
            message = (
                f"{witness} took a checkpoint over {taken[witness]} events; its newest is over {newest}."
            )
            yield Finding("unwitnessed", message)


def _pass(verification: Verification, lines: bytes) -> None:
    if lines:
        for canonical in lines.split(b"\n"):
            verification.add(canonical)
