"""Checks of the database server, each against a server in that state, or what it would say in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import AsyncConnection

from deskmind.app import Deskmind
from deskmind.readiness import server
from deskmind.readiness.report import Check


@pytest.fixture
async def administrator(app: Deskmind) -> AsyncIterator[AsyncConnection]:
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        yield connection


@contextmanager
def answering(monkeypatch: pytest.MonkeyPatch, *row: object) -> Iterator[None]:
    """A server that says this, where no test can bring one into that state."""

    async def said(*_: object) -> tuple[object, ...]:
        return row

    with monkeypatch.context() as patch:
        patch.setattr(server, "_row", said)
        yield


def shown(check: Check) -> tuple[str, bool]:
    return check.state, bool(check.remedy)


async def test_all_are_green_on_a_sound_server(app: Deskmind) -> None:
    for check in (
        server.transport,
        server.durability,
        server.transaction_ids,
        server.connections,
        server.clock,
    ):
        found = await check(app)
        assert (found.state, found.remedy) == ("green", ""), found
        assert found.evidence
    assert (await server.latency(app)).evidence["transactions"] > 1


async def test_a_server_that_loses_commits_is_red(app: Deskmind, administrator: AsyncConnection) -> None:
    role = (await (await administrator.execute("SELECT current_database()")).fetchone() or ("",))[0]
    await administrator.execute(f'ALTER DATABASE "{role}" SET synchronous_commit = off'.encode())
    try:
        async with Deskmind.open(app.settings) as fresh:
            found = await server.durability(fresh)
    finally:
        await administrator.execute(f'ALTER DATABASE "{role}" RESET synchronous_commit'.encode())
    assert shown(found) == ("red", True)
    assert found.evidence["synchronous_commit"] == "off"


async def test_an_unencrypted_way_over_a_network_is_red(
    app: Deskmind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(monkeypatch, "10.0.0.5", False, False):
        assert shown(await server.transport(app)) == ("red", True)
    with answering(monkeypatch, "10.0.0.5", True, False):
        assert (await server.transport(app)).state == "green"


async def test_an_old_transaction_id_is_red(app: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MAX_XID_AGE", -1)
    assert shown(await server.transaction_ids(app)) == ("red", True)


async def test_a_server_without_room_for_another_process_is_red(app: Deskmind) -> None:
    room = app.settings.database.model_copy(update={"pool_max": 10_000})
    app_of_many = Deskmind(app.settings.model_copy(update={"database": room}))
    app_of_many.database = app.database
    assert shown(await server.connections(app_of_many)) == ("red", True)


async def test_clocks_apart_are_red_either_way(app: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    for apart in (timedelta(minutes=1), timedelta(minutes=-1)):
        with answering(monkeypatch, datetime.now(UTC) + apart):
            found = await server.clock(app)
        assert shown(found) == ("red", True)
        assert found.evidence["seconds_apart"] > 50


async def test_archiving_that_fails_is_red(app: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await server.archiving(app)).state == "not assessed"
    now = datetime.now(UTC)
    earlier = now - timedelta(hours=1)
    for archived, failed, state in ((earlier, now, "red"), (now, earlier, "green"), (None, now, "red")):
        with answering(monkeypatch, "on", 7, 1, archived, failed):
            assert (await server.archiving(app)).state == state


async def test_a_slow_database_is_red(app: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MAX_LATENCY_MS", 0.0)
    assert shown(await server.latency(app)) == ("red", True)
