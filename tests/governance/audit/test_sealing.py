"""Sealing in a real database: no gap, nobody skipped, and what a superuser does shows against a kept checkpoint."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection, sql
from psycopg import errors as pg

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import DatabaseUnavailableError, NotFoundError, PermissionDeniedError
from deskmind.governance.audit import (
    Checkpoint,
    Person,
    RecordedEvent,
    Report,
    SigningKey,
    VerifyKey,
    canonical_bytes,
    record,
    verify_bundle,
)
from deskmind.governance.audit.checkpoint import origin_of
from deskmind.governance.audit.sealer import Sealer, SealingKeys
from deskmind.governance.audit.service import AuditFilter
from deskmind.governance.audit.tree import Frontier, leaf_hash

Admin = AsyncConnection[tuple[object, ...]]


@pytest.fixture
async def admin(app: Deskmind) -> AsyncIterator[Admin]:
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind")
        yield connection


async def _act(desk: Desk, count: int) -> None:
    async with desk.database.transaction(desk.scope) as connection:
        for number in range(count):
            await record(connection, desk.scope, "documents.delete", resource=f"document-{number}", n=number)


async def _positions(admin: Admin, desk: Desk) -> list[object]:
    cursor = await admin.execute(
        "SELECT position FROM audit_events WHERE tenant_id = %s ORDER BY position", (desk.scope.tenant_id,)
    )
    return [row[0] for row in await cursor.fetchall()]


@pytest.fixture
async def sealed(app: Deskmind, operator: Desk) -> Desk:
    """A desk whose log has twelve events and checkpoints over eight and twelve."""
    already = len(await operator.audit())
    await _act(operator, 8 - already)
    await app.sealing.seal()
    await _act(operator, 4)
    await app.sealing.seal()
    return operator


async def _keys(app: Deskmind) -> tuple[VerifyKey, ...]:
    return await app.sealing.public_keys()


def _kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


async def test_sealed_events_have_places_and_a_checkpoint_that_holds(
    app: Deskmind, sealed: Desk, admin: Admin
) -> None:
    assert await _positions(admin, sealed) == list(range(12))
    report = await sealed.audit_log.verify(await _keys(app))
    assert (report.holds, report.events, report.covered) == (True, 12, 12)
    lines = b"".join([chunk async for chunk in sealed.audit_log.export()]).splitlines(keepends=True)
    assert verify_bundle(lines, await _keys(app)).holds
    assert len(lines) == 1 + 1 + 2 + 12
    assert (await app.sealing.seal()).logs >= 0
    newest = await sealed.audit_log.checkpoint()
    assert newest is not None
    assert newest.size == 13, "that it was carried away is an event too"


async def test_the_database_and_python_write_the_same_bytes(
    app: Deskmind, operator: Desk, admin: Admin
) -> None:
    """The columns are compared with the canonical bytes; each is made by one of them."""
    odd = (
        'quote " backslash \\ tab \t line \n bell \x07 delete \x7f umlaut ü emoji \U0001f600 separator \u2028'
    )
    async with operator.database.transaction(operator.scope) as connection:
        await record(
            connection, operator.scope, odd, resource=odd, text=odd, real=1e-7, big=2**60, none=None, yes=True
        )
        await record(connection, operator.scope, "", items=["b", "a"], zz=1, a=1.50)
        await record(connection, operator.scope, "c.d", resource=Person("ü"), who=Person("ü"))
    await app.sealing.seal()
    assert (await operator.audit_log.verify(await _keys(app))).holds
    cursor = await admin.execute(
        "SELECT canonical, tenant_id, event_id, occurred_at, principal_id, principal, action, resource, outcome,"
        "       correlation_id, details::text, form, subject, personal, about, about_personal, decision"
        "  FROM audit_events WHERE tenant_id = %s",
        (operator.scope.tenant_id,),
    )
    rows = await cursor.fetchall()
    assert len(rows) >= 3
    for stored, *columns in rows:
        assert canonical_bytes(RecordedEvent(*columns)) == stored  # pyright: ignore[reportArgumentType]
    cursor = await admin.execute(
        "SELECT canonical FROM audit_events WHERE tenant_id = %s AND action = %s",
        (operator.scope.tenant_id, odd),
    )
    ((canonical,),) = await cursor.fetchall()
    assert isinstance(canonical, bytes)
    assert json.loads(canonical)["details"]["text"] == odd


async def test_a_transaction_that_commits_late_is_sealed_later_and_not_skipped(
    app: Deskmind, operator: Desk, admin: Admin
) -> None:
    before = len(await operator.audit())
    async with operator.database.transaction(operator.scope) as late:
        await record(late, operator.scope, "late.act")
        await late.settle()
        await _act(operator, 3)
        await app.sealing.seal()
    await _act(operator, 2)
    await app.sealing.seal()
    assert await _positions(admin, operator) == list(range(before + 6))
    assert (await operator.audit_log.verify(await _keys(app))).holds
    cursor = await admin.execute(
        "SELECT position FROM audit_events WHERE tenant_id = %s AND action = 'late.act'",
        (operator.scope.tenant_id,),
    )
    ((position,),) = await cursor.fetchall()
    assert position == before + 3, "it comes after what was sealed while it was open"


async def test_a_sealer_that_dies_leaves_no_gap(app: Deskmind, sealed: Desk, admin: Admin) -> None:
    await _act(sealed, 5)
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address) as holder:
        await holder.execute(
            "SELECT FROM deskmind.audit_events WHERE tenant_id = %s AND position IS NULL FOR UPDATE",
            (sealed.scope.tenant_id,),
        )
        sealing = asyncio.create_task(app.sealing.seal())
        killed: list[tuple[object, ...]] = []
        while not killed:
            cursor = await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'deskmind_sealer' AND wait_event_type = 'Lock'"
            )
            killed = await cursor.fetchall()
        with pytest.raises(DatabaseUnavailableError):
            await sealing
    assert (await _positions(admin, sealed)).count(None) == 5
    await app.sealing.seal()
    assert await _positions(admin, sealed) == list(range(17))
    assert (await sealed.audit_log.verify(await _keys(app))).holds


async def test_two_sealers_at_once_agree(app: Deskmind, operator: Desk, admin: Admin) -> None:
    endpoints = app.database.endpoints
    other = Sealer(endpoints.sealer, endpoints.schema, app.sealing.sealer.keys)
    before = len(await operator.audit())
    for _ in range(4):
        await _act(operator, 3)
        await asyncio.gather(app.sealing.seal(), other.seal())
    await app.sealing.seal()
    assert await _positions(admin, operator) == list(range(before + 12))
    assert (await operator.audit_log.verify(await _keys(app))).holds


async def _edit(admin: Admin, tenant: UUID) -> None:
    """Columns, bytes and hash, so that they agree with each other."""
    await admin.execute(
        "UPDATE audit_events SET resource = 'innocent' WHERE tenant_id = %s AND position = 5", (tenant,)
    )
    await admin.execute(
        "UPDATE audit_events e SET canonical = audit_canonical(e), leaf_hash = sha256('\\x00'::bytea || audit_canonical(e))"
        " WHERE tenant_id = %s AND position = 5",
        (tenant,),
    )


async def _edit_columns(admin: Admin, tenant: UUID) -> None:
    await admin.execute(
        "UPDATE audit_events SET resource = 'innocent' WHERE tenant_id = %s AND position = 5", (tenant,)
    )


async def _edit_columns_and_what_compares_them(admin: Admin, tenant: UUID) -> None:
    """A function of the same name, and a better fit than the server's own, that tells of the edited what was before."""
    await _edit_columns(admin, tenant)
    cursor = await admin.execute(
        "SELECT convert_from(canonical, 'UTF8')::json->>'resource' FROM audit_events WHERE tenant_id = %s AND position = 5",
        (tenant,),
    )
    row = await cursor.fetchone()
    assert row is not None
    await admin.execute(
        sql.SQL(
            "CREATE OR REPLACE FUNCTION deskmind.to_json(given text) RETURNS json LANGUAGE sql STABLE AS"
            " $$ SELECT pg_catalog.to_json(CASE given WHEN 'innocent' THEN {before} ELSE given END) $$"
        ).format(before=sql.Literal(row[0]))
    )


