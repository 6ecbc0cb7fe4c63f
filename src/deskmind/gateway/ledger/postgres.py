"""The ledger and the budgets in PostgreSQL, under a login that can do nothing else."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncConnection, sql

from deskmind.database import translated
from deskmind.gateway.budgets import Budget, Counter, Dimension
from deskmind.gateway.ledger.entry import UsageEntry

__all__ = ["PostgresBudgets", "PostgresSink"]

_INSERT = """
INSERT INTO {schema}.usage_entries (tenant_id, started_at, call_id, principal_id, api_key, feature, operation, model,
    deployment, input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost, seconds, first_token_seconds,
    outcome, attempts, error, streamed, request_id)
SELECT r.* FROM jsonb_to_recordset(%s::jsonb) AS r(tenant_id uuid, started_at timestamptz, call_id uuid,
    principal_id uuid, api_key text, feature text, operation text, model text, deployment text, input_tokens bigint,
    cached_tokens bigint, output_tokens bigint, reasoning_tokens bigint, cost numeric, seconds double precision,
    first_token_seconds double precision, outcome text, attempts integer, error text, streamed boolean, request_id text)
ON CONFLICT DO NOTHING
"""

_BUDGETS = """
SELECT tenant_id, name, period, usd, tokens, per, principal_id, api_key, feature, model, alerts
  FROM {schema}.budgets WHERE tenant_id = %s ORDER BY name
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
        self._months: set[tuple[int, int]] = set()

    async def write(self, entries: Sequence[UsageEntry]) -> None:
        """Store entries."""
        for entry in entries:
            moment = datetime.fromtimestamp(entry.intent.started_at, UTC)
            if (moment.year, moment.month) not in self._months:
                await self._login.run("SELECT {schema}.ensure_usage_partition(%s)", moment)
                self._months.add((moment.year, moment.month))
        await self._login.run(_INSERT, json.dumps([_row(entry) for entry in entries]))

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
        self._known: dict[UUID, tuple[float, tuple[Budget, ...]]] = {}

    async def of_tenant(self, tenant_id: UUID) -> tuple[Budget, ...]:
        """A tenant's budgets, at most ``fresh_seconds`` old."""
        known = self._known.get(tenant_id)
        now = time.monotonic()
        if known is None or now - known[0] > self._fresh_seconds:
            rows = await self._login.run(_BUDGETS, tenant_id)
            known = self._known[tenant_id] = (now, tuple(_budget(row) for row in rows))
        return known[1]

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


def _row(entry: UsageEntry) -> dict[str, Any]:
    intent, usage = entry.intent, entry.usage
    caller = intent.caller
    return {
        "tenant_id": str(caller.tenant_id),
        "started_at": datetime.fromtimestamp(intent.started_at, UTC).isoformat(),
        "call_id": str(intent.call_id),
        "principal_id": str(caller.user),
        "api_key": caller.key,
        "feature": caller.feature,
        "operation": intent.operation,
        "model": intent.model,
        "deployment": entry.deployment,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost": None if entry.cost is None else str(entry.cost),
        "seconds": entry.seconds,
        "first_token_seconds": entry.first_token_seconds,
        "outcome": entry.outcome,
        "attempts": entry.attempts,
        "error": entry.error,
        "streamed": entry.streamed,
        "request_id": caller.request_id,
    }
