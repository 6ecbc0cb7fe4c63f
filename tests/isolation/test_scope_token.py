"""An attacker who can run any SQL as the application's login, holding one scope's valid token, reaches no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection

from deskmind.app import Deskmind
from deskmind.database import ScopeSigner
from deskmind.desk import Desk
from deskmind.scope import EVERYONE, OPERATOR, Scope

_TABLES = (
    "tenants", "principals", "memberships", "api_keys", "acls", "acl_members", "sources", "documents", "chunks",
    "lexical", "ingests", "ingest_files", "audit_events", "audit_checkpoints",
    "audit_subjects",
    "audit_calls_due",
    "audit_witnessed",
)  # fmt: skip


@dataclass
class Attack:
    """The attacker's connection, inside a transaction with its own valid token, and its victims."""

    connection: AsyncConnection[Any]
    scope: Scope
    token: str
    victim: Desk
    colleague_document: UUID

    async def use(self, token: str) -> None:
        await self.connection.execute("SELECT set_config('deskmind.scope', %s, true)", (token,))

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = await self.connection.execute(statement.encode(), values or None)
        return await cursor.fetchall()

    async def sees(self) -> set[str]:
        """Titles of every document the token shows."""
        return {row[0] for row in await self.rows("SELECT title FROM documents")}


@pytest.fixture(scope="module")
async def stage(app: Deskmind) -> tuple[Scope, Desk, UUID]:
    """The attacker's scope, the victim, a colleague's document. Made once: an attack's transaction is rolled back."""
    for tenant in ("scope-token-own", "scope-token-victim"):
        await app.tenants.create(tenant)
    own, victim = await app.desk(tenant="scope-token-own"), await app.desk(tenant="scope-token-victim")
    await own.principals.add_user("mallory")
    await own.principals.add_user("alice", groups=["hr"])
    await own.knowledge.add("open.md", b"# Open\n\nopen text")
    await own.knowledge.add("hidden.md", b"# Hidden\n\nCOLLEAGUE-SECRET", groups=["hr"])
    await victim.principals.add_user("bob")
    await victim.keys.create("bob")
    await victim.knowledge.add("victim.md", b"# Victim\n\nVICTIM-SECRET")
    hidden = next(item for item in await own.knowledge.documents() if item.title == "Hidden")
    scope = (await app.desk(tenant=own.scope.tenant, user="mallory")).scope
    return scope, victim, hidden.document_id


@pytest.fixture
async def attack(stage: tuple[Scope, Desk, UUID], app: Deskmind) -> AsyncIterator[Attack]:
    scope, victim, hidden = stage
    async with await AsyncConnection.connect(app.database.endpoints.app, autocommit=True) as connection:
        token = ScopeSigner(app.keyring.current("scope-token")).sign(scope, connection.info.backend_pid)
        async with connection.transaction(force_rollback=True):
            await connection.execute("SELECT set_config('deskmind.scope', %s, true)", (token,))
            yield Attack(connection, scope, token, victim, hidden)


async def test_the_own_token_shows_the_own_rows_only(attack: Attack) -> None:
    assert await attack.sees() == {"Open"}
    for table in _TABLES:
        operators = {"audit_events", "audit_checkpoints"}
        if table in operators | {"acls", "acl_members", "api_keys", "ingests", "ingest_files", "sources"}:
            assert await attack.rows(f"SELECT * FROM {table}") == []
        elif table != "tenants":
            tenants = {row[0] for row in await attack.rows(f"SELECT tenant_id FROM {table}")}
            assert tenants <= {attack.scope.tenant_id}
    assert [row[0] for row in await attack.rows("SELECT tenant_id FROM tenants")] == [attack.scope.tenant_id]
    assert [row[0] for row in await attack.rows("SELECT name FROM principals")] == ["mallory"]
    bodies = " ".join(row[0] for row in await attack.rows("SELECT body FROM chunks"))
    assert "SECRET" not in bodies


async def test_no_token_shows_nothing(attack: Attack) -> None:
    for token in ("", "v1", "garbage", "." * 9, "x" * 300_000):
        await attack.use(token)
        assert await attack.sees() == set()
        assert await attack.rows("SELECT * FROM tenants") == []


def _altered(token: str, field: int, value: str) -> str:
    parts = token.split(".")
    parts[field] = value
    return ".".join(parts)