async def _delete(admin: Admin, tenant: UUID) -> None:
    await admin.execute("DELETE FROM audit_events WHERE tenant_id = %s AND position = 5", (tenant,))


async def _close_up(admin: Admin, tenant: UUID) -> None:
    """Delete one and move the others up."""
    await _delete(admin, tenant)
    for position in range(6, 12):
        await admin.execute(
            "UPDATE audit_events SET position = position - 1 WHERE tenant_id = %s AND position = %s",
            (tenant, position),
        )


async def _insert(admin: Admin, tenant: UUID) -> None:
    for position in range(11, 4, -1):
        await admin.execute(
            "UPDATE audit_events SET position = position + 1 WHERE tenant_id = %s AND position = %s",
            (tenant, position),
        )
    await admin.execute(
        "INSERT INTO audit_events (tenant_id, event_id, principal_id, principal, action, outcome)"
        " VALUES (%s, %s, %s, 'nobody', 'documents.read', 'done')",
        (tenant, uuid4(), uuid4()),
    )
    await admin.execute(
        "UPDATE audit_events SET position = 5 WHERE tenant_id = %s AND position IS NULL", (tenant,)
    )


async def _reorder(admin: Admin, tenant: UUID) -> None:
    for old, new in ((5, 99), (6, 5), (99, 6)):
        await admin.execute(
            "UPDATE audit_events SET position = %s WHERE tenant_id = %s AND position = %s", (new, tenant, old)
        )


