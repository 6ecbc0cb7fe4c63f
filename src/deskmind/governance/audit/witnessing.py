"""Bringing checkpoints to the witnesses, and knowing how far behind they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncConnection, sql

from deskmind.database import translated
from deskmind.errors import UnavailableError
from deskmind.governance.audit.checkpoint import Checkpoint
from deskmind.governance.audit.witness import Witness
from deskmind.observability import logger
from deskmind.observability.instruments import AUDIT_UNWITNESSED
from deskmind.observability.metering import Labels, Sources, labels

__all__ = ["Kept", "Witnessing"]

_STALE_SECONDS = 300.0
_log = logger("deskmind.audit")

# of each log the newest checkpoint, where the witness has an older one or none, and when the first that it lacks was signed
_LACKING = """
SELECT t.tenant_id, newest.size, newest.note, first.signed_at
  FROM (SELECT tenant_id FROM {schema}.tenants UNION ALL SELECT '00000000-0000-0000-0000-000000000000') t
  LEFT JOIN {schema}.audit_witnessed w ON w.tenant_id = t.tenant_id AND w.witness = %s
 CROSS JOIN LATERAL (SELECT c.size, c.note FROM {schema}.audit_checkpoints c
                      WHERE c.tenant_id = t.tenant_id ORDER BY c.size DESC LIMIT 1) newest
 CROSS JOIN LATERAL (SELECT c.signed_at FROM {schema}.audit_checkpoints c
                      WHERE c.tenant_id = t.tenant_id AND c.size > coalesce(w.size, 0) ORDER BY c.size LIMIT 1) first
 WHERE newest.size > coalesce(w.size, 0)
"""
_TAKEN = "SELECT 1 FROM {schema}.audit_witnessed WHERE witness = %s LIMIT 1"
_KEPT = """
INSERT INTO {schema}.audit_witnessed AS w (tenant_id, witness, size, kept_at) VALUES (%s, %s, %s, now())
ON CONFLICT (tenant_id, witness) DO UPDATE SET size = excluded.size, kept_at = excluded.kept_at
 WHERE w.size < excluded.size
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one round did.

    Attributes:
        checkpoints: that witnesses took.
        refused: that they did not take; the next round tries again.
    """

    checkpoints: int
    refused: int


@dataclass(slots=True)
class _Behind:
    """What a witness lacked when it was last looked at.

    Attributes:
        since: when the first checkpoint was signed that it lacks, by log.
        at: when that was known to be so; monotonic, in seconds.
        under_way: whether a round is bringing it.
    """

    since: dict[UUID, datetime]
    at: float = field(default_factory=time.monotonic)
    under_way: bool = True

    def fresh(self) -> bool:
        """Whether it may still be so."""
        return self.under_way or time.monotonic() - self.at <= _STALE_SECONDS

    def seconds(self) -> float:
        """For how long it has been behind; 0 when it is not."""
        if not self.since:
            return 0.0
        return max((datetime.now(UTC) - min(self.since.values())).total_seconds(), 0.001)


class _SilentError(Exception):
    """A witness said nothing."""


class Witnessing:
    """Brings the newest checkpoint of each log to each witness.

    Args:
        address: of the sealer's login.
        schema: the installation's.
        witnesses: who keeps them.
    """

    def __init__(self, address: str, schema: str, witnesses: Sequence[Witness]) -> None:
        self._address = address
        self._schema = schema
        self._witnesses = tuple(witnesses)
        self._behind: dict[str, _Behind] = {}
        _all.add(self)

    @property
    def witnesses(self) -> tuple[Witness, ...]:
        """Who keeps them."""
        return self._witnesses

    async def keep_keeping(self, every: float) -> None:
        """A round every so many seconds until cancelled, through times in which it fails."""
        while self._witnesses:
            try:
                await self.keep()
            except Exception as error:  # the next round may succeed; readiness sees what is lacking
                _log.warning("audit.not_witnessed", reason=type(error).__name__)
            await asyncio.sleep(every)

    async def keep(self) -> Kept:
        """One round.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
        """
        with translated():
            async with await AsyncConnection.connect(
                self._address, autocommit=True, prepare_threshold=None
            ) as connection:
                rounds = [await self._round(connection, witness) for witness in self._witnesses]
        return Kept(sum(kept for kept, _ in rounds), sum(refused for _, refused in rounds))

    async def _round(self, connection: AsyncConnection[Any], witness: Witness) -> tuple[int, int]:
        """How many were taken and refused. One that says nothing at all is left alone until the next round."""
        first = not await (await connection.execute(self._sql(_TAKEN), (witness.name,))).fetchone()
        rows = await (await connection.execute(self._sql(_LACKING), (witness.name,))).fetchall()
        behind = self._behind[witness.name] = _Behind({row[0]: row[3] for row in rows})
        try:
            for tenant_id, size, note, _ in rows:
                if await self._brought(connection, witness, tenant_id, size, note, first=first):
                    del behind.since[tenant_id]
                behind.at = time.monotonic()
        except _SilentError:
            pass
        finally:
            behind.under_way = False
            behind.at = time.monotonic()
        return len(rows) - len(behind.since), len(behind.since)

    async def _brought(
        self,
        connection: AsyncConnection[Any],
        witness: Witness,
        tenant_id: UUID,
        size: int,
        note: str,
        *,
        first: bool,
    ) -> bool:
        try:
            await witness.keep(Checkpoint.parse(note), first=first)
        except (UnavailableError, ValueError) as error:
            reason = error.why if isinstance(error, UnavailableError) else "not a checkpoint"
            _log.warning("audit.not_witnessed", tenant_id=str(tenant_id), reason=reason)
            if isinstance(error, UnavailableError) and not error.details.get("answered", True):
                raise _SilentError from error
            return False
        await connection.execute(self._sql(_KEPT), (tenant_id, witness.name, size))
        return True

    def _sql(self, statement: str) -> sql.Composed:
        return sql.SQL(cast("Any", statement)).format(schema=sql.Identifier(self._schema))

    def lag(self) -> float | None:
        """Seconds since the first checkpoint was signed that a witness lacks, 0 when none lacks any; None when long ago.

        What a round found counts from its beginning, and as long as it is under way: a witness that hangs lacks it too.
        """
        known = [behind for behind in self._behind.values() if behind.fresh()]
        return max((behind.seconds() for behind in known), default=None)


def _unwitnessed(witnessing: Witnessing) -> Iterator[tuple[float, Labels]]:
    if witnessing.witnesses and (lag := witnessing.lag()) is not None:
        yield lag, labels()


_all: Sources[Witnessing] = Sources()
_all.show(AUDIT_UNWITNESSED, _unwitnessed)
