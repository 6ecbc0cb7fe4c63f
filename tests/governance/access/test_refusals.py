"""Keys and tokens that are not accepted leave events where they concern a tenant, and no flood of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import AuthenticationError, DatabaseUnavailableError
from deskmind.governance.access.api_keys import NewApiKey, _encode
from deskmind.governance.access.authentication import Authentication
from deskmind.governance.access.refusals import ACTION, Concerned, Refusals
from deskmind.governance.audit import AuditEvent
from deskmind.governance.audit.circumstances import came_from
from deskmind.scope import Scope


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
async def refusals(app: Deskmind, clock: _Clock) -> Refusals:
    """Of one process."""
    return Refusals(app.database, clock=clock)


@pytest.fixture
async def key(operator: Desk) -> NewApiKey:
    """A key that is valid."""
    await operator.principals.add_user("ann")
    return await operator.keys.create("ann")


@pytest.fixture
async def door(app: Deskmind, refusals: Refusals) -> AsyncIterator[Authentication[object]]:
    """Where keys are shown."""
    made: Authentication[object] = Authentication(
        app.database, app.keyring, lambda scope, key: scope, refusals=refusals
    )
    yield made
    await made.close()


@pytest.fixture
async def narrow(app: Deskmind, desk_home: Path) -> AsyncIterator[Deskmind]:
    """An application with one connection to the database: who holds it keeps the others out."""
    del app  # keeps the server running
    database = {"pool_min": 1, "pool_max": 1, "pool_timeout": 1}
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, database=database) as small:
        yield small


async def _events(operator: Desk) -> list[AuditEvent]:
    return [event for event in await operator.audit(limit=1000) if event.action == ACTION]


async def _refused(door: Authentication[object], secret: str, *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(AuthenticationError) as refusal:
            await door.of(secret)
        assert "malformed, unknown, expired or revoked" in str(refusal.value)


async def test_a_key_with_a_wrong_secret_is_an_event_with_the_address(
    operator: Desk, key: NewApiKey, door: Authentication[object]
) -> None:
    with came_from("192.0.2.77"):
        await _refused(door, f"{key.secret[:-4]}0000")
    (event,) = await _events(operator)
    assert (event.outcome, event.resource) == ("denied", str(key.key_id))
    assert event.details == {"reason": "secret", "attempts": 1, "address": "192.0.2.77"}
    assert key.secret[-40:] not in str(event)
    assert await operator.audit_log.forget("192.0.2.77")
    (event,) = await _events(operator)
    assert event.details["address"] == "erased subject"


async def test_expired_revoked_and_unknown_keys_and_those_of_nobody_are_told_apart_in_the_log_alone(
    app: Deskmind, operator: Desk, key: NewApiKey, door: Authentication[object]
) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    expired = await operator.keys.create("ann", expires_at=past)
    revoked = await operator.keys.create("ann")
    await operator.keys.revoke(revoked.key_id)
    unknown = key.secret.replace(_encode(key.key_id), _encode(uuid4()))
    for secret in (expired.secret, revoked.secret, unknown):
        await _refused(door, secret)
    await operator.privacy.request_erasure("ann")  # disables the account at once
    with pytest.raises(AuthenticationError):
        await door.of(key.secret)
    assert {(event.details["reason"], event.resource) for event in await _events(operator)} == {
        ("expired", str(expired.key_id)),
        ("revoked", str(revoked.key_id)),
        ("unknown", ""),
        ("user", str(key.key_id)),
    }


async def test_who_tries_again_and_again_does_not_fill_the_log(
    operator: Desk, key: NewApiKey, door: Authentication[object], refusals: Refusals, clock: _Clock
) -> None:
    wrong = f"{key.secret[:-4]}0000"
    await _refused(door, wrong, times=30)
    assert len(await _events(operator)) == 1
    clock.now = 60
    await refusals.settle()
    assert [event.details["attempts"] for event in await _events(operator)] == [29, 1]
    await _refused(door, wrong, times=5)
    clock.now = 120
    await refusals.settle()
    assert len(await _events(operator)) == 2, "the time has doubled"
    clock.now = 180
    await refusals.settle()
    assert [event.details["attempts"] for event in await _events(operator)] == [5, 29, 1]
    clock.now = 10_000
    await refusals.settle()
    await _refused(door, wrong)
    assert [event.details["attempts"] for event in await _events(operator)] == [1, 5, 29, 1], (
        "a new one is told at once"
    )


async def test_what_is_counted_when_the_process_ends_is_recorded(
    operator: Desk, key: NewApiKey, door: Authentication[object]
) -> None:
    await asyncio.gather(*(_refused(door, f"{key.secret[:-4]}{number:04}") for number in range(8)))
    await door.close()
    assert sum(event.details["attempts"] for event in await _events(operator)) == 8
    assert len(await _events(operator)) == 2


async def test_what_the_log_cannot_take_stays_counted(
    narrow: Deskmind, operator: Desk, clock: _Clock
) -> None:
    refusals = Refusals(narrow.database, clock=clock)
    concerned = Concerned(operator.scope.tenant_id, operator.scope.tenant)
    for _ in range(4):
        await refusals.note(concerned, "token", "okta")
    clock.now = 60
    async with narrow.database.transaction(Scope.directory()):
        with pytest.raises(DatabaseUnavailableError):
            await refusals.settle()
        await refusals.note(concerned, "token", "okta")
    await refusals.settle()
    assert [(event.details["attempts"], event.resource) for event in await _events(operator)] == [
        (4, "okta"),
        (1, "okta"),
    ]
    await refusals.close()
    assert len(await _events(operator)) == 2


async def test_who_is_refused_while_the_log_cannot_be_written_hears_nothing_of_it(
    narrow: Deskmind, operator: Desk, clock: _Clock
) -> None:
    refusals = Refusals(narrow.database, clock=clock)
    async with narrow.database.transaction(Scope.directory()):
        await refusals.note(Concerned(operator.scope.tenant_id, operator.scope.tenant), "token", "okta")
    assert await _events(operator) == []
    await refusals.close()
    assert [(event.details["attempts"], event.resource) for event in await _events(operator)] == [(1, "okta")]


async def test_what_concerns_no_tenant_leaves_no_event(
    app: Deskmind, operator: Desk, key: NewApiKey, door: Authentication[object]
) -> None:
    before = len(await app.audit_log.search(limit=1000))
    elsewhere = key.secret.replace(_encode(operator.scope.tenant_id), _encode(uuid4()))
    for secret in ("", "dk_x", "sk-other", elsewhere):
        await _refused(door, secret)
    assert await _events(operator) == []
    names = [event.action for event in await app.audit_log.search(limit=1000)]
    assert ACTION not in names[: len(names) - before]


async def test_a_tenant_that_was_deleted_meanwhile_is_passed_over(
    app: Deskmind, key: NewApiKey, operator: Desk, door: Authentication[object]
) -> None:
    await _refused(door, f"{key.secret[:-4]}0000", times=3)
    await app.tenants.delete(operator.scope.tenant)
    await door.close()
