"""How connections fare, as metrics and readiness see it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.readiness.connected import synchronisation
from deskmind.sync.health import read_health

from .conftest import sql

ADD = """
INSERT INTO connections (tenant_id, connection_id, name, vendor, url, networks, kinds, every_seconds, sealed, created_at, error)
VALUES (%s, %s, %s, %s, 'https://x.example', 'any', '{ticket}', %s, '', now() - interval '1 day', %s) RETURNING 1
"""
READ = """
INSERT INTO sync_passes (tenant_id, connection_id, kind, finished_at, complete_at, notes)
VALUES (%s, %s, %s, now() - make_interval(secs => %s), now() - make_interval(secs => %s), %s) RETURNING 1
"""


@pytest.fixture
def vendor() -> str:
    """One that no other test has, since all tenants' connections are counted."""
    return f"vendor-{uuid4().hex[:8]}"


async def add(
    desk: Desk, vendor: str, *, every: int = 900, error: str = "", ago: float | None = 60.0, note: str = ""
) -> UUID:
    """A connection that was read so many seconds ago."""
    identity, tenant = uuid4(), desk.scope.tenant_id
    await sql(desk, ADD, (tenant, identity, f"c{identity.hex[:8]}", vendor, every, error))
    if ago is not None:
        await sql(desk, READ, (tenant, identity, "ticket", ago, ago, [note] if note else []))
    return identity


async def states(app: Deskmind, vendor: str) -> dict[str, int]:
    return {one.state: one.connections for one in await read_health(app.database) if one.vendor == vendor}


async def test_each_state_is_told(app: Deskmind, operator: Desk, vendor: str) -> None:
    await add(operator, vendor)
    assert await states(app, vendor) == {"ok": 1}
    await add(operator, vendor, ago=3 * 3600)  # four quarters of an hour are long over
    await add(operator, vendor, every=0, ago=3 * 3600)  # it is read when somebody wants it
    await add(operator, vendor, every=7200, ago=3 * 3600)  # it is not its time yet
    await add(operator, vendor, error="ticket: source-unavailable")
    await add(operator, vendor, note="problem was not read")
    await add(operator, vendor, ago=None)  # a day old and never read
    assert await states(app, vendor) == {"ok": 3, "lagging": 2, "failing": 1, "incomplete": 1}
    strange = await add(operator, vendor)
    await sql(
        operator,
        "INSERT INTO sync_problems (tenant_id, connection_id, kind, external_id, why) VALUES (%s, %s, 'ticket', '1', 'x')"
        " RETURNING 1",
        (operator.scope.tenant_id, strange),
    )
    assert (await states(app, vendor))["incomplete"] == 2


async def test_the_lag_is_that_of_what_is_read_by_a_schedule(
    app: Deskmind, operator: Desk, vendor: str
) -> None:
    await add(operator, vendor, every=0, ago=5000)
    (found,) = [one for one in await read_health(app.database) if one.vendor == vendor]
    assert found.lag_seconds is None
    behind = await add(operator, vendor, ago=100)
    # a kind that is no longer read does not count
    await sql(operator, READ, (operator.scope.tenant_id, behind, "article", 9000, 9000, []))
    (found,) = [one for one in await read_health(app.database) if one.vendor == vendor]
    assert 100 <= (found.lag_seconds or 0) < 5000


async def test_nobody_but_the_installation_sees_others(operator: Desk) -> None:
    assert await sql(operator, "SELECT * FROM sync_health()") == []


async def test_readiness_is_red_while_one_fails(app: Deskmind, operator: Desk, vendor: str) -> None:
    await add(operator, vendor)
    assert (await synchronisation(app)).evidence["ok"] >= 1
    await add(operator, vendor, error="group: source-authentication")
    check = await synchronisation(app)
    assert (check.state, check.evidence["failing"] >= 1) == ("red", True)
    assert "sync status" in check.remedy
