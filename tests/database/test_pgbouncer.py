"""The whole product behind PgBouncer in transaction mode, where the server process changes from act to act."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from deskmind.app import Deskmind, administrator
from deskmind.desk import Desk
from deskmind.errors import ConfigurationError
from deskmind.jobs import defer
from deskmind.scope import Scope
from deskmind.settings import load_settings

_TENANTS = ("north", "south")
_SERVER_CONNECTIONS = 2


@pytest.fixture(scope="module")
def pooler(pooled: Callable[..., Any], new_database: Callable[[], str]) -> Iterator[Any]:
    """PgBouncer with two connections to an empty database."""
    with pooled(new_database(), server_connections=_SERVER_CONNECTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def values(pooler: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings of an installation behind the pooler, whose administrator goes around it."""
    return {
        "home": tmp_path_factory.mktemp("pooled-home"),
        "knowledge": {"embedder": "hashing"},
        "answer": {"threshold": 0.05},
        "database": {
            "url": pooler.address,
            "owner_url": pooler.direct,
            "role_prefix": "pooled",
            "auto_migrate": True,
            "pool_min": 4,
            "pool_max": 20,
        },
    }


@pytest.fixture(scope="module")
async def behind(values: dict[str, Any]) -> AsyncIterator[Deskmind]:
    """An application behind the pooler, with two tenants."""
    async with Deskmind.open(**values) as app:
        for tenant in _TENANTS:
            await app.tenants.create(tenant)
            await (await app.desk(tenant=tenant)).principals.add_user("ann")
        yield app


def folder_of(tenant: str, base: Path) -> Path:
    """Twelve documents that carry the tenant's name in every line."""
    folder = base / tenant
    folder.mkdir()
    for number in range(12):
        text = f"# Printer {number}\n\nThe {tenant} printer {number} is repaired by the {tenant} crew.\n"
        (folder / f"printer-{number}.md").write_text(text)
    return folder


async def use(app: Deskmind, tenant: str, folder: Path) -> list[str]:
    """Everything a tenant does in a day; the texts it was shown."""
    other = _TENANTS[1 - _TENANTS.index(tenant)]
    operator, ann = await app.desk(tenant=tenant), await app.desk(tenant=tenant, user="ann")
    report = await operator.knowledge.ingest(folder)
    assert (report.count("stored"), report.count("failed")) == (12, 0)
    shown: list[str] = []
    for number in range(12):
        question = f"Who repairs the {other} printer {number}?"
        answer = await ann.ask(question)
        shown += [answer.text, *(citation.quote for citation in answer.citations)]
        shown += [passage.text for passage in await ann.knowledge.search(question)]
    listed = await ann.knowledge.documents(limit=200)
    assert len(listed) == 12
    shown += [(await ann.knowledge.document(item.document_id)).text for item in listed]
    await operator.knowledge.delete(listed[0].document_id)
    assert len(await ann.knowledge.documents(limit=200)) == 11
    return shown


async def pid_of(desk: Desk) -> int:
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT pg_backend_pid()")
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_the_pooler_is_noticed(behind: Deskmind) -> None:
    assert behind.database.behind_pooler


async def test_two_tenants_at_once_see_their_own(behind: Deskmind, pooler: Any, tmp_path: Path) -> None:
    folders = {tenant: folder_of(tenant, tmp_path) for tenant in _TENANTS}
    shown = await asyncio.gather(*(use(behind, tenant, folders[tenant]) for tenant in _TENANTS))
    for own, other, texts in zip(_TENANTS, reversed(_TENANTS), shown, strict=True):
        assert any(own in text for text in texts)
        assert not [text for text in texts if f"the {other} crew" in text]
    servers = await asyncio.to_thread(pooler.show, "SERVERS")
    assert len([row for row in servers if row["user"] == "pooled_app"]) <= _SERVER_CONNECTIONS


async def test_a_scope_holds_though_the_server_process_changes(behind: Deskmind) -> None:
    desks = [await behind.desk(tenant=tenant, user="ann") for tenant in _TENANTS]

    async def count(desk: Desk) -> int:
        async with desk.database.transaction(desk.scope) as connection:
            cursor = await connection.execute("SELECT scope_tenant()")
            row = await cursor.fetchone()
            assert row == (desk.scope.tenant_id,)
            cursor = await connection.execute("SELECT pg_backend_pid()")
            row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    pids = await asyncio.gather(*(count(desks[number % 2]) for number in range(60)))
    assert len(set(pids)) == _SERVER_CONNECTIONS


async def test_more_clients_than_server_connections_wait_their_turn(behind: Deskmind) -> None:
    desks = [await behind.desk(tenant=tenant, user="ann") for tenant in _TENANTS]
    found = await asyncio.gather(
        *(desks[number % 2].knowledge.search("Who repairs the printer?") for number in range(80))
    )
    assert all(found)


