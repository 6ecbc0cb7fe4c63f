"""People in the audit log: encrypted, found, erased; and the log that still holds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg import errors as pg

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.database import ScopeSigner
from deskmind.desk import Desk
from deskmind.errors import PermissionDeniedError, TenantNotFoundError
from deskmind.governance.audit import Person, SubjectKeys, record, record_alone, verify_bundle
from deskmind.governance.audit.circumstances import came_from, decided_by
from deskmind.governance.audit.reading import ERASED, UNREADABLE
from deskmind.governance.audit.service import AuditFilter
from deskmind.keyring import Keyring, MemoryKeySource

Admin = AsyncConnection[tuple[object, ...]]
NAME = "wilhelmina.ashcroft"


@pytest.fixture
async def admin(app: Deskmind) -> AsyncIterator[Admin]:
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind")
        yield connection


@pytest.fixture
async def person(app: Deskmind, operator: Desk) -> Desk:
    """The desk of a user who was added, has a key, was refused something, and did something from somewhere."""
    await operator.principals.add_user(NAME)
    await operator.keys.create(NAME)
    desk = await app.desk(tenant=operator.scope.tenant, user=NAME)
    with came_from("192.0.2.77"):
        with pytest.raises(PermissionDeniedError):
            await desk.principals.users()
        async with desk.database.transaction(desk.scope) as connection:
            await record(connection, desk.scope, "documents.delete", resource="document-1", chunks=3)
    return desk


async def _stored(admin: Admin, desk: Desk) -> str:
    """All that the database holds of the tenant's log, as text."""
    found = ""
    for table in ("audit_events", "audit_subjects"):
        cursor = await admin.execute(
            f"SELECT string_agg(t::text, ' ') FROM {table} t WHERE tenant_id = %s".encode(),
            (desk.scope.tenant_id,),
        )
        found += str(await cursor.fetchone())
    cursor = await admin.execute(
        "SELECT string_agg(convert_from(canonical, 'UTF8'), ' ') FROM audit_events WHERE tenant_id = %s",
        (desk.scope.tenant_id,),
    )
    return found + str(await cursor.fetchone())


async def test_the_log_names_nobody_and_still_tells_who_it_was(
    person: Desk, operator: Desk, admin: Admin
) -> None:
    stored = await _stored(admin, operator)
    for personal in (NAME, "192.0.2.77"):
        assert personal not in stored
        assert personal.encode().hex() not in stored
    cursor = await admin.execute(
        "SELECT count(*) FROM audit_events WHERE tenant_id = %s AND convert_from(canonical, 'UTF8') LIKE %s",
        (operator.scope.tenant_id, f"%{person.scope.principal_id}%"),
    )
    assert await cursor.fetchone() == (0,)

    deleted, refused, key, added = await operator.audit(limit=4)
    assert (deleted.principal, deleted.address, deleted.resource) == (NAME, "192.0.2.77", "document-1")
    assert deleted.details == {"chunks": 3}
    assert (refused.principal, refused.outcome, refused.decision) == (
        NAME,
        "denied",
        "no role includes principals:read",
    )
    assert (key.principal, key.details) == ("operator", {"user": NAME})
    assert (added.resource, added.details["role"]) == (NAME, "member")


async def test_a_person_is_found_by_name_and_by_id(person: Desk, operator: Desk) -> None:
    log = operator.audit_log
    for wanted in (NAME, str(person.scope.principal_id)):
        found = await log.search(AuditFilter(principal=wanted))
        assert {event.action for event in found} == {"documents.delete", "principals.read"}
    (added,) = await log.search(AuditFilter(resource=NAME))
    assert added.action == "principals.write"
    assert await log.search(AuditFilter(principal="wilhelmina")) == []
    assert all(event.subject is None for event in await log.search(AuditFilter(principal="operator")))


