"""Writes whose outcome is not known are looked for by workers, less and less often, and then left to a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection, sql
from tests.writes.conftest import SENDS, System

from deskmind.app import Deskmind
from deskmind.database import Connection
from deskmind.desk import Desk
from deskmind.errors import OutcomeUnknownError
from deskmind.readiness.connected import writes as readiness
from deskmind.scope import Scope
from deskmind.writes import Write, Writes
from deskmind.writes.health import UnknownWrites, WriteGauges, read_unknown
from deskmind.writes.looking import look_for, schedule_looks

pytestmark = pytest.mark.chaos

MOST = 3


class Told:
    """Keeps what people are told of."""

    def __init__(self) -> None:
        self.writes: list[UUID] = []

    async def __call__(self, connection: Connection, scope: Scope, write: Write) -> None:
        """As an announcement."""
        del connection, scope
        self.writes.append(write.write_id)


@pytest.fixture
async def now(boxes: dict[str, Any], operator: Desk) -> AsyncIterator[System]:
    """ServiceNow alone."""
    box = boxes["servicenow"]
    await operator.connections.add("it", box.vendor, box.url, box.credentials, every_seconds=0)
    yield System(operator, box)
    box.faults.clear()


async def lost(system: System, kind: str = "refuse") -> UUID:
    """A comment of which nobody heard whether it arrived: it did not (``refuse``), or it did, and looking for it failed."""
    ticket = await system.created()
    made = await system.desk.writes.propose("it", "comment", ticket, {"text": "Did this arrive?"})
    system.box.faults.add(kind, method=SENDS[system.box.vendor], times=1)
    if kind == "lose":
        system.box.faults.add("bad_json", method="GET")
    with pytest.raises(OutcomeUnknownError):
        await system.desk.writes.send(made.write_id)
    system.box.faults.clear()
    return made.write_id


async def due(system: System, write_id: UUID) -> None:
    """As if the pause before the next look were over."""
    await system.sql("UPDATE writes SET look_at = now() WHERE write_id = %s", write_id)


async def rename(app: Deskmind, write_id: UUID, vendor: str) -> None:
    """Give a write a vendor that no other test has, since all tenants' writes are counted."""
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        statement = sql.SQL("UPDATE {} SET vendor = %s WHERE write_id = %s")
        table = sql.Identifier(app.database.endpoints.schema, "writes")
        await connection.execute(statement.format(table), (vendor, write_id))


async def test_a_worker_finds_what_arrived_although_nobody_heard(system: System, app: Deskmind) -> None:
    write_id = await lost(system, "lose")
    assert (await system.desk.writes.show(write_id)).state == "uncertain"
    await schedule_looks(app.database)
    await app.jobs.drain()
    done = await system.desk.writes.show(write_id)
    assert (done.state, done.looks, done.look_at, done.handed_at) == ("applied", 1, None, None)
    assert len(await system.comments(done.target, "Did this arrive?")) == 1


async def test_looks_are_further_and_further_apart_and_then_a_person_is_told(now: System) -> None:
    write_id, told = await lost(now), Told()
    pauses: list[float] = []
    for _ in range(MOST):
        await look_for(now.desk.writes, write_id, most=MOST, announce=told)
        await look_for(now.desk.writes, write_id, most=MOST, announce=told)  # not due yet: nobody is asked
        left = await now.desk.writes.show(write_id)
        if left.look_at is not None and left.settled_at is not None:
            pauses.append(round((left.look_at - left.settled_at).total_seconds() / 60))
            assert told.writes == []
        await due(now, write_id)
    assert pauses == [1, 2]
    left = await now.desk.writes.show(write_id)
    assert (left.state, left.looks, told.writes) == ("uncertain", MOST, [write_id])
    assert left.handed_at is not None
    events = [one for one in await now.desk.audit(limit=50) if one.resource == f"write {write_id}"]
    assert [one.details["looks"] for one in events if one.details.get("step") == "left to a person"] == [MOST]
    await look_for(now.desk.writes, write_id, most=MOST, announce=told)
    assert (await now.desk.writes.show(write_id)).looks == MOST
    assert (await now.desk.writes.resolve(write_id, written=False)).state == "absent"
    sent = await now.desk.writes.send(write_id)
    assert (sent.state, sent.looks, sent.handed_at) == ("applied", 0, None)


