"""Whoever is told to stop stops, at whatever moment it is told."""

from __future__ import annotations

import asyncio

import pytest

from deskmind import ending
from deskmind.app import Deskmind
from deskmind.ending import ended


async def test_a_task_that_misses_a_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_PATIENCE", 0.01)
    missed = 0

    async def go_round() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                missed += 1
                if missed > 2:
                    raise

    task = asyncio.create_task(go_round())
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await ended(task)
    assert task.cancelled()
    assert missed == 3


async def test_a_task_that_failed_is_its_own_affair() -> None:
    async def fail() -> None:
        raise ValueError

    await ended(asyncio.create_task(fail()), asyncio.create_task(asyncio.sleep(60)))


async def test_who_waits_for_a_connection_hears_that_it_shall_stop(app: Deskmind) -> None:
    """In the very moment in which it gets one, which goes back then."""
    pool = app.database.pool(app.database.endpoints.app, min_size=1, max_size=1, open=False)
    async with asyncio.timeout(60), pool:
        for _ in range(3):
            only = await pool.getconn()
            waiting = asyncio.create_task(pool.getconn())
            while not pool.get_stats().get("requests_waiting"):
                await asyncio.sleep(0)
            await pool.putconn(only)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
        await pool.putconn(await pool.getconn())


@pytest.mark.parametrize("turns", [0, 1, 3, 10])
async def test_a_worker_is_told_to_stop_while_it_begins(app: Deskmind, turns: int) -> None:
    told = asyncio.Event()
    working = asyncio.create_task(app.jobs.work(told))
    for _ in range(turns):
        await asyncio.sleep(0)
    told.set()
    async with asyncio.timeout(60):
        await working