@pytest.mark.parametrize("by_id", [False, True])
async def test_an_erased_person_is_named_nowhere_and_the_log_holds(
    app: Deskmind, person: Desk, operator: Desk, admin: Admin, by_id: bool
) -> None:
    await app.sealing.seal()
    kept, keys = await operator.audit_log.checkpoint(), await app.sealing.public_keys()
    assert kept is not None
    before = [event.event_id for event in await operator.audit()]

    assert await operator.audit_log.forget(str(person.scope.principal_id) if by_id else NAME)

    assert not await operator.audit_log.forget(NAME)
    deleted, refused, key, added = (await operator.audit())[2:6]
    assert [event.event_id for event in (await operator.audit())[2:]] == before
    assert (deleted.principal, deleted.address, deleted.resource) == (ERASED, "", "document-1")
    assert (refused.principal, key.details["user"], added.resource) == (ERASED, ERASED, ERASED)
    assert await operator.audit_log.search(AuditFilter(principal=NAME)) == []
    assert NAME not in " ".join(map(str, [event async for event in operator.audit_log.events()]))
    assert NAME not in await _stored(admin, operator)
    cursor = await admin.execute(
        "SELECT count(*) FILTER (WHERE wrapped IS NOT NULL OR mark IS NOT NULL OR principal_id IS NOT NULL), count(*)"
        "  FROM audit_subjects WHERE tenant_id = %s",
        (operator.scope.tenant_id,),
    )
    assert await cursor.fetchone() == (0, 1)

    await app.sealing.seal()
    report = await operator.audit_log.verify(keys, kept=[kept])
    assert (report.holds, report.covered) == (True, report.events)
    lines = b"".join([chunk async for chunk in operator.audit_log.export()]).splitlines(keepends=True)
    assert verify_bundle(lines, keys, kept=[kept]).holds


async def test_the_key_of_one_person_is_destroyed_and_no_other(
    app: Deskmind, person: Desk, operator: Desk
) -> None:
    await operator.principals.add_user("bob")
    bob = await app.desk(tenant=operator.scope.tenant, user="bob")
    with pytest.raises(PermissionDeniedError):
        await bob.keys.all()
    await operator.audit_log.forget(NAME)
    assert [event.principal for event in await operator.audit(limit=3)] == ["operator", "bob", "operator"]


async def test_who_goes_on_after_being_erased_has_another_key(person: Desk, operator: Desk) -> None:
    """Also in a process that still remembers the key that another destroyed."""
    async with operator.database.transaction(operator.scope) as connection:
        elsewhere = SubjectKeys(_keyring_of(operator), operator.scope.tenant_id)
        assert await elsewhere.destroy(connection, NAME)
    with pytest.raises(PermissionDeniedError):
        await person.principals.users()
    newest, older = (await operator.audit_log.search(AuditFilter(action="principals.read")))[:2]
    assert (newest.principal, older.principal) == (NAME, ERASED)
    assert newest.subject != older.subject


def _keyring_of(desk: Desk) -> Keyring:
    from deskmind.governance.audit import SubjectRing

    return desk.database.companions[SubjectRing].keyring


_DESTROYED = """
UPDATE audit_subjects SET wrapped = NULL, mark = NULL, principal_id = NULL, destroyed_at = now() WHERE tenant_id = %s
"""


async def _acts(desk: Desk) -> None:
    """An act with its event, committed together."""
    await desk.conversations.create("Printers")


async def _is_refused(desk: Desk) -> None:
    """An event that is no act, alone."""
    with pytest.raises(PermissionDeniedError):
        await desk.principals.users()


@pytest.mark.parametrize("act", [_acts, _is_refused])
async def test_a_key_that_was_destroyed_elsewhere_meanwhile_is_not_used_and_nothing_is_lost(
    admin: Admin, person: Desk, operator: Desk, act: Callable[[Desk], Awaitable[None]]
) -> None:
    await act(person)
    before = len(await operator.audit())
    await admin.execute(_DESTROYED, (operator.scope.tenant_id,))
    await act(person)
    newest, *older = [event for event in await operator.audit() if event.action != "audit.read"]
    assert (len(older) + 1, newest.principal) == (before + 1, NAME)
    assert older[0].principal == ERASED
    assert len(await person.conversations.list()) == 2 * (act is _acts)