async def _truncate(admin: Admin, tenant: UUID) -> None:
    """Back to the older checkpoint, as if the rest had never been."""
    await admin.execute("DELETE FROM audit_events WHERE tenant_id = %s AND position >= 8", (tenant,))
    await admin.execute("DELETE FROM audit_checkpoints WHERE tenant_id = %s AND size > 8", (tenant,))


async def _truncate_and_grow(admin: Admin, tenant: UUID) -> None:
    """The end cut off, and as many other events in its place, which the true sealer goes on with."""
    await _truncate(admin, tenant)
    for number in range(8):
        await admin.execute(
            "INSERT INTO audit_events (tenant_id, event_id, principal_id, principal, action, resource, outcome)"
            " VALUES (%s, %s, %s, 'nobody', 'documents.read', %s, 'done')",
            (tenant, uuid4(), uuid4(), str(number)),
        )


async def _fork(admin: Admin, tenant: UUID) -> None:
    """Forget that anything was sealed, and let the true sealer sign another history."""
    await admin.execute("DELETE FROM audit_checkpoints WHERE tenant_id = %s", (tenant,))
    await _edit(admin, tenant)
    await admin.execute("UPDATE audit_events SET position = NULL WHERE tenant_id = %s", (tenant,))


async def _swap_key(admin: Admin, tenant: UUID) -> None:
    """Another history under another key that the database names as the right one."""
    await _edit(admin, tenant)
    cursor = await admin.execute(
        "SELECT canonical FROM audit_events WHERE tenant_id = %s ORDER BY position", (tenant,)
    )
    tree, key = Frontier(), SigningKey(bytes(32))
    for (canonical,) in await cursor.fetchall():
        assert isinstance(canonical, bytes)
        tree.append(leaf_hash(canonical))
    note = key.sign(origin_of(tenant), tree.size, tree.root(), datetime.now(UTC)).note
    await admin.execute("DELETE FROM audit_checkpoints WHERE tenant_id = %s AND size < 12", (tenant,))
    await admin.execute(
        "UPDATE audit_checkpoints SET root = %s, note = %s, public_key = %s WHERE tenant_id = %s",
        (tree.root(), note, str(key.public), tenant),
    )


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        (_edit, {"root"}),
        (_edit_columns, {"columns"}),
        (_edit_columns_and_what_compares_them, {"columns"}),
        (_delete, {"root", "count", "missing"}),
        (_close_up, {"root", "count", "missing"}),
        (_insert, {"root"}),
        (_reorder, {"root"}),
        (_truncate, {"missing"}),
        (_truncate_and_grow, {"root"}),
        (_fork, {"root", "fork"}),
        (_swap_key, {"key", "root"}),
    ],
)
async def test_what_a_superuser_does_shows_against_a_kept_checkpoint(
    app: Deskmind,
    sealed: Desk,
    admin: Admin,
    attack: Callable[[Admin, UUID], Awaitable[None]],
    found: set[str],
) -> None:
    kept, keys = await sealed.audit_log.checkpoint(), await _keys(app)
    assert kept is not None
    assert (await sealed.audit_log.verify(keys, kept=[kept])).holds
    await attack(admin, sealed.scope.tenant_id)
    await app.sealing.seal()
    try:
        report = await sealed.audit_log.verify(keys, kept=[kept])
    finally:
        await admin.execute("DROP FUNCTION IF EXISTS deskmind.to_json(text)")
    assert found <= _kinds(report)
    lines = b"".join([chunk async for chunk in sealed.audit_log.export()]).splitlines(keepends=True)
    offline = verify_bundle(lines, keys, kept=[kept])
    assert offline.holds == (found == {"columns"}), "a bundle holds the bytes, not the columns"
    assert found - {"columns"} <= _kinds(offline)


