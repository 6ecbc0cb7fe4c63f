"""What is claimed: no more than is wanted, in the order of the events; what was not begun is as if it never was claimed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from tests.webhooks.conftest import Hook, Receiver, Room

from deskmind.app import Deskmind
from deskmind.webhooks import delivering
from deskmind.webhooks.delivering import Deliverer
from deskmind.webhooks.turns import claim, give_back


async def test_no_more_is_claimed_than_is_wanted_where_the_tables_were_counted_while_they_were_empty(
    app: Deskmind, hook: Hook
) -> None:
    """The planner then reads the deliveries first and makes the choice for each of them."""
    endpoints = app.database.endpoints
    assert endpoints.admin is not None
    async with await psycopg.AsyncConnection.connect(endpoints.admin, autocommit=True) as admin:
        for table in ("webhook_deliveries", "webhook_events"):
            await admin.execute(f"VACUUM ANALYZE {endpoints.schema}.{table}".encode())
    await hook.tell(9)
    scope = hook.desk.scope
    async with hook.desk.database.transaction(scope) as connection:
        claimed = await claim(connection, scope, hook.id, most=1, lease=60)
    assert len(claimed) == 1
    assert [attempts for _, attempts, _ in await hook.states()] == [1, *[0] * 8]


async def test_what_is_given_back_is_as_it_was_and_comes_before_the_backlog(
    hook: Hook, receiver: Receiver
) -> None:
    async def rows() -> list[tuple[Any, ...]]:
        return await hook.sql(
            "SELECT delivery_id, state, attempts, tries, due_at, status, problem, milliseconds FROM webhook_deliveries"
            " ORDER BY created_at"
        )

    receiver.answers = [401]
    await hook.tell()
    await hook.deliver()
    await hook.at_once()
    await hook.tell(9)
    before = await rows()
    scope = hook.desk.scope
    async with hook.desk.database.transaction(scope) as connection:
        claimed = await claim(connection, scope, hook.id, most=4, lease=60)
        await give_back(connection, scope, claimed)
    assert await rows() == before
    async with hook.desk.database.transaction(scope) as connection:
        again = await claim(connection, scope, hook.id, most=4, lease=60)
    assert [one.delivery_id for one in again] == [one.delivery_id for one in claimed]
    assert [one.delivery_id for one in claimed] == [row[0] for row in before[:4]]


async def test_one_at_a_time_comes_in_order_although_each_answer_takes_the_whole_turn(
    hooked: Deskmind, hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clock() -> float:
        """Six seconds go by with each request; a turn has five."""
        return 6.0 * len(receiver.got)

    monkeypatch.setattr(delivering, "time", SimpleNamespace(monotonic=clock, time=time.time))
    await hook.tell(10)
    hook.deliverer = Deliverer(hooked.database, Room.of(hooked, concurrency=1))
    for _ in range(10):
        await hook.deliver()
    await hook.deliverer.close()
    numbers = [receiver.event(hook.made.secret, place).data["number"] for place in range(10)]
    assert numbers == list(range(10))
