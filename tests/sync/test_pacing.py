"""One allowance for all who ask a connected system, whatever becomes of them."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import pytest

from deskmind.app import Deskmind
from deskmind.connectors.core import Pace
from deskmind.desk import Desk
from deskmind.errors import NotFoundError, SourceRateLimitedError
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sync.pacing import SharedPace

from .conftest import connect

LIMIT = 400


async def allowances(app: Deskmind, desk: Desk, box: ServiceNowSandbox, count: int) -> list[SharedPace]:
    """What so many workers have of the same connection; its vendor allows ``LIMIT`` requests a second."""
    await connect(desk, box)
    connection = await desk.connections.get("now")
    return [
        SharedPace(Pace(LIMIT, 1.0), app.database, desk.scope, connection.connection_id) for _ in range(count)
    ]


async def test_workers_together_keep_below_the_limit_though_some_are_killed(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    sent: list[float] = []

    async def ask(pace: SharedPace, times: int) -> None:
        for _ in range(times):
            await pace.take()
            sent.append(time.monotonic())

    first, *others = await allowances(app, operator, servicenow_box, 8)
    killed = [asyncio.create_task(ask(one, 1000)) for one in others]
    for one in killed:  # each takes some, and is gone with what it has not used
        before = len(sent)
        while len(sent) < before + 10:
            assert not one.done(), one.exception()
            await asyncio.sleep(0)
        one.cancel()
    await asyncio.gather(*killed, return_exceptions=True)
    await ask(first, 300)
    assert most_in(sent, 1.0) <= LIMIT


def most_in(moments: list[float], seconds: float) -> int:
    most, inside = 0, deque[float]()
    for one in moments:
        inside.append(one)
        while one - inside[0] >= seconds:
            inside.popleft()
        most = max(most, len(inside))
    return most


async def test_a_pause_holds_for_all_of_them(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    first, second = await allowances(app, operator, servicenow_box, 2)
    await first.hold(3600)
    with pytest.raises(SourceRateLimitedError, match="no request before"):
        await second.take()


async def test_who_waits_for_a_connection_that_is_removed_is_told(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    (pace,) = await allowances(app, operator, servicenow_box, 1)
    await operator.connections.remove("now")
    with pytest.raises(NotFoundError, match="connection is gone"):
        async with asyncio.timeout(30):
            await pace.take()