async def test_an_event_alone_is_stored_once_over_a_connection_that_broke(
    app: Deskmind, admin: Admin, person: Desk, operator: Desk
) -> None:
    before = len(await operator.audit())
    assert app.database._pool is not None
    idle = [connection.info.backend_pid for connection in app.database._pool._pool]
    await admin.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) u(pid)", (idle,))
    await _is_refused(person)
    assert len(await operator.audit()) == before + 1


async def test_nothing_is_recorded_alone_for_a_tenant_that_is_gone(
    app: Deskmind, person: Desk, operator: Desk
) -> None:
    await app.tenants.delete(operator.scope.tenant)
    with pytest.raises(TenantNotFoundError):
        await record_alone(app.database, person.scope, "documents.read")


async def test_a_key_made_in_a_transaction_that_failed_is_made_again(app: Deskmind, operator: Desk) -> None:
    await operator.principals.add_user("eve")
    await operator.audit_log.forget("eve")
    eve = await app.desk(tenant=operator.scope.tenant, user="eve")
    with suppress(ZeroDivisionError):
        async with eve.database.transaction(eve.scope) as connection:
            await record(connection, eve.scope, "never.done")
            await connection.settle()
            raise ZeroDivisionError
    with pytest.raises(PermissionDeniedError):
        await eve.keys.all()
    (event,) = await operator.audit_log.search(AuditFilter(principal="eve"))
    assert event.action == "keys.read"


async def test_another_encryption_in_its_place_is_not_believed(
    person: Desk, operator: Desk, admin: Admin
) -> None:
    """Moved from another event of the same person by a superuser: it is bound to its event."""
    deleted, refused = (await operator.audit(limit=2))[:2]
    await admin.execute(
        "UPDATE audit_events SET personal = (SELECT personal FROM audit_events WHERE event_id = %s) WHERE event_id = %s",
        (refused.event_id, deleted.event_id),
    )
    assert (await operator.audit(limit=1))[0].principal == UNREADABLE


async def test_rotated_keys_are_wrapped_anew_and_old_ones_retire(
    app: Deskmind, person: Desk, operator: Desk
) -> None:
    ring = app.keyring
    old = ring.current("audit-subjects").version
    ring.rotate("audit-subjects")
    assert (await operator.audit(limit=1))[0].principal == NAME
    assert [event.principal for event in await operator.audit_log.search(AuditFilter(principal=NAME))] == [
        NAME
    ] * 2
    assert await operator.audit_log.rewrap() == 1
    lost = await operator.audit_log.rewrap()
    assert lost == 0
    rest = SubjectKeys(ring, operator.scope.tenant_id)
    async with operator.database.transaction(operator.scope) as connection:
        cursor = await connection.execute("SELECT DISTINCT ring_version FROM audit_subjects")
        assert await cursor.fetchall() == [(old + 1,)]
        assert len(await rest.named(connection, NAME)) == 1


async def test_another_keyring_reads_nothing(person: Desk, operator: Desk) -> None:
    strange = SubjectKeys(Keyring(MemoryKeySource()), operator.scope.tenant_id)
    async with operator.database.transaction(operator.scope) as connection:
        cursor = await connection.execute("SELECT key_id FROM audit_subjects")
        ids = [row[0] for row in await cursor.fetchall()]
        assert await strange.named(connection, NAME) == []
        assert await strange.known(connection, ids) == {}
        assert not await strange.destroy(connection, NAME)


async def test_a_user_sees_the_own_key_only_and_destroys_none(
    app: Deskmind, person: Desk, operator: Desk
) -> None:
    await operator.principals.add_user("bob")
    async with person.database.transaction(person.scope) as connection:
        cursor = await connection.execute("SELECT principal_id FROM audit_subjects")
        assert await cursor.fetchall() == [(person.scope.principal_id,)]
        cursor = await connection.execute("UPDATE audit_subjects SET wrapped = NULL, mark = NULL")
        assert cursor.rowcount == 0
    with pytest.raises(PermissionDeniedError):
        await person.audit_log.forget("bob")
    with pytest.raises(PermissionDeniedError):
        await app.audit_log.forget("bob")


