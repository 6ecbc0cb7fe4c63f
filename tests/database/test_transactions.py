"""A transaction carries its scope from beginning to end, and nothing of it or of what was done in it stays behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from deskmind.app import Deskmind
from deskmind.database import Database, ScopeSigner
from deskmind.desk import Desk
from deskmind.errors import DeskmindError, InvalidRequestError, KeyringError, UnavailableError
from deskmind.keyring import Key
from deskmind.scope import Scope
from deskmind.settings import DatabaseSettings

_POISON = (
    "SET default_transaction_read_only = on",
    "SET default_transaction_isolation = 'serializable'",
    "SET default_transaction_deferrable = on",
    "SET search_path = pg_temp",
    "SET row_security = off",
    "SET deskmind.scope = 'theirs'",
    "SET statement_timeout = '1h'",
    "SET lock_timeout = 1",
    "LISTEN theirs",
)
_STATE = (
    "SELECT current_setting('transaction_read_only'), current_setting('transaction_isolation'),"
    " current_setting('transaction_deferrable'), replace(current_setting('search_path'), ' ', ''),"
    " current_setting('row_security'), current_setting('statement_timeout'), current_setting('lock_timeout'),"
    " (SELECT scope_tenant())"
)


@pytest.fixture
async def narrow(app: Deskmind, desk_home: Path) -> AsyncIterator[Deskmind]:
    """A second application on the same server whose desks all take turns in one server process."""
    async with Deskmind.open(
        home=desk_home, knowledge={"embedder": "hashing"}, database={"pool_min": 1, "pool_max": 1}
    ) as started:
        yield started


@pytest.fixture
async def desk(operator: Desk, narrow: Deskmind) -> Desk:
    await operator.knowledge.add("secret.md", b"# Secret\n\nnobody else's")
    return await narrow.desk(tenant=operator.scope.tenant)


async def _pid(desk: Desk) -> int:
    async with desk.database.transaction(desk.scope) as connection:
        return await _value(connection, "SELECT pg_backend_pid()")


async def _value(connection: AsyncConnection[Any], statement: str) -> Any:
    row = await (await connection.execute(statement.encode())).fetchone()
    assert row is not None
    return row[0]


async def _nothing_is_left(database: Database) -> None:
    """Look into the server process as its next user would, before anything is wiped."""
    pool = database._pool
    assert pool is not None
    connection = await pool.getconn(10)
    try:
        assert connection.pgconn.transaction_status == TransactionStatus.IDLE
        assert connection.waiting is None
        assert not await _value(connection, "SELECT current_setting('deskmind.scope', true)")
        assert await _value(connection, "SELECT count(*) FROM deskmind.documents") == 0
    finally:
        await pool.putconn(connection)


async def test_a_scope_ends_with_its_transaction(desk: Desk) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        assert await _value(connection, "SELECT count(*) FROM documents") == 1
    await _nothing_is_left(desk.database)


async def test_a_scope_ends_with_an_error(desk: Desk) -> None:
    for statement in ("SELECT 1 / 0", "SELECT * FROM nowhere"):
        with pytest.raises(psycopg.Error):
            async with desk.database.transaction(desk.scope) as connection:
                await connection.execute(statement)
        await _nothing_is_left(desk.database)
    with pytest.raises(ZeroDivisionError):
        async with desk.database.transaction(desk.scope):
            raise ZeroDivisionError
    await _nothing_is_left(desk.database)


async def test_sql_that_ends_the_transaction_ends_the_scope(desk: Desk) -> None:
    for end in ("COMMIT", "ROLLBACK", "COMMIT AND CHAIN"):
        async with desk.database.transaction(desk.scope) as connection:
            await connection.execute(end)
            assert await _value(connection, "SELECT count(*) FROM deskmind.documents") == 0
        await _nothing_is_left(desk.database)


async def test_a_scope_ends_wherever_its_task_is_cancelled(desk: Desk) -> None:
    """While a connection is waited for, in the flight that begins, in a statement, in the commit."""

    async def work() -> None:
        async with desk.database.transaction(desk.scope) as connection:
            await connection.execute("SELECT count(*) FROM documents")

    finished = 0
    for steps in range(60):
        task = asyncio.create_task(work())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        finished += outcome is None
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)
        await _nothing_is_left(desk.database)
    assert finished < 60


async def test_a_statement_alone_is_a_transaction_of_its_own(desk: Desk) -> None:
    database, scope = desk.database, desk.scope
    rows = await database.alone(scope, "SELECT title, NULL, $1::int + 1 FROM documents", ["4"])
    assert rows == [("Secret", None, "5")]
    await _nothing_is_left(database)
    gone = "DELETE FROM documents WHERE tenant_id = $1::uuid RETURNING 1 / $2::int"
    with pytest.raises(psycopg.errors.DivisionByZero):
        await database.alone(scope, gone, [str(scope.tenant_id), "0"])
    await _nothing_is_left(database)
    with pytest.raises(InvalidRequestError, match="NUL"):
        await database.alone(scope, "SELECT $1::text", ["cut\0off"])
    assert await database.alone(scope, "SELECT count(*) FROM documents", []) == [("1",)]


async def test_statements_together_are_one_transaction(desk: Desk) -> None:
    database, scope = desk.database, desk.scope
    none: list[str | None] = []
    renamed = ("UPDATE documents SET title = $1", ["Renamed"])
    with pytest.raises(psycopg.errors.DivisionByZero):
        await database.together(scope, renamed, ("SELECT 1 / $1::int", ["0"]))
    assert await database.alone(scope, "SELECT title FROM documents", none) == [("Secret",)]
    titled = ("SELECT title FROM documents", none)
    assert await database.together(scope, renamed, titled) == [[], [("Renamed",)]]
    await _nothing_is_left(database)


async def test_a_transaction_may_begin_with_a_statement(desk: Desk) -> None:
    database, scope = desk.database, desk.scope
    counted = ("SELECT count(*) FROM documents WHERE tenant_id = $1::uuid", [str(scope.tenant_id)])
    async with database.transaction(scope, counted) as connection:
        assert connection.first == [("1",)]
        assert await _value(connection, "SELECT count(*) FROM documents") == 1
    titled = ("SELECT title FROM documents", list[str | None]())
    async with database.transaction(scope, counted, titled) as connection:
        assert connection.firsts == [[("1",)], [("Secret",)]]
    async with database.transaction(scope) as connection:
        assert connection.first == connection.firsts == []
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with database.transaction(scope, ("SELECT 1 / $1::int", ["0"])):
            raise AssertionError
    await _nothing_is_left(database)


@pytest.mark.parametrize("first", [None, ("SELECT count(*) FROM documents", [])])
async def test_what_a_spoilt_process_would_stop_is_done_in_another(
    desk: Desk, first: tuple[str, list[str | None]] | None
) -> None:
    with suppress(UnavailableError):
        async with desk.database.transaction(desk.scope) as connection:
            await connection.execute("SET statement_timeout = 1")
    if first is None:
        assert await desk.database.alone(desk.scope, "SELECT count(*) FROM documents", []) == [("1",)]
        return
    async with desk.database.transaction(desk.scope, first) as connection:
        assert connection.first == [("1",)]


async def test_a_long_statement_is_cancelled_with_its_task(desk: Desk) -> None:
    running = asyncio.Event()

    async def work() -> None:
        async with desk.database.transaction(desk.scope) as connection:
            running.set()
            await connection.execute("SELECT pg_sleep(600)")

    task = asyncio.create_task(work())
    await running.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _nothing_is_left(desk.database)


async def test_what_a_session_was_set_to_does_not_reach_the_next_transaction(desk: Desk) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        expected = await (await connection.execute(_STATE)).fetchone()
        pid = await _value(connection, "SELECT pg_backend_pid()")
        for statement in _POISON:
            await connection.execute(statement)
    assert expected is not None
    assert expected[:4] == ("off", "read committed", "off", "deskmind,public")
    for fails in (True, False):  # what is reset in a transaction that fails comes back, and is reset again
        with suppress(ZeroDivisionError):
            async with desk.database.transaction(desk.scope) as connection:
                assert await (await connection.execute(_STATE)).fetchone() == expected
                assert await _value(connection, "SELECT pg_backend_pid()") == pid
                await connection.execute("INSERT INTO memberships SELECT * FROM memberships WHERE false")
                if fails:
                    raise ZeroDivisionError


async def test_a_process_that_was_spoilt_is_replaced(desk: Desk) -> None:
    """One whose statements are stopped before they can be done may not be wiped; nobody is bothered with it."""
    with suppress(UnavailableError):  # the commit may itself take too long
        async with desk.database.transaction(desk.scope) as connection:
            await connection.execute("SET statement_timeout = 1")
    assert len(await desk.knowledge.documents()) == 1


async def test_connections_that_were_ended_while_idle_are_replaced_unnoticed(
    desk: Desk, narrow: Deskmind
) -> None:
    ended = await _pid(desk)
    async with await AsyncConnection.connect(narrow.database.endpoints.app, autocommit=True) as other:
        assert await _value(other, f"SELECT pg_terminate_backend({ended}, 5000)")
    assert await _pid(desk) != ended


async def test_the_activity_shows_no_token(desk: Desk, narrow: Deskmind) -> None:
    async with (
        await AsyncConnection.connect(narrow.database.endpoints.app, autocommit=True) as other,
        desk.database.transaction(desk.scope) as connection,
    ):
        pid = connection.info.backend_pid
        shown = await _value(other, f"SELECT query FROM pg_stat_activity WHERE pid = {pid}")
        token = await _value(connection, "SELECT current_setting('deskmind.scope')")
    assert "deskmind.scope" in shown
    assert "$1" in shown
    assert desk.scope.tenant_id.hex in token
    assert desk.scope.tenant_id.hex not in shown


async def test_a_statement_is_stopped_in_time(app: Deskmind, desk_home: Path, operator: Desk) -> None:
    settings: dict[str, Any] = {"pool_min": 1, "pool_max": 1, "statement_timeout": 1}
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, database=settings) as hasty:
        desk = await hasty.desk(tenant=operator.scope.tenant)
        async with desk.database.transaction(desk.scope) as connection:
            await connection.execute("SET statement_timeout = 0")
        with pytest.raises(UnavailableError, match="too long"):
            async with desk.database.transaction(desk.scope) as connection:
                await connection.execute("SELECT pg_sleep(600)")
        await _nothing_is_left(desk.database)


async def test_a_key_that_cannot_be_had_costs_no_connection(app: Deskmind) -> None:
    key: list[Key] = []

    def current() -> Key:
        if not key:
            raise KeyringError("There is no key.")
        return key[0]

    database = Database(
        app.database.endpoints,
        DatabaseSettings(pool_min=1, pool_max=1, pool_timeout=10),
        ScopeSigner(current),
    )
    await database.open()
    try:
        for _ in range(3):
            with pytest.raises(KeyringError):
                async with database.transaction(Scope.directory()):
                    pass
        key.append(app.keyring.current("scope-token"))
        async with database.transaction(Scope.directory()) as connection:
            assert await _value(connection, "SELECT scope_act()") == "directory"
    finally:
        await database.close()


async def test_options_of_the_address_are_kept(app: Deskmind) -> None:
    endpoints = app.database.endpoints
    own = psycopg.conninfo.make_conninfo(endpoints.app, options="-c work_mem=5MB")
    database = Database(
        replace(endpoints, app=own),
        DatabaseSettings(pool_min=1, pool_max=1),
        ScopeSigner(lambda: app.keyring.current("scope-token")),
    )
    await database.open()
    try:
        async with database.transaction(Scope.directory()) as connection:
            assert await _value(connection, "SHOW work_mem") == "5MB"
            assert await _value(connection, "SELECT count(*) FROM tenants") is not None
    finally:
        await database.close()


async def test_a_connection_lost_before_the_commit_is_an_error(desk: Desk, narrow: Deskmind) -> None:
    async with await AsyncConnection.connect(narrow.database.endpoints.app, autocommit=True) as other:
        with pytest.raises(DeskmindError):
            async with desk.database.transaction(desk.scope) as connection:
                assert await _value(
                    other, f"SELECT pg_terminate_backend({connection.info.backend_pid}, 5000)"
                )
    assert len(await desk.knowledge.documents()) == 1


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", float("inf"), float("nan")])
async def test_what_json_cannot_hold_is_told(operator: Desk, value: object) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be stored"):
        async with operator.database.transaction(operator.scope) as connection:
            await connection.execute("SELECT %s::jsonb", (Jsonb({"name": value}),))
    with pytest.raises(InvalidRequestError, match="cannot be stored"):
        await operator.database.alone(operator.scope, "SELECT $1::jsonb", [json.dumps({"name": value})])


async def test_other_texts_that_are_no_value_are_not_the_callers_fault(operator: Desk) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        async with operator.database.transaction(operator.scope) as connection:
            await connection.execute("SELECT 'x'::uuid")


async def test_who_is_stopped_because_two_waited_for_each_other_is_told_so(operator: Desk) -> None:
    database, scope = operator.database, operator.scope
    both = asyncio.Barrier(2)

    async def take(first: int, second: int) -> None:
        async with database.transaction(scope) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(4711, %s)", (first,))
            await both.wait()
            await connection.execute("SELECT pg_advisory_xact_lock(4711, %s)", (second,))

    ended = await asyncio.gather(take(1, 2), take(2, 1), return_exceptions=True)
    (error,) = [one for one in ended if one is not None]
    assert type(error) is UnavailableError
    assert "Try again" in str(error)