async def test_a_system_that_cannot_be_asked_is_a_look_in_vain(now: System) -> None:
    write_id, told = await lost(now), Told()
    now.box.faults.add("expired_token", path="/sys_journal_field")
    await look_for(now.desk.writes, write_id, most=1, announce=told)
    left = await now.desk.writes.show(write_id)
    assert (left.state, left.problem, told.writes) == ("uncertain", "source-authentication", [write_id])


async def test_a_write_that_stays_uncertain_is_told_once_however_often_it_is_looked_for(
    now: System, app: Deskmind
) -> None:
    hook = (await now.desk.webhooks.add("https://hooks.invalid/x", ["ticket.*"])).webhook
    write_id = await lost(now)
    for _ in range(MOST):
        await schedule_looks(app.database)
        await app.jobs.drain()
        await due(now, write_id)
    assert (await now.desk.writes.show(write_id)).looks == MOST
    told = [one.type for one in await now.desk.webhooks.deliveries(hook.webhook_id)]
    assert sorted(told) == ["ticket.uncertain", "ticket.written"]  # the ticket was created before
    await now.desk.writes.resolve(write_id, written=True)
    told = [one.type for one in await now.desk.webhooks.deliveries(hook.webhook_id)]
    assert sorted(told) == ["ticket.uncertain", "ticket.written", "ticket.written"]
    await now.desk.webhooks.remove(hook.webhook_id)


async def test_a_defect_while_looking_leaves_the_write_to_a_person_too(
    now: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_id, told = await lost(now), Told()

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Writes, "reconcile", broken)
    for looks in (1, 2):
        with pytest.raises(ZeroDivisionError):
            await look_for(now.desk.writes, write_id, most=2, announce=told)
        left = await now.desk.writes.show(write_id)
        assert (left.looks, left.problem) == (looks, "internal")
        await due(now, write_id)
    assert (left.handed_at is not None, told.writes) == (True, [write_id])


async def test_nobody_looks_while_somebody_sends(now: System, app: Deskmind) -> None:
    write_id = await lost(now)
    await now.sql("UPDATE writes SET state = 'sending', lease_until = now() + interval '1 minute' WHERE write_id = %s", write_id)  # fmt: skip
    await schedule_looks(app.database)
    await look_for(now.desk.writes, write_id, most=MOST, announce=Told())
    assert (await now.desk.writes.show(write_id)).looks == 0
    async with app.database.transaction(now.desk.scope) as connection:
        assert await (await connection.execute("SELECT * FROM writes_due()")).fetchall() == []
        assert await (await connection.execute("SELECT * FROM writes_unknown()")).fetchall() == []


async def test_what_nobody_knows_is_counted_by_age_and_red_once_it_is_a_persons(
    now: System, app: Deskmind
) -> None:
    write_id, vendor = await lost(now), f"vendor-{uuid4().hex[:8]}"
    await rename(app, write_id, vendor)
    gauges = WriteGauges(app.database, every=60)

    async def counted() -> list[UnknownWrites]:
        return [one for one in await read_unknown(app.database) if one.vendor == vendor]

    def shown(state: str, age: str) -> float:
        found = gauges.value
        assert found is not None
        return sum(one.writes for one in found if (one.vendor, one.state, one.age) == (vendor, state, age))

    await gauges.ask()
    assert (shown("looking", "hour"), shown("person", "hour")) == (1, 0)
    await now.sql(
        "UPDATE writes SET handed_at = now(), claimed_at = now() - interval '3 hours' WHERE write_id = %s", write_id
    )  # fmt: skip
    await gauges.ask()
    assert (shown("person", "hour"), shown("person", "day")) == (0, 1)
    (found,) = await counted()
    assert 3 * 3600 <= found.oldest_seconds < 4 * 3600
    check = await readiness(app)
    assert check.state == "red"
    assert "writes list" in check.remedy
    await now.desk.writes.resolve(write_id, written=True)
    assert await counted() == []