@pytest.mark.parametrize(
    ("field", "value"),
    [(0, "v2"), (1, "2"), (2, "tenant"), (3, "operator"), (4, "groups"), (5, "operate"), (5, "directory"),
     (6, "1"), (7, "99999999999"), (8, "00"), (9, "0" * 64)],
)  # fmt: skip
async def test_an_altered_token_shows_nothing(attack: Attack, field: int, value: str) -> None:
    meant = {
        "tenant": attack.victim.scope.tenant_id.hex,
        "operator": attack.victim.scope.principal_id.hex,
        "groups": EVERYONE.hex,
    }.get(value, value)
    await attack.use(_altered(attack.token, field, meant))
    assert await attack.sees() == set()
    assert await attack.rows("SELECT * FROM tenants") == []


async def test_a_token_overheard_in_another_session_shows_nothing(attack: Attack, app: Deskmind) -> None:
    signer = ScopeSigner(app.keyring.current("scope-token"))
    await attack.use(signer.sign(attack.victim.scope, attack.connection.info.backend_pid + 1))
    assert await attack.sees() == set()


async def test_an_expired_token_shows_nothing(attack: Attack, app: Deskmind) -> None:
    signer = ScopeSigner(app.keyring.current("scope-token"), lifetime=-1)
    await attack.use(signer.sign(attack.scope, attack.connection.info.backend_pid))
    assert await attack.sees() == set()


async def test_a_token_of_a_retired_key_shows_nothing(attack: Attack, app: Deskmind) -> None:
    key = app.keyring.current("scope-token")
    forged = ScopeSigner(replace(key, version=key.version + 7)).sign(
        attack.scope, attack.connection.info.backend_pid
    )
    await attack.use(forged)
    assert await attack.sees() == set()


_REFUSED = [
    "SET ROLE deskmind_owner",
    "SET ROLE deskmind_search",
    "SET ROLE deskmind_system",
    "SET ROLE deskmind_jobs",
    "SET SESSION AUTHORIZATION deskmind_superuser",
    "SELECT * FROM scope_keys",
    "SELECT scope_claims()",
    "SELECT * FROM lexical_statistics",
    "SELECT * FROM procrastinate_jobs",
    "SELECT * FROM procrastinate_events",
    "SELECT * FROM chunks_p0",
    "SELECT * FROM lexical_p7",
    "SELECT search_reach(NULL, 10)",
    "SELECT lexical_query(gen_random_uuid(), ARRAY[1], 10)",
    "SELECT erase_tenant('victim')",
    "SELECT close_account(gen_random_uuid())",
    "SELECT let_erase('documents')",
    "SET ROLE deskmind_eraser",
    "CREATE TABLE t (a int)",
    "CREATE TEMP TABLE t (a int)",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION deskmind.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE EXTENSION dblink",
    "CREATE LANGUAGE plpython3u",
    "ALTER TABLE documents DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE documents NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY documents_read ON documents",
    "CREATE POLICY mine ON documents USING (true)",
    "ALTER FUNCTION scope_tenant() RESET ALL",
    "ALTER ROLE deskmind_app BYPASSRLS",
    "GRANT deskmind_owner TO deskmind_app",
    "TRUNCATE documents",
    "UPDATE audit_events SET action = 'nothing'",
    "UPDATE audit_events SET position = 0",
    "DELETE FROM audit_events",
    "UPDATE audit_checkpoints SET note = ''",
    "DELETE FROM audit_checkpoints",
    "INSERT INTO audit_checkpoints SELECT * FROM audit_checkpoints",
    "SELECT * FROM audit_backlog()",
    "UPDATE api_keys SET mac = ''",
    "INSERT INTO scope_keys VALUES (9, repeat('x', 64)::bytea, repeat('x', 64)::bytea)",
    "COPY documents TO '/tmp/stolen'",
    "COPY documents TO PROGRAM 'cat'",
    "COPY documents FROM STDIN",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT pg_ls_dir('.')",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_statistic",
    "SELECT pg_reload_conf()",
    "SET session_replication_role = replica",
    "SET log_statement = 'all'",
    "SELECT intern_acl('[]', '[]')",
    "SELECT defer_job('ingest', 'knowledge.ingest', 'l', 'q', '{\"tenant_id\": \"00000000-0000-0000-0000-000000000001\"}')",
]