async def test_the_sealer_does_not_continue_a_log_that_is_not_its_own(
    app: Deskmind, sealed: Desk, admin: Admin
) -> None:
    await _swap_key(admin, sealed.scope.tenant_id)
    await _act(sealed, 1)
    assert sealed.scope.tenant_id in (await app.sealing.seal()).refused
    assert (await _positions(admin, sealed)).count(None) == 1


async def test_a_place_given_by_another_stops_that_log_alone(
    app: Deskmind, sealed: Desk, admin: Admin, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    await _act(sealed, 2)
    await admin.execute(
        "UPDATE audit_events SET position = 12 WHERE tenant_id = %s AND action = 'documents.delete' AND event_id ="
        " (SELECT event_id FROM audit_events WHERE tenant_id = %s AND position IS NULL LIMIT 1)",
        (sealed.scope.tenant_id, sealed.scope.tenant_id),
    )
    neighbour = await app.desk(tenant=await new_tenant())
    await _act(neighbour, 1)
    assert sealed.scope.tenant_id in (await app.sealing.seal()).refused
    assert (await neighbour.audit_log.verify(await _keys(app))).holds


_TROUBLE = """
CREATE FUNCTION deskmind.in_trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE division_by_zero; END $$;
CREATE TRIGGER in_trouble BEFORE UPDATE ON deskmind.audit_events FOR EACH ROW WHEN (OLD.tenant_id = {}) EXECUTE FUNCTION deskmind.in_trouble()
"""


async def test_one_tenants_trouble_keeps_no_other_unsealed(
    app: Deskmind, new_tenant: Callable[[], Awaitable[str]], admin: Admin
) -> None:
    desks = [await app.desk(tenant=await new_tenant()) for _ in range(2)]
    await app.sealing.seal()
    for troubled, other in (desks, desks[::-1]):  # one of them comes first
        for desk in desks:
            await _act(desk, 3)
        statements = sql.SQL(_TROUBLE).format(sql.Literal(str(troubled.scope.tenant_id)))
        await admin.execute(statements)
        try:
            with pytest.raises(pg.DivisionByZero):
                await app.sealing.seal()
        finally:
            await admin.execute("DROP FUNCTION deskmind.in_trouble() CASCADE")
        assert None not in await _positions(admin, other)
        assert None in await _positions(admin, troubled)
        await app.sealing.seal()
        assert None not in await _positions(admin, troubled)


async def test_one_event_is_proved_to_who_holds_the_public_key(app: Deskmind, sealed: Desk) -> None:
    event = (await sealed.audit_log.search(AuditFilter(action="documents.")))[3]
    proof = await sealed.audit_log.prove(event.event_id)
    read = type(proof).parse(str(proof))
    assert read == proof
    assert read.holds(await _keys(app))
    assert not read.holds([SigningKey(bytes(32)).public])
    assert not type(proof)(proof.event + b" ", proof.position, proof.path, proof.checkpoint).holds(
        await _keys(app)
    )
    with pytest.raises(NotFoundError):
        await sealed.audit_log.prove(uuid4())
    for broken in ("", "[]", "{}", '{"proof":2}', '{"proof":1,"path":3}'):
        with pytest.raises(ValueError, match=r"."):
            type(proof).parse(broken)


async def test_a_rotated_key_signs_from_then_on(
    tmp_path: Path, app: Deskmind, sealed: Desk, admin: Admin
) -> None:
    """With a keyring of its own; the events of another are left to the other's sealer."""
    first, keys = await _keys(app), SealingKeys(tmp_path / "ring.json")
    assert keys.public() == (keys.current().public,)
    second = keys.rotate()
    assert SealingKeys(tmp_path / "ring.json").current().public == second == keys.public()[-1]
    endpoints = app.database.endpoints
    await _act(sealed, 1)
    stranger = Sealer(endpoints.sealer, endpoints.schema, keys)
    assert sealed.scope.tenant_id in (await stranger.seal()).refused
    await app.sealing.seal()
    assert (await sealed.audit_log.verify(first)).holds
    assert await _positions(admin, sealed) == list(range(13))


async def test_events_are_found_by_what_they_say(app: Deskmind, operator: Desk) -> None:
    await _act(operator, 3)
    log = operator.audit_log
    assert [event.resource for event in await log.search(AuditFilter(resource="document-1"))] == [
        "document-1"
    ]
    assert len(await log.search(AuditFilter(action="documents."), limit=2)) == 2
    newest = (await log.search())[0]
    assert await log.search(AuditFilter(since=newest.occurred_at, until=newest.occurred_at)) == []
    assert newest in await log.search(
        AuditFilter(since=newest.occurred_at, principal="operator", outcome="done")
    )
    assert await log.search(AuditFilter(outcome="failed")) == []


async def test_a_log_is_its_tenants_operators_alone(
    app: Deskmind, sealed: Desk, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    stranger = await app.desk(tenant=await new_tenant())
    assert await stranger.audit_log.checkpoint() is None
    assert (await stranger.audit_log.verify(await _keys(app))).events == 0
    await sealed.principals.add_user("member")
    member = await app.desk(tenant=sealed.scope.tenant, user="member")
    with pytest.raises(PermissionDeniedError):
        await member.audit_log.checkpoint()
    with pytest.raises(PermissionDeniedError):
        await anext(aiter(member.audit_log.export()))


async def test_the_installations_own_log_is_sealed_too(app: Deskmind, operator: Desk) -> None:
    del operator
    await app.sealing.seal()
    newest = await app.audit_log.checkpoint()
    assert newest is not None
    assert newest.origin == f"deskmind.audit/{UUID(int=0)}"
    assert (await app.audit_log.verify(await _keys(app), kept=[newest])).holds


async def test_what_waits_is_counted(app: Deskmind, operator: Desk) -> None:
    await app.sealing.seal()
    refused = (await app.sealing.backlog()).events
    await _act(operator, 3)
    backlog = await app.sealing.backlog()
    assert backlog.events == refused + 3
    assert backlog.oldest_seconds >= 0
    figures = app.sealing.sealer.figures()
    assert figures is not None
    assert figures[0] == refused


async def test_the_service_seals_by_itself(desk_home: Path, app: Deskmind, operator: Desk) -> None:
    await _act(operator, 3)
    async with Deskmind.open(
        home=desk_home, knowledge={"embedder": "hashing"}, audit={"seal_seconds": 0.05}
    ) as serving:
        service = create_app(app=serving)
        async with asyncio.timeout(60), service.router.lifespan_context(service):
            while await operator.audit_log.checkpoint() is None:
                await asyncio.sleep(0)
    assert (await operator.audit_log.verify(await _keys(app))).holds


async def test_where_sealing_is_off_nothing_is_sealed(desk_home: Path, app: Deskmind, operator: Desk) -> None:
    await _act(operator, 3)
    async with Deskmind.open(
        home=desk_home, knowledge={"embedder": "hashing"}, audit={"seal": False}
    ) as quiet:
        await quiet.keep_sealing()
    assert await operator.audit_log.checkpoint() is None


async def test_an_erased_tenants_log_goes_with_it(app: Deskmind, sealed: Desk, admin: Admin) -> None:
    await app.tenants.delete(sealed.scope.tenant)
    await app.sealing.seal()
    for table in ("audit_events", "audit_checkpoints"):
        cursor = await admin.execute(
            f"SELECT count(*) FROM {table} WHERE tenant_id = %s".encode(), (sealed.scope.tenant_id,)
        )
        assert await cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET resource = 'x'",
        "UPDATE audit_events SET canonical = 'x'",
        "DELETE FROM audit_events",
        "UPDATE audit_checkpoints SET note = 'x'",
        "DELETE FROM audit_checkpoints",
        "SELECT details FROM audit_events",
        "INSERT INTO audit_events (tenant_id) VALUES (gen_random_uuid())",
        "SELECT slug FROM tenants",
    ],
)
async def test_the_sealers_login_can_do_nothing_but_seal(app: Deskmind, statement: str) -> None:
    async with await AsyncConnection.connect(app.database.endpoints.sealer, autocommit=True) as connection:
        with pytest.raises(pg.InsufficientPrivilege):
            await connection.execute(statement.encode())