async def test_nobody_records_in_anothers_name(app: Deskmind, person: Desk, operator: Desk) -> None:
    """With SQL and a valid token: neither for another principal, nor under another's key, nor in another's log."""
    await operator.principals.add_user("bob")
    bob = await app.desk(tenant=operator.scope.tenant, user="bob")
    async with operator.database.transaction(operator.scope) as connection:
        key = (await SubjectKeys(app.keyring, operator.scope.tenant_id).named(connection, NAME))[0]
    event = {"event_id": str(uuid4()), "age": 0, "principal": "", "action": "a", "resource": "", "outcome": "done",
             "decision": "", "correlation_id": "", "details": {}}  # fmt: skip
    mine, theirs = bob.scope.principal_id, person.scope.principal_id
    async with await AsyncConnection.connect(app.database.endpoints.app, autocommit=True) as connection:
        token = ScopeSigner(lambda: app.keyring.current("scope-token")).sign(
            bob.scope, connection.info.backend_pid
        )

        async def append(tenant: UUID, actor: UUID, **more: str) -> object:
            async with connection.transaction():
                await connection.execute("SELECT set_config('deskmind.scope', %s, true)", (token,))
                values = (tenant, actor, json.dumps([{**event, **more}]))
                row = await (await connection.execute("SELECT audit_append(%s, %s, %s)", values)).fetchone()
                return row[0] if row else None

        for tenant, actor in ((bob.scope.tenant_id, theirs), (uuid4(), mine), (UUID(int=0), mine)):
            with pytest.raises(pg.InsufficientPrivilege):
                await append(tenant, actor)
        left = await append(bob.scope.tenant_id, mine, subject=str(key), personal="00")
        assert left == [UUID(str(event["event_id"]))]
    assert all(item.action != "a" for item in await operator.audit())


async def test_events_of_the_release_before_still_hold(app: Deskmind, operator: Desk) -> None:
    async with operator.database.transaction(operator.scope) as connection:
        await connection.execute(
            "INSERT INTO audit_events (tenant_id, event_id, principal_id, principal, action, outcome)"
            " VALUES (%s, %s, %s, 'operator', 'older.act', 'done')",
            (operator.scope.tenant_id, uuid4(), operator.scope.principal_id),
        )
        await record(connection, operator.scope, "newer.act")
    await app.sealing.seal()
    report = await operator.audit_log.verify(await app.sealing.public_keys())
    assert report.holds
    lines = b"".join([chunk async for chunk in operator.audit_log.export()]).splitlines(keepends=True)
    assert {line[:10] for line in lines if line.startswith(b'{"audit"')} == {b'{"audit":1', b'{"audit":2'}
    assert verify_bundle(lines, await app.sealing.public_keys()).holds


async def test_what_decided_is_recorded(operator: Desk) -> None:
    async with operator.database.transaction(operator.scope) as connection:
        with decided_by("cedar:office-hours"):
            await record(connection, operator.scope, "documents.read", outcome="denied")
    assert (await operator.audit(limit=1))[0].decision == "cedar:office-hours"


async def test_one_event_names_one_person(operator: Desk) -> None:
    async with operator.database.transaction(operator.scope) as connection:
        with pytest.raises(ValueError, match="one person"):
            await record(connection, operator.scope, "a.b", resource=Person("ann"), user=Person("bob"))
    with pytest.raises(ValueError, match="a name or the id"):
        Person()


async def test_a_request_over_http_says_from_where(app: Deskmind, person: Desk, operator: Desk) -> None:
    key = (await operator.keys.create(NAME)).secret
    service = create_app(app=app)
    transport = httpx.ASGITransport(service, client=("198.51.100.9", 4711))
    async with (
        service.router.lifespan_context(service),
        httpx.AsyncClient(transport=transport, base_url="http://desk") as client,
    ):
        answer = await client.post(
            "/v1/search", json={"query": "printer"}, headers={"authorization": f"Bearer {key}"}
        )
    assert answer.status_code == 200
    (event,) = await operator.audit_log.search(AuditFilter(action="knowledge.search"))
    assert (event.principal, event.address) == (NAME, "198.51.100.9")
