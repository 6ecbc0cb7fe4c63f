"""What a run does when others act meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from deskmind.app import Deskmind
from deskmind.connectors.model import Article, Kind, Service
from deskmind.connectors.protocol import AnyRecord, Undecoded
from deskmind.database import Connection
from deskmind.desk import Desk
from deskmind.governance.privacy import Subject, identifier_of
from deskmind.knowledge.ingest.locking import lock_to_write
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.sync import running
from deskmind.sync.erasing import SyncStore
from deskmind.sync.passes import Pass
from deskmind.sync.running import Runner
from deskmind.sync.storing import Counted, RecordStore

from .conftest import connect, here, sql, there

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
async def store(app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox) -> RecordStore:
    await connect(operator, servicenow_box, kinds=("article", "service"))
    return await Runner(app.database, operator.scope, app).store(await operator.connections.get("now"))


def service(name: str, minutes: int) -> Service:
    return Service(vendor="servicenow", id="s", name=name, updated_at=NOON + timedelta(minutes=minutes))


async def test_a_webhooks_record_does_not_go_over_a_newer_one(operator: Desk, store: RecordStore) -> None:
    await store.store(Kind.SERVICE, [service("new", 5)])
    await store.store(Kind.SERVICE, [service("old", 1)], unless_newer=True)
    assert [one["name"] for one in await operator.sync.records("now", "service")] == ["new"]
    await store.store(Kind.SERVICE, [service("newer", 9)], unless_newer=True)
    assert [one["name"] for one in await operator.sync.records("now", "service")] == ["newer"]
    await store.store(Kind.SERVICE, [service("restored", 2)], pass_number=1)
    assert [one["name"] for one in await operator.sync.records("now", "service")] == ["restored"]


@pytest.mark.parametrize("table", ["synced_records", "sync_problems"])
async def test_what_removes_a_record_holds_none_while_it_waits_for_who_writes(
    app: Deskmind, operator: Desk, store: RecordStore, table: str
) -> None:
    """Who writes has the knowledge first, then the rows: in the other order the two would wait for each other."""
    article = Article(vendor="servicenow", id="a", key="KB1", title="Mail", text="Mail is down")
    await store.store(Kind.ARTICLE, [article])
    await store.problem(Kind.ARTICLE, "b", "KeyError")
    undecoded = [Undecoded(Kind.ARTICLE, "b", "KeyError")] if table == "sync_problems" else []

    async def gone(connection: Connection) -> None:
        await store.remove(connection, Kind.ARTICLE, ["a"])

    blocked = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    async with app.database.transaction(operator.scope) as writing:
        await lock_to_write(writing)
        removal = asyncio.create_task(store.store(Kind.ARTICLE, [], undecoded=undecoded, then=gone))
        async with asyncio.timeout(60):
            while not (row := await (await writing.execute(blocked)).fetchone()) or not row[0]:
                await asyncio.sleep(0.01)
        found = await writing.execute(f"SELECT external_id FROM {table} FOR UPDATE NOWAIT".encode())
        assert len(await found.fetchall()) == 1
    await removal
    assert await here(operator, Kind.ARTICLE) == {}


async def test_what_a_webhook_brings_during_a_pass_over_everything_stays(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Articles are read whole in each pass, and what a pass has not met is gone after it."""
    await connect(operator, servicenow_box, kinds=("article",))
    await operator.sync.run("now")
    record = next(iter(await there(servicenow_box, Kind.ARTICLE)))
    connection_id = (await operator.connections.get("now")).connection_id
    runner, stored, called = Runner(app.database, operator.scope, app), RecordStore.store, list[str]()

    async def store(self: RecordStore, kind: Kind, records: Sequence[AnyRecord], **more: Any) -> Counted:
        counted = await stored(self, kind, records, **more)
        if not called and record in {one.id for one in records}:
            called.append(record)
            change_article(servicenow_box, record)
            await runner.read_one(connection_id, kind, record)
        return counted

    monkeypatch.setattr(RecordStore, "store", store)
    await runner.run(connection_id)
    assert called
    assert await here(operator, Kind.ARTICLE) == await there(servicenow_box, Kind.ARTICLE)


