"""The sealer: gives events their positions in their tenant's log, and signs what the log then is.

It works under a login that can do nothing else, with keys from a keyring of its own. An event has no position until it is
committed and seen here, so a transaction that commits late is taken up by the next seal and never skipped; positions
and the checkpoint over them are written in one transaction, so a crash leaves neither a gap nor a half.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncConnection, sql
from psycopg import errors as pg

from deskmind.database import translated
from deskmind.governance.audit.checkpoint import Checkpoint, SigningKey, VerifyKey, origin_of
from deskmind.governance.audit.tree import HASH_BYTES, Frontier, leaf_hash
from deskmind.keyring import Keyring
from deskmind.observability import logger
from deskmind.observability.instruments import AUDIT_BACKLOG, AUDIT_OLDEST
from deskmind.observability.metering import Labels, Sources, labels

__all__ = ["Sealed", "Sealer", "SealingKeys"]

_BATCH = 2_000
_PURPOSE = "audit-signing"
_STALE_SECONDS = 300.0
_log = logger("deskmind.audit")

# calls that the ledger booked wait too, to become events
_WAITING = """
SELECT tenant_id, count(*), extract(epoch FROM clock_timestamp() - min(since))::double precision
  FROM (SELECT tenant_id, occurred_at AS since FROM {schema}.audit_events WHERE position IS NULL
        UNION ALL SELECT tenant_id, started_at FROM {schema}.audit_calls_due) waiting
 GROUP BY tenant_id
"""
_DUE = "SELECT DISTINCT tenant_id FROM {schema}.audit_calls_due"
# who erases a tenant holds the first; a seal in between would leave a checkpoint behind
_LOCK = """
SELECT pg_try_advisory_xact_lock_shared(hashtextextended(%s, 0)), pg_try_advisory_xact_lock(hashtextextended(%s, 0))
"""
_LAST = "SELECT peaks, note FROM {schema}.audit_checkpoints WHERE tenant_id = %s ORDER BY size DESC LIMIT 1"
_NEXT = """
SELECT event_id, canonical FROM {schema}.audit_events
 WHERE tenant_id = %s AND position IS NULL ORDER BY occurred_at, event_id LIMIT %s
"""
_PLACE = """
UPDATE {schema}.audit_events a SET position = placed.position
  FROM unnest(%s::uuid[], %s::bigint[]) AS placed(event_id, position)
 WHERE a.tenant_id = %s AND a.event_id = placed.event_id AND a.position IS NULL
"""
_ADD = """
INSERT INTO {schema}.audit_checkpoints (tenant_id, size, root, peaks, signed_at, public_key, note)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one seal did.

    Attributes:
        events: that were given a position.
        logs: how many tenants' logs grew.
        refused: logs that were left alone, because they do not continue their newest checkpoint.
    """

    events: int
    logs: int
    refused: tuple[UUID, ...] = ()


class _NotContinuedError(Exception):
    """A log is not what its newest checkpoint says, or changed while it was sealed."""


class SealingKeys:
    """The keys that sign checkpoints, in a keyring that belongs to the sealer alone.

    Args:
        path: of the keyring's file; made at the first use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ring: Keyring | None = None

    def current(self) -> SigningKey:
        """What signs now. Reads a file."""
        return SigningKey(self._opened().current(_PURPOSE).derive(b"ed25519"))

    def public(self) -> tuple[VerifyKey, ...]:
        """The public halves of all versions kept, oldest first. Reads a file."""
        ring = self._opened()
        ring.current(_PURPOSE)
        kept = (ring.get(_PURPOSE, version) for version in ring.versions(_PURPOSE))
        return tuple(SigningKey(key.derive(b"ed25519")).public for key in kept)

    def rotate(self) -> VerifyKey:
        """Sign with a new key from now on; gives its public half. Writes a file."""
        return SigningKey(self._opened().rotate(_PURPOSE).derive(b"ed25519")).public

    def _opened(self) -> Keyring:
        if self._ring is None:
            self._ring = Keyring.open(self._path)
        return self._ring


