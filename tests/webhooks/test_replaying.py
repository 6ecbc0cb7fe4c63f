"""Events that are sent again: once for each call, and not beside an attempt that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.webhooks.conftest import Hook, Receiver, Room

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.webhooks import store
from deskmind.webhooks.delivering import Deliverer


@pytest.fixture
async def patient(hooked: Deskmind) -> AsyncIterator[Deliverer]:
    """A worker that waits a minute for an answer."""
    made = Deliverer(hooked.database, Room.of(hooked, timeout_seconds=60.0))
    yield made
    await made.close()


async def _wanted_days_ago(hook: Hook) -> None:
    await hook.sql(
        "UPDATE webhook_deliveries SET wanted_at = now() - interval '4 days' WHERE tenant_id = %s",
        hook.desk.scope.tenant_id,
    )


async def test_dead_letters_that_two_replay_at_once_are_replayed_by_one(hook: Hook, desk: Desk) -> None:
    await hook.tell(5)
    await hook.sql(
        "UPDATE webhook_deliveries SET state = 'dead', settled_at = now() WHERE tenant_id = %s",
        desk.scope.tenant_id,
    )
    since, scope = datetime.now(UTC) - timedelta(hours=1), desk.scope
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    async with desk.database.transaction(scope) as connection:
        first = await store.replay_dead(connection, scope, since, None, 100)
        other = asyncio.create_task(desk.webhooks.replay_dead(since))
        async with asyncio.timeout(60):
            while not other.done():
                row = await (await connection.execute(blocked)).fetchone()
                if row and row[0]:
                    break
                await asyncio.sleep(0.01)
    assert (first, await other) == ({hook.id: 5}, 0)
    assert await desk.webhooks.replay_dead(since) == 0
    assert await hook.states() == [("pending", 0, "")] * 5


async def test_what_is_replayed_while_its_attempt_is_under_way_is_not_sent_beside_it(
    hook: Hook, patient: Deliverer, receiver: Receiver, desk: Desk
) -> None:
    receiver.answers = [401, "hang"]
    await hook.tell()
    await hook.deliver()
    await hook.at_once()
    await _wanted_days_ago(hook)
    one = {"tenant_id": str(desk.scope.tenant_id), "webhook_id": str(hook.id)}
    under_way = asyncio.create_task(patient.run(one))
    await receiver.until(2)
    (delivery,) = await desk.webhooks.deliveries(hook.id)
    replayed = await desk.webhooks.replay(delivery.delivery_id)
    assert (replayed.state, replayed.due_at) == ("pending", delivery.due_at)
    await hook.deliver()
    assert len(receiver.got) == 2
    receiver.held.set()
    await under_way
    assert [state for state, _, _ in await hook.states()] == ["pending"]  # it is wanted anew: no dead letter
    await hook.at_once()
    await hook.deliver()
    assert await hook.states() == [("delivered", 3, "")]


async def test_what_waits_for_its_next_attempt_is_replayed_at_once(
    hook: Hook, receiver: Receiver, desk: Desk
) -> None:
    receiver.answers, receiver.headers = [401], {"Retry-After": "3000"}
    await hook.tell()
    await hook.deliver()
    (delivery,) = await desk.webhooks.deliveries(hook.id)
    await desk.webhooks.replay(delivery.delivery_id)
    await hook.deliver()
    assert await hook.states() == [("delivered", 2, "")]
