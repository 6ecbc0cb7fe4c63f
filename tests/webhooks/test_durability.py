"""What workers that die leave behind: nothing is lost, and what may have arrived comes again with its id."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.webhooks.conftest import Hook, Receiver

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.webhooks import delivering
from deskmind.webhooks.upkeep import expire, wake_due

_WORKER = Path(__file__).with_name("worker.py")
_JOBS = "SELECT count(*) FROM procrastinate_jobs WHERE lock = %(lock)s"
_LATER = "SELECT count(*) FROM procrastinate_jobs WHERE lock = %(later)s AND scheduled_at > now()"


async def _jobs(app: Deskmind, hook: Hook, statement: str = _JOBS) -> int:
    """What the queue has for a webhook, as its own login sees it."""
    import psycopg

    async with await psycopg.AsyncConnection.connect(
        app.database.endpoints.jobs, autocommit=True
    ) as connection:
        cursor = await connection.execute(
            statement.encode(), {"lock": f"webhook:{hook.id}", "later": f"webhook-later:{hook.id}"}
        )
        row = await cursor.fetchone() if cursor.description else None
    return int(row[0]) if row is not None else 0


async def test_a_worker_killed_between_sending_and_settling_is_followed_by_another_that_sends_again(
    desk_home: Path, hooked: Deskmind, hook: Hook, receiver: Receiver
) -> None:
    receiver.answers = ["hang"]
    await hook.tell()
    process = await asyncio.create_subprocess_exec(sys.executable, str(_WORKER), str(desk_home))
    await receiver.until(1)
    process.kill()
    await process.wait()
    assert await hook.states() == [("pending", 1, "")]
    async with asyncio.timeout(60):
        while (await hook.states())[0][0] != "delivered":
            await hook.at_once()  # not to wait for as long as the dead one might have
            await hooked.jobs.drain()
            await asyncio.sleep(0.05)
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1
    assert [receiver.event(hook.made.secret, place).data["number"] for place in (0, 1)] == [0, 0]


async def test_the_jobs_of_many_events_are_done_by_one_and_the_next_attempt_has_one(
    hooked: Deskmind, hook: Hook, receiver: Receiver
) -> None:
    await hook.tell(10)
    assert await _jobs(hooked, hook) == 10
    receiver.answers = [401]
    await hook.deliver()
    assert len(receiver.got) == 10
    assert (await _jobs(hooked, hook), await _jobs(hooked, hook, _LATER)) == (
        0,
        1,
    )  # at the time of the second attempt


async def test_deliveries_whose_job_was_lost_get_another(
    hooked: Deskmind, hook: Hook, receiver: Receiver
) -> None:
    await hook.tell()
    await _jobs(hooked, hook, "DELETE FROM procrastinate_jobs WHERE lock = %(lock)s")
    await hooked.jobs.drain()
    assert receiver.got == []
    await wake_due(hooked.database)
    assert await _jobs(hooked, hook) == 1
    await wake_due(hooked.database)
    assert await _jobs(hooked, hook) == 1
    await hooked.jobs.drain()
    assert len(receiver.got) == 1


async def test_what_is_too_old_is_given_up_and_what_is_kept_long_enough_is_removed(
    hooked: Deskmind, hook: Hook, desk: Desk, receiver: Receiver
) -> None:
    await hook.tell(3)
    await hook.deliver()
    await desk.webhooks.disable(hook.id)
    tenant = desk.scope.tenant_id
    old = "UPDATE webhook_deliveries SET state = 'pending', wanted_at = now() - interval '4 days' WHERE tenant_id = %s"
    await hook.sql(f"{old} AND event_id = %s", tenant, receiver.ids[0])
    await expire(hooked.database, hooked.settings.webhooks)
    assert sorted(state for state, _, _ in await hook.states()) == ["dead", "delivered", "delivered"]
    long_ago = datetime.now(UTC) - timedelta(days=31)
    moved = "UPDATE webhook_deliveries SET settled_at = %s WHERE tenant_id = %s AND event_id <> %s"
    await hook.sql(moved, long_ago, tenant, receiver.ids[0])
    await _aged(hooked, hook)
    await expire(hooked.database, hooked.settings.webhooks)
    assert [state for state, _, _ in await hook.states()] == ["dead"]
    assert {one.action for one in await desk.audit()} >= {"webhooks.expire"}


async def test_the_old_secret_is_removed_once_its_overlap_is_over(
    hooked: Deskmind, hook: Hook, desk: Desk
) -> None:
    await desk.webhooks.rotate(hook.id, overlap_hours=1)
    await expire(hooked.database, hooked.settings.webhooks)
    kept = "SELECT old_sealed IS NOT NULL, old_until IS NOT NULL FROM webhooks WHERE webhook_id = %s"
    assert await hook.sql(kept, hook.id) == [(True, True)]
    await hook.sql("UPDATE webhooks SET old_until = now() WHERE webhook_id = %s", hook.id)
    await expire(hooked.database, hooked.settings.webhooks)
    assert await hook.sql(kept, hook.id) == [(False, False)]
    (event,) = [one for one in await desk.audit() if one.action == "webhooks.expire"]
    assert (event.resource, event.details["removed"]) == ("secrets", 1)


async def _aged(app: Deskmind, hook: Hook) -> None:
    """As if the tenant's events had been published 31 days ago."""
    import psycopg

    assert app.database.endpoints.admin is not None
    schema = app.database.endpoints.schema
    async with await psycopg.AsyncConnection.connect(
        app.database.endpoints.admin, autocommit=True
    ) as connection:
        statement = (
            f"UPDATE {schema}.webhook_events SET created_at = now() - interval '31 days' WHERE tenant_id = %s"
        )
        await connection.execute(statement.encode(), (hook.desk.scope.tenant_id,))


async def test_what_was_claimed_when_the_time_was_over_is_given_back(
    hooked: Deskmind, hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_SLICE_SECONDS", 0.0)
    await hook.tell(3)
    await hook.deliver()
    assert receiver.got == []
    assert await _jobs(hooked, hook) >= 1
    monkeypatch.setattr(delivering, "_SLICE_SECONDS", 60.0)
    monkeypatch.setattr(delivering, "_AHEAD", 9)
    receiver.answers = [200, 200, *[500] * 16]
    await hook.tell(15)
    await hook.deliver()
    states = await hook.states()
    assert sum(attempts for _, attempts, _ in states) == len(receiver.got) < 18  # the others were given back
    assert {attempts for _, attempts, _ in states} == {0, 1}


async def test_a_target_that_is_held_back_has_one_job_however_much_happens(
    hooked: Deskmind, hook: Hook, receiver: Receiver
) -> None:
    receiver.answers = [500] * 50
    await hook.tell(9)
    await hook.deliver()
    sent = len(receiver.got)
    for _ in range(3):
        await hook.tell(5)
        await hook.deliver()
    assert len(receiver.got) == sent
    assert (await _jobs(hooked, hook), await _jobs(hooked, hook, _LATER)) == (0, 1)


async def test_what_is_published_while_others_are_sent_is_delivered_too(
    hooked: Deskmind, hook: Hook, receiver: Receiver
) -> None:
    async def publish_some() -> None:
        for _ in range(10):
            await hook.tell(2)
            await asyncio.sleep(0)

    publishing = asyncio.create_task(publish_some())
    async with asyncio.timeout(60):
        while not publishing.done() or await _jobs(hooked, hook):
            await hook.deliver()
    await publishing
    assert [state for state, _, _ in await hook.states()] == ["delivered"] * 20
    assert len(receiver.got) == 20
