"""Conditional writes wait for those of the same resource, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
from tests.api.conftest import Serve

from deskmind.api import create_app
from deskmind.api.manners.locking import ResourceLocks
from deskmind.app import Deskmind
from deskmind.scope import Scope

_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def _until_somebody_waits(app: Deskmind) -> None:
    async with asyncio.timeout(30):
        while True:
            async with app.database.transaction(Scope.directory()) as connection:
                row = await (await connection.execute(_WAITING)).fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(0)


async def _hold(locks: ResourceLocks, who: Scope, path: str) -> None:
    async with locks.held(who, path):
        pass


async def _beside(
    app: Deskmind, who: Scope, path: str, most: int, act: Callable[[ResourceLocks], Any]
) -> Any:
    """What an act gives while another process holds a resource, and three requests of this one wait for it."""
    theirs, ours = (ResourceLocks(lambda: app.database, most) for _ in range(2))
    async with asyncio.TaskGroup() as tasks, theirs.held(who, path):
        for _ in range(3):
            tasks.create_task(_hold(ours, who, path))
        await _until_somebody_waits(app)
        async with asyncio.timeout(30):
            return await act(ours)


async def test_those_who_wait_for_one_resource_leave_room_for_others(app: Deskmind, caller: Any) -> None:
    who = caller.desk.scope

    async def another(locks: ResourceLocks) -> bool:
        await _hold(locks, who, "/v1/conversations/b")
        return True

    assert await _beside(app, who, "/v1/conversations/a", 4, another)


async def test_another_tenants_resource_of_the_same_path_is_another(app: Deskmind, caller: Any) -> None:
    who = caller.desk.scope

    async def theirs(locks: ResourceLocks) -> bool:
        await _hold(locks, replace(who, tenant_id=uuid4()), "/v1/access/policy")
        return True

    assert await _beside(app, who, "/v1/access/policy", 4, theirs)


async def test_one_of_two_processes_has_a_resource(app: Deskmind, caller: Any) -> None:
    who = caller.desk.scope

    async def the_same(locks: ResourceLocks) -> bool:
        waiting = asyncio.create_task(_hold(locks, who, "/v1/access/policy"))
        await _until_somebody_waits(app)
        held = not waiting.done()
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        return held

    assert await _beside(app, who, "/v1/access/policy", 4, the_same)


async def test_a_request_of_nobody_waits_for_no_resource(app: Deskmind, caller: Any, serving: Serve) -> None:
    made = (await caller.client.post("/v1/conversations", json={"title": "Printer", "turns": []})).json()
    path = f"/v1/conversations/{made['conversation_id']}"
    locks = ResourceLocks(lambda: app.database, 2)
    given = {"headers": {"If-Match": "*"}, "json": {"title": "Mine"}}
    async with serving(create_app(app=app)) as address, httpx.AsyncClient(base_url=address) as client:
        async with locks.held(caller.desk.scope, path):
            mine = asyncio.create_task(caller.client.patch(path, **given))
            await _until_somebody_waits(app)
            refused = await client.patch(path, **given, timeout=30)
            assert not mine.done()
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"]
        assert (await mine).status_code == 200