class Sealer:
    """Seals the logs of all tenants.

    Args:
        address: of the sealer's login.
        schema: the installation's.
        keys: that sign.
        derive: makes the events of these tenants' calls, which the ledger booked.
    """

    def __init__(
        self,
        address: str,
        schema: str,
        keys: SealingKeys,
        *,
        derive: Callable[[Sequence[UUID]], Awaitable[object]] | None = None,
    ) -> None:
        self._address = address
        self._derive = derive
        self._schema = schema
        self._keys = keys
        self._reading: tuple[float, int, float] | None = None
        self._one = asyncio.Lock()
        _sealers.add(self)

    @property
    def keys(self) -> SealingKeys:
        """The keys that sign."""
        return self._keys

    async def keep_sealing(self, every: float) -> None:
        """Seal every so many seconds until cancelled, through times in which it fails."""
        while True:
            try:
                await self.seal()
            except Exception as error:  # the next seal may succeed; readiness sees what waits
                _log.warning("audit.not_sealed", reason=type(error).__name__)
            await asyncio.sleep(every)

    async def seal(self) -> Sealed:
        """Seal what is committed by now. A tenant whose log cannot be sealed is logged, and keeps no other's from it.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
            KeyringError: the keys cannot be read.
            Exception: the first that a tenant raised, after all were taken.
        """
        async with self._one:
            signing = await asyncio.to_thread(self._keys.current)
            known = await asyncio.to_thread(self._keys.public)
            with translated():
                async with await AsyncConnection.connect(
                    self._address, autocommit=True, prepare_threshold=None
                ) as connection:
                    failed = await self._derived(connection)
                    waiting = await self._measured(connection)
                    sealed = [await self._tried(connection, log, signing, known) for log in waiting]
                    await self._measured(connection)
        counts = [count for count in sealed if isinstance(count, int)]
        failed = next((error for error in (failed, *sealed) if isinstance(error, Exception)), None)
        if failed is not None:
            raise failed
        refused = tuple(log for log, count in zip(waiting, sealed, strict=True) if count is None)
        return Sealed(sum(counts), sum(count > 0 for count in counts), refused)

    async def _derived(self, connection: AsyncConnection[Any]) -> Exception | None:
        """Make the events of calls that are due; the error of a tenant whose could not be made. They wait for the next seal."""
        if self._derive is None:
            return None
        rows = await (await connection.execute(self._sql(_DUE))).fetchall()
        try:
            await self._derive([row[0] for row in rows])
        except Exception as error:
            return error
        return None

    async def _tried(
        self,
        connection: AsyncConnection[Any],
        tenant_id: UUID,
        signing: SigningKey,
        known: tuple[VerifyKey, ...],
    ) -> int | Exception | None:
        """What ``_seal_log`` gives, or the error of the tenant."""
        try:
            return await self._seal_log(connection, tenant_id, signing, known)
        except Exception as error:
            if connection.closed:
                raise
            _log.error("audit.seal_failed", tenant_id=str(tenant_id), exc_info=error)
            return error

    async def _measured(self, connection: AsyncConnection[Any]) -> list[UUID]:
        """The tenants whose events wait; their number is kept for the metrics."""
        rows = await (await connection.execute(self._sql(_WAITING))).fetchall()
        oldest = max((float(row[2]) for row in rows), default=0.0)
        self._reading = (time.monotonic(), sum(row[1] for row in rows), max(oldest, 0.0))
        return [row[0] for row in rows]

    async def _seal_log(
        self,
        connection: AsyncConnection[Any],
        tenant_id: UUID,
        signing: SigningKey,
        known: tuple[VerifyKey, ...],
    ) -> int | None:
        """How many events of a tenant were sealed; None when its log is not what was signed."""
        total, sealed = 0, _BATCH
        try:
            while sealed == _BATCH:
                async with connection.transaction():
                    if not await self._locked(connection, tenant_id):
                        break
                    tree = await self._continued(connection, tenant_id, known)
                    sealed = await self._seal_batch(connection, tenant_id, tree, signing)
                total += sealed
        except (_NotContinuedError, pg.IntegrityError):
            # the latter: a place or a checkpoint that no sealer gave
            _log.error("audit.seal_refused", tenant_id=str(tenant_id))
            return None
        return total

    async def _locked(self, connection: AsyncConnection[Any], tenant_id: UUID) -> bool:
        names = (f"{self._schema}.erase_tenant", f"{self._schema}.seal.{tenant_id}")
        row = await (await connection.execute(_LOCK, names)).fetchone()
        return row is not None and all(row)

    async def _continued(
        self, connection: AsyncConnection[Any], tenant_id: UUID, known: tuple[VerifyKey, ...]
    ) -> Frontier:
        """The tree as the newest checkpoint left it."""
        row = await (await connection.execute(self._sql(_LAST), (tenant_id,))).fetchone()
        if row is None:
            return Frontier()
        peaks, note = row
        try:
            last = Checkpoint.parse(note)
            tree = Frontier(
                last.size, [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)]
            )
        except ValueError as error:
            raise _NotContinuedError from error
        ours = last.origin == origin_of(tenant_id) and last.signed_by(known) is not None
        if not ours or tree.root() != last.root:
            raise _NotContinuedError
        return tree

    async def _seal_batch(
        self, connection: AsyncConnection[Any], tenant_id: UUID, tree: Frontier, signing: SigningKey
    ) -> int:
        rows = await (await connection.execute(self._sql(_NEXT), (tenant_id, _BATCH))).fetchall()
        if not rows:
            return 0
        first = tree.size
        for _, canonical in rows:
            tree.append(leaf_hash(canonical))
        positions = list(range(first, tree.size))
        placed = await connection.execute(self._sql(_PLACE), ([row[0] for row in rows], positions, tenant_id))
        if placed.rowcount != len(rows):
            raise _NotContinuedError
        now = datetime.now(UTC)
        signed = signing.sign(origin_of(tenant_id), tree.size, tree.root(), now)
        values = (tree.size, signed.root, b"".join(tree.peaks), now, str(signing.public), signed.note)
        await connection.execute(self._sql(_ADD), (tenant_id, *values))
        return len(rows)

    def _sql(self, statement: str) -> sql.Composed:
        return sql.SQL(cast("Any", statement)).format(schema=sql.Identifier(self._schema))

    def figures(self) -> tuple[int, float] | None:
        """Events that waited when it was last asked, and the age of the oldest now in seconds; None when long ago."""
        if self._reading is None or time.monotonic() - self._reading[0] > _STALE_SECONDS:
            return None
        at, events, oldest = self._reading
        return events, oldest + time.monotonic() - at if events else 0.0


def _backlog(sealer: Sealer) -> Iterator[tuple[float, Labels]]:
    if figures := sealer.figures():
        yield figures[0], labels()


def _oldest(sealer: Sealer) -> Iterator[tuple[float, Labels]]:
    if figures := sealer.figures():
        yield figures[1], labels()


_sealers: Sources[Sealer] = Sources()
_sealers.show(AUDIT_BACKLOG, _backlog)
_sealers.show(AUDIT_OLDEST, _oldest)
