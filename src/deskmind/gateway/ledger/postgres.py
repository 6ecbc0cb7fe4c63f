"""The ledger and the budgets in PostgreSQL, under a login that can do nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, sql

from deskmind.database import translated
from deskmind.gateway.budgets import Budget, Counter, Dimension

__all__ = ["PostgresBudgets", "PostgresSink"]

_INSERT = """
INSERT INTO {schema}.usage_entries (tenant_id, started_at, call_id, principal_id, api_key, feature, operation, model,
    deployment, input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost, seconds, first_token_seconds,
    outcome, attempts, error, streamed, request_id)
SELECT (r.caller->>0)::uuid, to_timestamp(r.at), r.call, (r.caller->>1)::uuid, r.caller->>2, r.caller->>3, r.operation,
       r.model, r.deployment, (r.usage->>0)::bigint, (r.usage->>2)::bigint, (r.usage->>1)::bigint, (r.usage->>3)::bigint,
       r.cost, r.seconds, r.first, r.outcome, r.attempts, r.error, r.streamed, r.caller->>4
  FROM jsonb_to_recordset(%s::jsonb) AS r(call uuid, at double precision, caller jsonb, operation text, model text,
    outcome text, deployment text, usage jsonb, cost numeric, seconds double precision, first double precision,
    attempts integer, error text, streamed boolean)
ON CONFLICT DO NOTHING
"""

_MONTHS = """
SELECT {schema}.ensure_usage_partition(m) FROM (
    SELECT DISTINCT date_trunc('month', to_timestamp((r->>'at')::double precision), 'UTC')
      FROM jsonb_array_elements(%s::jsonb) r) x(m)
"""

_BUDGETS = """
SELECT tenant_id, name, period, usd, tokens, per, principal_id, api_key, feature, model, alerts
  FROM {schema}.budgets WHERE tenant_id = %s ORDER BY name
"""


_EXPIRE = """
DELETE FROM {schema}.budget_counters
 WHERE window_start < now() - interval '2 days' AND window_start <> date_trunc('month', now(), 'UTC')
"""


class _Login:
    """One connection of the ledger's login, opened when it is needed and again when it broke."""

    def __init__(self, address: str, schema: str) -> None:
        self._address = address
        self._schema = sql.Identifier(schema)
        self._connection: AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()

    async def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of one statement; the connection is given up on any error."""
        composed = sql.SQL(cast("Any", statement)).format(schema=self._schema)
        async with self._lock:
            with translated():
                try:
                    if self._connection is None or self._connection.closed:
                        self._connection = await AsyncConnection.connect(
                            self._address, autocommit=True, prepare_threshold=None
                        )
                    cursor = await self._connection.execute(composed, values)
                    return await cursor.fetchall() if cursor.description else []
                except BaseException:
                    await self._give_up()
                    raise

    async def close(self) -> None:
        """Return the connection."""
        await self._give_up()

    async def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class PostgresSink:
    """Entries in ``usage_entries``, each once."""

    def __init__(self, address: str, schema: str) -> None:
        self._login = _Login(address, schema)

    async def write(self, records: Sequence[bytes]) -> None:
        """Store entries; a month's partition is made when its first one arrives."""
        lines = "[" + ",".join(record.decode() for record in records) + "]"
        try:
            await self._login.run(_INSERT, lines)
        except psycopg.errors.CheckViolation:  # no partition of that month yet
            await self._login.run(_MONTHS, lines)
            await self._login.run(_INSERT, lines)

    async def close(self) -> None:
        """Return the connection."""
        await self._login.close()


class PostgresBudgets:
    """Budgets of tenants, and the counters that replicas lease from (a ``BudgetStore``)."""

    def __init__(self, address: str, schema: str, *, fresh_seconds: float = 5.0) -> None:
        """One connection, opened when it is needed.

        Args:
            address: of the ledger's login.
            schema: where our tables are.
            fresh_seconds: how long a tenant's budgets are remembered.
        """
        self._login = _Login(address, schema)
        self._fresh_seconds = fresh_seconds
        self._reading = asyncio.Lock()
        self._known: dict[UUID, tuple[float, tuple[Budget, ...]]] = {}

    async def of_tenant(self, tenant_id: UUID) -> tuple[Budget, ...]:
        """A tenant's budgets, at most ``fresh_seconds`` old."""
        known = self._fresh(tenant_id)
        if known is None:
            async with self._reading:
                known = self._fresh(tenant_id)
                if known is None:
                    now = time.monotonic()
                    rows = await self._login.run(_BUDGETS, tenant_id)
                    known = tuple(_budget(row) for row in rows)
                    self._known[tenant_id] = (now, known)
        return known

    def _fresh(self, tenant_id: UUID) -> tuple[Budget, ...] | None:
        known = self._known.get(tenant_id)
        return None if known is None or time.monotonic() - known[0] > self._fresh_seconds else known[1]

    def forget(self, tenant_id: UUID) -> None:
        """Read a tenant's budgets anew at the next call."""
        self._known.pop(tenant_id, None)

    async def lease(self, counter: Counter, wanted: int) -> tuple[int, int]:
        """Take up to ``wanted`` from a counter."""
        rows = await self._login.run(
            "SELECT granted, total FROM {schema}.lease_budget(%s, %s, %s, %s, %s, %s, %s)",
            *_key(counter),
            wanted,
            counter.limit,
        )
        return int(rows[0][0]), int(rows[0][1])

    async def give_back(self, counter: Counter, amount: int) -> None:
        """Return what was not used; a negative amount is what was used beyond."""
        await self._login.run(
            "UPDATE {schema}.budget_counters SET leased = greatest(leased - %s, 0)"
            " WHERE tenant_id = %s AND budget = %s AND subject = %s AND unit = %s AND window_start = %s",
            amount,
            *_key(counter),
        )

    async def expire(self) -> None:
        """Remove the counters of windows that ended a day ago or more: there is one for each minute and subject."""
        await self._login.run(_EXPIRE)

    async def close(self) -> None:
        """Return the connection."""
        await self._login.close()


def _key(counter: Counter) -> tuple[UUID, str, str, str, datetime]:
    tenant = counter.budget.tenant_id or UUID(int=0)
    return tenant, counter.budget.name, counter.subject, counter.unit, counter.start


def _budget(row: tuple[Any, ...]) -> Budget:
    tenant, name, period, usd, tokens, per, user, key, feature, model, alerts = row
    return Budget(
        name=name,
        window=period,
        usd=None if usd is None else Decimal(usd),
        tokens=tokens,
        per=cast("tuple[Dimension, ...]", tuple(per)),
        tenant_id=tenant,
        user=user,
        key=key,
        feature=feature,
        model=model,
        alerts=tuple(alerts),
    )
