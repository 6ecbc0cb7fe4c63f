"""The jobs of webhooks in the queue: what waits for its time holds nothing, and no tenant's targets hold another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection, sql
from tests.webhooks.conftest import Hook, Receiver

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import NotFoundError
from deskmind.webhooks import publish, store
from deskmind.webhooks.shares import Shares

MakeHook = Callable[..., Awaitable[Hook]]


@asynccontextmanager
async def as_admin(app: Deskmind) -> AsyncGenerator[AsyncConnection[tuple[Any, ...]]]:
    """A transaction that is rolled back, so that nobody takes what it queues; in the application's schema."""
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address) as connection:
        schema = sql.Identifier(app.database.endpoints.schema)
        await connection.execute(sql.SQL("SET LOCAL search_path = {}").format(schema))
        yield connection
        await connection.rollback()


async def jobs_of(app: Deskmind, hook: Hook) -> tuple[int, int]:
    """How many jobs are there to deliver, and how many for later."""
    async with as_admin(app) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FILTER (WHERE lock = %s), count(*) FILTER (WHERE lock = %s AND scheduled_at > now())"
            " FROM procrastinate_jobs",
            (f"webhook:{hook.id}", f"webhook-later:{hook.id}"),
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


async def its_time_has_come(app: Deskmind, hook: Hook) -> None:
    """As if the time of the job for later had come."""
    async with as_admin(app) as connection:
        await connection.execute(
            "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE lock = %s",
            (f"webhook-later:{hook.id}",),
        )
        await connection.commit()


async def test_a_delivery_that_waits_for_its_retry_holds_nothing_that_comes_after(
    hooked: Deskmind, hook: Hook, receiver: Receiver, desk: Desk
) -> None:
    receiver.answers, receiver.headers = [401], {"Retry-After": "3000"}
    await hook.tell()
    await hooked.jobs.drain()
    assert await hook.states() == [("pending", 1, "refused")]
    assert await jobs_of(hooked, hook) == (0, 1)
    await hook.tell(3)
    await desk.webhooks.test(hook.id)
    await hooked.jobs.drain()
    assert [state for state, _, _ in await hook.states()] == ["pending", *["delivered"] * 4]
    assert await jobs_of(hooked, hook) == (0, 1)
    await hook.at_once()
    await its_time_has_come(hooked, hook)
    await hooked.jobs.drain()
    assert (await hook.states())[0] == ("delivered", 2, "")
    assert await jobs_of(hooked, hook) == (0, 0)


async def test_what_is_published_while_a_target_is_held_leaves_one_job_and_a_test_opens_it(
    hooked: Deskmind, hook: Hook, receiver: Receiver, desk: Desk
) -> None:
    receiver.answers = [500] * 4
    await hook.tell(3)
    await hooked.jobs.drain()
    await hook.sql(
        "UPDATE webhooks SET failures = 9, resume_at = now() + interval '1 hour' WHERE tenant_id = %s",
        desk.scope.tenant_id,
    )
    receiver.answers = []
    begun = len(receiver.got)
    for _ in range(2):
        await hook.tell(5)
        await hooked.jobs.drain()
        assert await jobs_of(hooked, hook) == (0, 1)
    assert len(receiver.got) == begun
    await desk.webhooks.test(hook.id)
    await hooked.jobs.drain()
    states = [state for state, _, _ in await hook.states()]
    assert states[3:] == ["delivered"] * 11


async def test_a_webhook_stands_behind_its_tenants_others_and_no_tenant_behind_them(hooked: Deskmind) -> None:
    mine, others = uuid4(), uuid4()
    hooks = [uuid4() for _ in range(4)]
    async with as_admin(hooked) as connection:

        async def place(tenant: UUID, hook: UUID) -> int:
            await connection.execute("SELECT queue_webhook(%s, %s)", (tenant, hook))
            cursor = await connection.execute(
                "SELECT priority FROM procrastinate_jobs WHERE lock = %s ORDER BY id DESC LIMIT 1",
                (f"webhook:{hook}",),
            )
            row = await cursor.fetchone()
            assert row is not None
            return int(row[0])

        first, second, third = [await place(mine, hook) for hook in hooks[:3]]
        assert first > second > third
        assert await place(mine, hooks[1]) == second  # all that wait for one webhook are done by one job
        assert await place(others, hooks[3]) > third
        await connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)"
            " SELECT 'ingest', 'knowledge.ingest', %s - n, jsonb_build_object('tenant_id', %s::uuid)"
            " FROM generate_series(1, 100) n",
            (third, mine),
        )
        assert await place(mine, uuid4()) == third - 1  # its own backlog does not hold its deliveries
        await connection.execute(
            "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 minute' WHERE lock = %s",
            (f"webhook:{hooks[2]}",),
        )
        assert await place(mine, hooks[2]) == third + 1  # one that failed and is tried again later holds none


async def test_a_tenants_slow_targets_leave_places_of_the_worker_to_others(
    make_hook: MakeHook, hooked: Deskmind, receiver: Receiver, desk: Desk
) -> None:
    hooks = [await make_hook() for _ in range(3)]
    receiver.answers = ["hang"] * 6
    async with desk.database.transaction(desk.scope) as connection:
        for number in range(2):
            await publish(connection, desk.scope, "run.failed", {"number": number})
    await hooked.jobs.drain()
    assert receiver.most_at_once == 2  # one webhook at a time, two deliveries of each
    for hook in hooks:
        assert all(attempts for _, attempts, _ in await hook.states())
    receiver.held.set()


def test_whoever_ends_names_all_that_waited_for_the_tenants_share() -> None:
    shares, (mine, others), (first, second, third) = Shares(1), (uuid4(), uuid4()), [uuid4() for _ in "abc"]
    assert shares.begin(mine, first)
    assert [shares.begin(mine, one) for one in (second, third, second)] == [False, False, False]
    assert shares.begin(others, first)
    assert shares.end(mine) == [second, third]
    assert shares.begin(mine, third)
    assert (shares.end(mine), shares.end(others)) == ([], [])


async def test_an_act_stands_although_a_webhook_that_wanted_it_is_deleted_meanwhile(
    hook: Hook, desk: Desk
) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        await connection.execute("DELETE FROM webhooks WHERE webhook_id = %s", (hook.id,))
        act = asyncio.create_task(hook.tell())
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        async with asyncio.timeout(60):
            while not (row := await (await connection.execute(blocked)).fetchone()) or not row[0]:
                await asyncio.sleep(0.01)
    await act
    assert await hook.sql("SELECT event_id FROM webhook_events") == []


async def test_a_webhook_is_removed_in_pages_and_disabled_before(
    hook: Hook, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PAGE", 2)
    await hook.tell(5)
    await desk.webhooks.remove(hook.id)
    assert await hook.sql("SELECT delivery_id FROM webhook_deliveries") == []
    acts = [one.details["act"] for one in await desk.audit() if one.resource == f"webhooks/{hook.id}"]
    assert [one for one in acts if one in ("disabled", "removed")] == ["removed", "disabled"]
    with pytest.raises(NotFoundError):
        await desk.webhooks.remove(hook.id)