async def test_a_waiting_worker_finds_jobs_without_listening(behind: Deskmind, pooler: Any) -> None:
    """A server process that listens would serve others next; so the worker looks for itself."""
    started = asyncio.Event()

    async def handler(_: dict[str, str]) -> None:
        started.set()

    behind.jobs.register("test.noticed", "test", handler)
    desk = await behind.desk(tenant="north")
    arguments = {"tenant_id": str(desk.scope.tenant_id)}
    worker = asyncio.create_task(behind.jobs.work())
    try:
        for number in range(2):
            async with desk.database.transaction(desk.scope) as connection:
                await defer(connection, "test", "test.noticed", str(number), arguments)
            await asyncio.wait_for(started.wait(), 60)
            started.clear()
        with psycopg.connect(pooler.direct, autocommit=True) as connection:
            listening = (
                "SELECT query FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND usename = 'pooled_jobs'"
            )
            assert connection.execute(listening).fetchall() == []
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def test_statements_repeated_often_are_not_prepared(behind: Deskmind) -> None:
    """A name given in one server process means nothing in the next."""
    depths = await asyncio.gather(*(behind.jobs.depth() for _ in range(60)))
    assert {depth["failed"] for depth in depths} == {0}


async def leave_behind(desk: Desk) -> None:
    """What somebody's SQL might leave in a server process beyond its transaction."""
    async with desk.database.transaction(desk.scope) as connection:
        await connection.execute(
            "SELECT set_config('deskmind.left', 'behind', false), pg_advisory_lock(4711),"
            " set_config('default_transaction_read_only', 'on', false)"
        )
        await connection.execute("PREPARE left_behind AS SELECT 1")
        await connection.execute("DECLARE held CURSOR WITH HOLD FOR SELECT title FROM documents")


async def found_there(desk: Desk) -> tuple[Any, ...] | None:
    """Process, setting, open cursors, prepared statements, locks and kind that a transaction finds."""
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute(
            "SELECT pg_backend_pid(), coalesce(current_setting('deskmind.left', true), ''),"
            " (SELECT count(*) FROM pg_cursors WHERE is_holdable), (SELECT count(*) FROM pg_prepared_statements),"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),"
            " current_setting('transaction_read_only')"
        )
        return await cursor.fetchone()


async def test_nothing_is_left_in_a_server_process_for_the_next_tenant(
    pooled: Callable[..., Any], pooler: Any, behind: Deskmind, values: dict[str, Any]
) -> None:
    """With one server connection everybody uses the same process, one after the other."""
    del behind
    with pooled(pooler.direct, server_connections=1) as narrow:
        database = {**values["database"], "url": narrow.address}
        async with Deskmind.open(**{**values, "database": database}) as app:
            north, south = [await app.desk(tenant=tenant) for tenant in _TENANTS]
            leaving = [leave_behind(north) for _ in range(20)]
            looking = [found_there(south) for _ in range(20)]
            acts = [act for pair in zip(leaving, looking, strict=True) for act in pair]
            found = {row for row in await asyncio.gather(*acts) if row is not None}
    assert len({row[0] for row in found}) == 1
    assert {row[1:] for row in found} == {("", 0, 0, 0, "off")}


async def test_provisioning_again_locks_the_pooler_out_of_nothing(
    values: dict[str, Any], behind: Deskmind, pooler: Any
) -> None:
    """The pooler logs in with what the server kept of the passwords: that must stay as it was."""
    kept = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'pooled\\_%' ORDER BY 1"
    with psycopg.connect(pooler.direct, autocommit=True) as connection:
        before = connection.execute(kept).fetchall()
        async with administrator(load_settings(**values)) as provisioner:
            await provisioner.prepare()
        assert connection.execute(kept).fetchall() == before
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pooled_app'"
        )
    await asyncio.gather(*(behind.tenants.all() for _ in range(20)), return_exceptions=True)
    assert await behind.tenants.all()


async def test_migrations_through_the_pooler_are_refused_and_work_around_it(
    values: dict[str, Any], behind: Deskmind
) -> None:
    around = load_settings(**values)
    async with administrator(around) as provisioner:
        await provisioner.prepare()
        assert (await provisioner.migrations.status()).up_to_date
        assert await provisioner.migrations.drift() == []
    through = around.model_copy(
        update={"database": around.database.model_copy(update={"owner_url": around.database.url})}
    )
    assert isinstance(through.database.owner_url, SecretStr)
    async with administrator(through) as provisioner:
        assert (await provisioner.migrations.status()).up_to_date
        for act in (provisioner.prepare(), provisioner.migrations.downgrade("base")):
            with pytest.raises(ConfigurationError, match="pooler") as refusal:
                await act
            assert "DESKMIND_DATABASE_OWNER_URL" in refusal.value.remedy
    assert await behind.tenants.all()


async def test_models_and_their_ledger(pooler: Any, values: dict[str, Any], behind: Deskmind) -> None:
    """Budgets and usage go through the pooler under a login of their own."""
    gateway = await behind.gateway()
    assert gateway is not None
    desk = await behind.desk(tenant="north")
    assert await behind.tenant_budgets(desk.scope.tenant_id) == ()
    servers = await asyncio.to_thread(pooler.show, "SERVERS")
    assert "pooled_ledger" in {row["user"] for row in servers}


async def test_a_server_that_went_away_is_found_again(behind: Deskmind, pooler: Any) -> None:
    """An act whose server process is ended fails alone; those after it work."""
    desk = await behind.desk(tenant="north", user="ann")
    with psycopg.connect(pooler.direct, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'pooled\\_%'"
        )
    await asyncio.gather(*(desk.knowledge.search("printer") for _ in range(10)), return_exceptions=True)
    assert await desk.knowledge.search("Who repairs the printer?")
    async with behind.database.transaction(Scope.directory()):
        pass