async def test_an_erasure_masks_what_a_run_stores_meanwhile(
    app: Deskmind, operator: Desk, store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has read before would go over it, and be called current."""
    told = "Ask Zora Quill, {}."
    await store.store(Kind.SERVICE, [service(told.format("at noon"), 1)])
    read = SyncStore._batches

    async def batches(self: SyncStore, subject: Subject) -> AsyncIterator[list[Any]]:
        async for batch in read(self, subject):
            await store.store(Kind.SERVICE, [service(told.format("in the evening"), 2)])
            yield batch

    monkeypatch.setattr(SyncStore, "_batches", batches)
    subject = Subject(operator.scope, None, "", (identifier_of("Zora Quill"),), uuid4())
    assert await SyncStore(app.database).erase(subject) == {"masked": 1}
    (found,) = await operator.sync.records("now", Kind.SERVICE)
    assert "Zora" not in found["name"]
    assert found["name"].endswith("in the evening.")


@pytest.mark.parametrize("kind", [Kind.ARTICLE, Kind.SERVICE])
async def test_what_is_stored_after_an_erasure_was_masked_after_it(
    app: Deskmind, operator: Desk, store: RecordStore, kind: Kind
) -> None:
    """A page that asked who was erased, and then waited for who writes, asks again."""
    records: dict[Kind, AnyRecord] = {
        Kind.ARTICLE: Article(
            vendor="servicenow", id="s", key="KB1", title="Zora Quill", text="Ask Zora Quill"
        ),
        Kind.SERVICE: service("Zora Quill's", 1),
    }

    async def blocks(writing: Connection, task: asyncio.Task[Any], others: int) -> None:
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        async with asyncio.timeout(60):
            while not task.done() and await (await writing.execute(blocked)).fetchone() != (others,):
                await asyncio.sleep(0.01)

    async with app.database.transaction(operator.scope) as writing:
        await lock_to_write(writing)
        storing = asyncio.create_task(store.store(kind, [records[kind]]))
        await blocks(writing, storing, 1)
        erasing = asyncio.create_task(operator.privacy.erase("zora.quill@example.com", also=["Zora Quill"]))
        await blocks(writing, erasing, 2)
    assert (await storing, (await erasing).state) == (Counted(added=1), "done")
    (found,) = await operator.sync.records("now", kind)
    assert "Zora" not in str(found)
    assert "(erased)" in str(found)


def change_article(box: ServiceNowSandbox, identity: str) -> None:
    admin, found = box.instance.directory.named("admin"), box.instance.store.find("kb_knowledge", identity)
    assert admin is not None
    assert found is not None
    box.clock.advance(5)
    box.instance.records.update("kb_knowledge", found[1], {"short_description": "Changed meanwhile"}, admin)


async def test_a_sweep_that_is_wished_while_one_is_under_way_is_done_by_the_next_run(
    app: Deskmind, operator: Desk, servicenow_box: ServiceNowSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    await operator.sync.run("now")
    connection_id = (await operator.connections.get("now")).connection_id
    swept = running.sweep_kind

    async def sweep_kind(*place: Any, **more: Any) -> Pass:
        done = await swept(*place, **more)
        leave_no_trace(servicenow_box, next(iter(await here(operator, Kind.TICKET))))
        await operator.sync.run("now", sweep=True, wait=False)
        return done

    await sql(operator, "UPDATE connections SET wish_sweep = true RETURNING 1")
    with monkeypatch.context() as patch:
        patch.setattr(running, "sweep_kind", sweep_kind)
        await Runner(app.database, operator.scope, app).run(connection_id)
    assert await here(operator, Kind.TICKET) != await there(servicenow_box, Kind.TICKET)
    servicenow_box.log.clear()
    await operator.sync.run("now")
    assert await here(operator, Kind.TICKET) == await there(servicenow_box, Kind.TICKET)
    assert listed(servicenow_box) > 0
    servicenow_box.log.clear()
    await operator.sync.run("now")
    assert listed(servicenow_box) == 0, "one wish is one sweep"


class _KilledError(BaseException):
    """Stands for the end of the process: nothing after it happens."""


@pytest.mark.parametrize("repaired", [False, True])
async def test_a_sweep_that_was_wished_of_a_run_that_is_killed_is_done_by_the_next(
    app: Deskmind,
    operator: Desk,
    servicenow_box: ServiceNowSandbox,
    monkeypatch: pytest.MonkeyPatch,
    repaired: bool,  # after a run that could not even begin
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    await operator.sync.run("now")
    leave_no_trace(servicenow_box, next(iter(await here(operator, Kind.TICKET))))
    connection_id = (await operator.connections.get("now")).connection_id

    async def killed(self: Runner, *given: object) -> None:
        raise _KilledError

    await sql(operator, "UPDATE connections SET wish_sweep = true RETURNING 1")
    with monkeypatch.context() as patch:
        patch.setattr(Runner, "_read", killed)
        with pytest.raises(_KilledError):
            await Runner(app.database, operator.scope, app).run(connection_id)
    if repaired:
        sealed = await spoiled(operator)
        assert (await operator.sync.run("now")).error.startswith("keyring: ")
        await sql(operator, "UPDATE connections SET sealed = %s RETURNING 1", (sealed,))
    await operator.sync.run("now")
    assert await here(operator, Kind.TICKET) == await there(servicenow_box, Kind.TICKET)


@pytest.mark.usefixtures("impatient")
async def test_a_sweep_that_fails_is_done_again(operator: Desk, servicenow_box: ServiceNowSandbox) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    await operator.sync.run("now")
    leave_no_trace(servicenow_box, next(iter(await here(operator, Kind.TICKET))))
    servicenow_box.faults.add("server_error")
    assert (await operator.sync.run("now", sweep=True)).error
    servicenow_box.faults.clear()
    await operator.sync.run("now")
    assert await here(operator, Kind.TICKET) == await there(servicenow_box, Kind.TICKET)


async def spoiled(desk: Desk) -> bytes:
    """The credentials, which cannot be opened until they are put back."""
    ((sealed,),) = await sql(desk, "SELECT sealed FROM connections")
    await sql(
        desk, "UPDATE connections SET sealed = overlay(sealed placing '\\x00'::bytea from 90) RETURNING 1"
    )
    return bytes(sealed)


def leave_no_trace(box: ServiceNowSandbox, ticket: str) -> None:
    """Delete a ticket as an instance does that does not audit the table."""
    found = box.instance.store.find("task", ticket)
    assert found is not None
    box.instance.store.remove(found[0], ticket)


def listed(box: ServiceNowSandbox) -> int:
    """How often the ids of all tickets were asked for."""
    return len([one for one in box.log if re.search("sysparm_fields=sys_id(&|$)", one.query)])


async def test_credentials_that_cannot_be_opened_are_told_in_the_status(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box)
    await spoiled(operator)
    status = await operator.sync.run("now")
    assert status.error.startswith("keyring: The credentials of the connection cannot be opened.")
    assert status.finished_at is not None


async def test_what_was_wished_of_a_run_that_could_not_begin_is_done_by_the_next(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    await connect(operator, servicenow_box, kinds=("ticket",))
    await operator.sync.run("now")
    sealed = await spoiled(operator)
    assert (await operator.sync.run("now", full=True)).error.startswith("keyring: ")
    await sql(operator, "UPDATE connections SET sealed = %s RETURNING 1", (sealed,))
    await sql(operator, "DELETE FROM synced_records RETURNING 1")  # what only reading it anew brings back
    assert (await operator.sync.run("now")).complete
    assert await here(operator, Kind.TICKET) == await there(servicenow_box, Kind.TICKET)


async def test_a_ticket_with_nothing_but_a_title_is_searchable_and_the_copy_complete(
    operator: Desk, servicenow_box: ServiceNowSandbox
) -> None:
    admin = servicenow_box.instance.directory.named("admin")
    assert admin is not None
    servicenow_box.instance.records.create("incident", {"short_description": "Zeppelin in flames"}, admin)
    await connect(operator, servicenow_box, kinds=("ticket",))
    assert (await operator.sync.run("now")).complete
    titles = [title for (title,) in await sql(operator, "SELECT title FROM documents")]
    assert [one for one in titles if "Zeppelin in flames" in one]
