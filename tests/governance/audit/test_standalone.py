"""The log alone, in somebody else's PostgreSQL: no roles, scopes or migrations of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from psycopg import errors as pg
from psycopg_pool import AsyncConnectionPool

from deskmind.app import Deskmind
from deskmind.errors import ConflictError
from deskmind.governance.audit import SigningKey, verify_bundle
from deskmind.governance.audit.standalone import AuditLog

KEY, NEXT = SigningKey(bytes(range(32))), SigningKey(bytes(range(1, 33)))
Pool = AsyncConnectionPool[Any]


@pytest.fixture
async def pool(app: Deskmind) -> AsyncIterator[Pool]:
    """Theirs: another schema, as the database's own administrator."""
    address = app.database.endpoints.admin
    assert address is not None
    async with AsyncConnectionPool(address, min_size=1, max_size=3, open=False) as pool:
        yield pool
        async with pool.connection() as connection:
            await connection.execute("DROP SCHEMA IF EXISTS theirs CASCADE")


@pytest.fixture
async def log(pool: Pool) -> AuditLog:
    log = AuditLog(pool, schema="theirs")
    await log.create()
    await log.create()
    async with pool.connection() as connection:
        for number in range(4):
            await log.record(
                connection, by="ana", action="assets.delete", resource=str(number), details={"ü": [1]}
            )
    return log


async def test_it_is_sealed_proved_and_carried_away(log: AuditLog, pool: Pool) -> None:
    kept = await log.seal(KEY)
    assert kept is not None
    assert kept.size == 4
    assert await AuditLog(pool, schema="theirs").seal(KEY) == kept, "nothing new"
    report = await log.verify([KEY.public], kept=[kept])
    assert (report.holds, report.covered) == (True, 4)
    bundle = [line async for line in log.export()]
    assert verify_bundle(bundle, [KEY.public], kept=[kept]).holds


async def test_act_and_event_stand_or_fall_together(log: AuditLog, pool: Pool) -> None:
    with suppress(ZeroDivisionError):
        async with pool.connection() as connection:
            await log.record(connection, by="ana", action="never")
            _ = 1 / 0
    kept = await log.seal(KEY)
    assert kept is not None
    assert kept.size == 4


async def test_nothing_is_changed_and_what_a_superuser_changes_shows(log: AuditLog, pool: Pool) -> None:
    kept = await log.seal(KEY)
    assert kept is not None
    for statement in (
        "UPDATE theirs.log_events SET principal = 'bob'",
        "DELETE FROM theirs.log_events",
        "UPDATE theirs.log_events SET position = position + 9",
        "DELETE FROM theirs.log_checkpoints",
    ):
        with pytest.raises(pg.CheckViolation):
            async with pool.connection() as connection:
                await connection.execute(statement.encode())
    async with pool.connection() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE theirs.log_events SET principal = 'bob' WHERE position = 1")
        await connection.execute("DELETE FROM theirs.log_events WHERE position = 3")
    kinds = {finding.kind for finding in (await log.verify([KEY.public], kept=[kept])).findings}
    assert {"columns", "missing"} <= kinds


async def test_a_key_is_rotated_and_a_strangers_is_not_continued(log: AuditLog, pool: Pool) -> None:
    await log.seal(KEY)
    with pytest.raises(ConflictError, match="another key"):
        await log.seal(NEXT)
    async with pool.connection() as connection:
        await log.record(connection, by="bob", action="more")
    assert await log.seal(NEXT, older=[KEY.public])
    assert (await log.verify([KEY.public, NEXT.public])).holds


async def test_two_who_seal_at_once_agree(log: AuditLog, pool: Pool) -> None:
    await asyncio.gather(log.seal(KEY), AuditLog(pool, schema="theirs").seal(KEY))
    assert (await log.verify([KEY.public])).covered == 4
