"""Whom an API key stands for: asked once by many requests, believed for a second, not when it was forgotten meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError
from deskmind.governance.access.authentication import Authentication

_REVOKE = "UPDATE {schema}.api_keys SET revoked_at = now() WHERE key_id = %s"


class _Owner:
    """What another replica or a database administrator does."""

    def __init__(self, app: Deskmind) -> None:
        endpoints = app.database.endpoints
        assert endpoints.admin is not None
        self._address, self._schema = endpoints.admin, endpoints.schema

    async def connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(self._address)

    async def run(self, connection: psycopg.AsyncConnection[Any], statement: str, *values: object) -> None:
        await connection.execute(statement.format(schema=self._schema), values)  # pyright: ignore[reportArgumentType]


class _Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    """The test's own."""
    return _Clock()


@pytest.fixture
async def authentication(app: Deskmind, clock: _Clock) -> Any:
    """One that nobody else uses."""
    made = Authentication(app.database, app.keyring, lambda scope, key: (scope, key), clock=clock)
    yield made
    await made.close()


async def test_what_many_ask_at_once_is_asked_once_and_believed_for_a_second(
    app: Deskmind, operator: Desk, authentication: Authentication, clock: _Clock
) -> None:
    await operator.principals.add_user("ann")
    key = await operator.keys.create("ann")
    found = await asyncio.gather(*(authentication.of(key.secret) for _ in range(200)))
    assert {scope.principal for scope, _ in found} == {"ann"}
    assert {id(scope) for scope, _ in found} == {id(found[0][0])}  # one answer of the database
    owner = _Owner(app)
    async with await owner.connect() as connection:
        await owner.run(connection, _REVOKE, key.key_id)
    clock.now = 0.99
    assert (await authentication.of(key.secret))[1] == key.key_id
    clock.now = 1.0
    with pytest.raises(AuthenticationError):
        await authentication.of(key.secret)


@pytest.mark.parametrize("forgotten", [True, False])
async def test_a_key_revoked_while_it_is_asked_for_is_not_believed(
    app: Deskmind, operator: Desk, authentication: Authentication, forgotten: bool
) -> None:
    await operator.principals.add_user("ann")
    key = await operator.keys.create("ann")
    owner = _Owner(app)
    async with await owner.connect() as connection:
        await owner.run(connection, "LOCK TABLE {schema}.principals IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(authentication.of(key.secret))
        await _waits_for_lock(app)
        if forgotten:
            authentication.forget()
        await owner.run(connection, _REVOKE, key.key_id)
    assert (await asking)[1] == key.key_id  # the key was found before it was revoked
    if forgotten:
        with pytest.raises(AuthenticationError):
            await authentication.of(key.secret)
    else:
        assert (await authentication.of(key.secret))[1] == key.key_id


async def _waits_for_lock(app: Deskmind) -> None:
    owner = _Owner(app)
    async with asyncio.timeout(60), await owner.connect() as connection:
        while True:
            cursor = await connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            row = await cursor.fetchone()
            if row and row[0]:
                return


async def test_a_key_of_a_user_who_is_gone_is_not_valid(
    app: Deskmind, operator: Desk, authentication: Authentication
) -> None:
    await operator.principals.add_user("ann")
    key = await operator.keys.create("ann")
    owner = _Owner(app)
    async with await owner.connect() as connection:
        await owner.run(
            connection,
            "UPDATE {schema}.principals SET disabled_at = now() WHERE tenant_id = %s AND name = 'ann'",
            operator.scope.tenant_id,
        )
    with pytest.raises(AuthenticationError):
        await authentication.of(key.secret)