@pytest.mark.parametrize("statement", _REFUSED)
async def test_what_would_widen_the_scope_is_refused(attack: Attack, statement: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        await attack.rows(statement)
    assert "SECRET" not in str(caught.value)


async def test_switching_row_security_off_is_an_error_not_a_door(attack: Attack) -> None:
    await attack.connection.execute("SET LOCAL row_security = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await attack.sees()


async def test_hijacked_names_do_not_reach_the_checks(attack: Attack) -> None:
    await attack.connection.execute("SET LOCAL search_path = pg_temp, pg_catalog")
    assert await attack.rows("SELECT title FROM deskmind.documents") == [("Open",)]


async def test_errors_quote_only_what_may_be_seen(attack: Attack) -> None:
    """Casts and divisions that fail on a row show its content: no hidden row may get that far."""
    for expression in ("body::integer", "1 / (length(body) - length(body))", "xmlparse(document body)"):
        with pytest.raises(psycopg.Error) as caught:
            async with attack.connection.transaction():
                await attack.rows(f"SELECT {expression} FROM documents")
        assert "SECRET" not in str(caught.value)
    assert (
        await attack.rows("SELECT 1 FROM documents WHERE title = 'Hidden' AND 1 / (length(title) - 6) > 0")
        == []
    )


async def test_the_search_functions_apply_the_scope_themselves(attack: Attack, app: Deskmind) -> None:
    engine = await app.engine()
    assert engine.embedder is not None
    vector = "[" + ",".join(["0.1"] * engine.embedder.space.dimensions) + "]"
    found = await attack.rows(
        f"SELECT document_id FROM search_{engine.embedder.space.name}(%s::halfvec, ARRAY[1], NULL, 500)",
        vector,
    )
    own = await attack.rows("SELECT document_id FROM documents")
    assert set(found) == set(own)
    pinned = f'{{"document_ids": ["{attack.colleague_document}"]}}'
    assert (
        await attack.rows(
            f"SELECT document_id FROM search_{engine.embedder.space.name}(%s::halfvec, ARRAY[1], %s, 500)",
            vector,
            pinned,
        )
        == []
    )
    await attack.use("")
    assert await attack.rows("SELECT * FROM search_lexical(ARRAY[1, 2, 3], NULL, 500)") == []


async def test_writes_stay_inside_the_scope(attack: Attack) -> None:
    tenant, victim = attack.scope.tenant_id, attack.victim.scope.tenant_id
    for statement, values in (
        ("INSERT INTO sources (tenant_id, source_id, owner_id, kind, name) VALUES (%s, %s, %s, 'files', 'x')",
         (victim, uuid4(), attack.scope.principal_id)),
        ("INSERT INTO sources (tenant_id, source_id, owner_id, kind, name) VALUES (%s, %s, %s, 'files', 'x')",
         (tenant, uuid4(), uuid4())),
        ("INSERT INTO principals (tenant_id, principal_id, kind, name) VALUES (%s, %s, 'user', 'eve')",
         (tenant, uuid4())),
        ("INSERT INTO memberships VALUES (%s, %s, %s)", (tenant, uuid4(), attack.scope.principal_id)),
        ("INSERT INTO tenants (tenant_id, slug, name) VALUES (%s, 'mine', 'x')", (uuid4(),)),
        ("INSERT INTO audit_events (tenant_id, event_id, principal_id, principal, action, outcome)"
         " VALUES (%s, %s, %s, 'x', 'x', 'done')", (victim, uuid4(), attack.scope.principal_id)),
        ("INSERT INTO chunks (tenant_id, chunk_id, document_id, ordinal, headings, body, start_offset, end_offset)"
         " VALUES (%s, %s, %s, 9, '{}', 'poison', 0, 1)", (tenant, uuid4(), attack.colleague_document)),
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with attack.connection.transaction():
                await attack.connection.execute(statement.encode(), values)
    for statement in (
        "UPDATE documents SET title = 'mine'",
        "DELETE FROM documents",
        "DELETE FROM chunks",
        "UPDATE principals SET role = 'operator'",
    ):
        cursor = await attack.connection.execute(statement.encode())
        assert cursor.rowcount == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO access_grants (tenant_id, grant_id, role, principal_id, granted_by)"
        " VALUES (%(tenant)s, gen_random_uuid(), 'owner', %(self)s, %(self)s)",
        "UPDATE access_grants SET role = 'owner', revoked_at = NULL",
        "DELETE FROM access_grants",
        "INSERT INTO access_roles (tenant_id, name, permissions) VALUES (%(tenant)s, 'mine', '{documents:*}')",
        "UPDATE access_roles SET permissions = '{documents:*}'",
        "DELETE FROM access_policies",
        "INSERT INTO api_keys (tenant_id, key_id, principal_id, name, mac, mac_version)"
        " VALUES (%(tenant)s, gen_random_uuid(), %(self)s, '', '', 1)",
        "UPDATE api_keys SET revoked_at = NULL",
        "UPDATE api_keys SET expires_at = NULL",
        "DELETE FROM memberships",
        "SELECT audit_append(%(tenant)s, %(operator)s, '[]')",
        "SELECT audit_append(%(victim)s, %(self)s, '[]')",
        "SELECT audit_append(%(victim)s, %(operator)s, '[]', true)",
        "SELECT audit_derive(%(tenant)s, '[]')",
        "SELECT privacy_remove('principals', %(self)s, true)",
        "SELECT privacy_mask('turns', 'content', '.', '.', '', true)",
        "SELECT privacy_expire('conversations', 0)",
        "SELECT privacy_concerns('1 hour', 5)",
        "SELECT access_concerns()",
        "INSERT INTO privacy_holds (tenant_id, hold_id, reason) VALUES (%(tenant)s, gen_random_uuid(), '')",
        "DELETE FROM privacy_marks",
    ],
)
async def test_nobody_raises_themselves_or_lets_anything_vanish_by_sql(
    attack: Attack, statement: str
) -> None:
    """In one's own scope and tenant: it is refused, or there is nothing that it reaches."""
    values = {
        "tenant": attack.scope.tenant_id,
        "self": attack.scope.principal_id,
        "operator": OPERATOR,
        "victim": attack.victim.scope.tenant_id,
    }
    try:
        async with attack.connection.transaction():
            cursor = await attack.connection.execute(statement.encode(), values)
    except psycopg.errors.InsufficientPrivilege:
        return
    assert not statement.startswith(("INSERT", "SELECT"))
    assert cursor.rowcount == 0


async def test_other_sessions_show_no_values(attack: Attack, app: Deskmind) -> None:
    """Texts of running statements are visible to the same login; values are bound, so none is in them."""
    async with app.database.transaction(attack.victim.scope) as busy:
        await busy.execute("SELECT count(*) FROM documents WHERE title = %s", ("VICTIM-SECRET",))
        seen = await attack.rows("SELECT coalesce(string_agg(query, ' '), '') FROM pg_stat_activity")
    assert "VICTIM-SECRET" not in seen[0][0]
    assert "v1." not in seen[0][0]
    statistics = await attack.rows(
        "SELECT coalesce(string_agg(most_common_vals::text, ' '), '') FROM pg_stats"
    )
    assert "SECRET" not in statistics[0][0]


async def test_notifications_carry_no_content(attack: Attack, app: Deskmind) -> None:
    async with await AsyncConnection.connect(app.database.endpoints.app, autocommit=True) as listener:
        await listener.execute("LISTEN procrastinate_any_queue_v1")
        await attack.victim.knowledge.add("more.md", b"# More\n\nVICTIM-SECRET-2")
        async with asyncio.timeout(60):
            async for note in listener.notifies(stop_after=1):
                assert note.payload.startswith("{")
                assert "SECRET" not in note.payload
                assert attack.victim.scope.tenant_id.hex not in note.payload.replace("-", "")


async def test_unique_names_of_others_cannot_be_probed(attack: Attack, app: Deskmind) -> None:
    """What the victim or a colleague has already is no obstacle, so its existence does not show."""
    admin = await app.desk(tenant=attack.scope.tenant)
    await admin.principals.add_user("prober")
    desk = await app.desk(tenant=attack.scope.tenant, user="prober")
    report = await desk.knowledge.add("hidden.md", b"# Mine\n\nmy own text")
    assert report.count("stored") == 1
    seen = {item.title: item.document_id for item in await desk.knowledge.documents()}
    await desk.knowledge.delete(seen["Mine"])
    assert seen.keys() == {"Open", "Mine"}


async def test_an_access_list_cannot_be_claimed_beforehand(attack: Attack) -> None:
    """The id of a list is computed from its members by the database, whatever the caller would like."""
    mine = await attack.rows("SELECT intern_acl(%s, '[]')", f'[["{attack.scope.principal_id}"]]')
    everyone = await attack.rows("SELECT intern_acl(%s, '[]')", f'[["{EVERYONE}"]]')
    assert mine != everyone
    assert await attack.rows("SELECT * FROM acl_members") == []