async def test_the_sealer_moves_no_event_that_has_a_place(app: Deskmind, sealed: Desk) -> None:
    async with await AsyncConnection.connect(app.database.endpoints.sealer, autocommit=True) as connection:
        moved = await connection.execute(
            "UPDATE audit_events SET position = position + 100 WHERE tenant_id = %s",
            (sealed.scope.tenant_id,),
        )
        assert moved.rowcount == 0


async def test_a_writer_chooses_neither_bytes_nor_place(app: Deskmind, operator: Desk, admin: Admin) -> None:
    async with operator.database.transaction(operator.scope) as connection:
        await connection.execute(
            "INSERT INTO audit_events (tenant_id, event_id, principal_id, principal, action, outcome, canonical,"
            " leaf_hash, position) VALUES (%s, %s, %s, 'operator', 'a.b', 'done', 'forged', 'forged', 0)",
            (operator.scope.tenant_id, uuid4(), operator.scope.principal_id),
        )
    cursor = await admin.execute(
        "SELECT canonical, position FROM audit_events WHERE tenant_id = %s AND action = 'a.b'",
        (operator.scope.tenant_id,),
    )
    ((canonical, position),) = await cursor.fetchall()
    assert isinstance(canonical, bytes)
    assert canonical.startswith(b'{"audit":1,')
    assert position is None


def test_a_kept_checkpoint_is_a_text_file(tmp_path: Path) -> None:
    checkpoint = SigningKey(bytes(32)).sign("log", 0, Frontier().root(), datetime.now(UTC))
    (tmp_path / "kept").write_text(checkpoint.note, "utf-8")
    assert Checkpoint.parse((tmp_path / "kept").read_text("utf-8")) == checkpoint
