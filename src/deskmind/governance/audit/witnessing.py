"""Bringing checkpoints to the witnesses, and knowing how far behind they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
        self._reading: tuple[float, float] | None = None
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
        oldest = max((since for _, _, since in rounds if since is not None), default=None)
        self._reading = (time.monotonic(), 0.0 if oldest is None else max(oldest, 0.001))
        return Kept(sum(kept for kept, _, _ in rounds), sum(refused for _, refused, _ in rounds))

    async def _round(
        self, connection: AsyncConnection[Any], witness: Witness
    ) -> tuple[int, int, float | None]:
        """How many were taken and refused, and for how many seconds the first that was refused has been waiting."""
        rows = await (await connection.execute(self._sql(_LACKING), (witness.name,))).fetchall()
        kept, waiting = 0, list[datetime]()
        for tenant_id, size, note, since in rows:
            if await self._brought(connection, witness, tenant_id, size, note):
                kept += 1
            else:
                waiting.append(since)
        oldest = (datetime.now(UTC) - min(waiting)).total_seconds() if waiting else None
        return kept, len(waiting), oldest

    async def _brought(
        self, connection: AsyncConnection[Any], witness: Witness, tenant_id: UUID, size: int, note: str
    ) -> bool:
        try:
            await witness.keep(Checkpoint.parse(note))
        except (UnavailableError, ValueError) as error:
            reason = error.why if isinstance(error, UnavailableError) else "not a checkpoint"
            _log.warning("audit.not_witnessed", tenant_id=str(tenant_id), reason=reason)
            return False
        await connection.execute(self._sql(_KEPT), (tenant_id, witness.name, size))
        return True

    def _sql(self, statement: str) -> sql.Composed:
        return sql.SQL(cast("Any", statement)).format(schema=sql.Identifier(self._schema))

    def lag(self) -> float | None:
        """Seconds since the first checkpoint was signed that a witness lacks, 0 when none lacks any; None when long ago."""
        if self._reading is None or time.monotonic() - self._reading[0] > _STALE_SECONDS:
            return None
        at, oldest = self._reading
        return oldest + time.monotonic() - at if oldest else 0.0


def _unwitnessed(witnessing: Witnessing) -> Iterator[tuple[float, Labels]]:
    if witnessing.witnesses and (lag := witnessing.lag()) is not None:
        yield lag, labels()


_all: Sources[Witnessing] = Sources()
_all.show(AUDIT_UNWITNESSED, _unwitnessed)
