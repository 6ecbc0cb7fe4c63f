"""The catalogue itself: no table, function or role is laxer than the design says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from psycopg import AsyncConnection

from deskmind.app import Deskmind

WITHOUT_TENANT = {
    "alembic_version": "the schema's revision",
    "closed_account_usage": "sums of erased tenants under a number, read by the directory",
    "closed_accounts": "numbers of erased tenants",
    "embedding_spaces": "which models have tables",
    "release": "which releases may run",
    "scope_keys": "verifying keys, read by one function",
    "procrastinate_events": "jobs: identifiers only, own login",
    "procrastinate_jobs": "jobs: identifiers only, own login",
    "procrastinate_periodic_defers": "jobs: identifiers only, own login",
    "procrastinate_workers": "jobs: identifiers only, own login",
}


@pytest.fixture
async def admin(app: Deskmind) -> AsyncIterator[AsyncConnection[tuple[object, ...]]]:
    await app.engine()
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        yield connection


async def _rows(connection: AsyncConnection[tuple[object, ...]], statement: str) -> list[tuple[object, ...]]:
    cursor = await connection.execute(statement.encode())
    return await cursor.fetchall()


async def test_every_table_has_a_tenant_or_a_reason(admin: AsyncConnection[tuple[object, ...]]) -> None:
    rows = await _rows(
        admin,
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'deskmind'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')",
    )
    assert {row[0] for row in rows} == set(WITHOUT_TENANT)


async def test_every_tenant_table_enforces_row_level_security(
    admin: AsyncConnection[tuple[object, ...]],
) -> None:
    rows = await _rows(
        admin,
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, c.relispartition,"
        "       (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid),"
        "       has_table_privilege('deskmind_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE')"
        "  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relnamespace = 'deskmind'::regnamespace AND c.relkind IN ('r', 'p')",
    )
    assert len(rows) > 60
    for name, enforced, partition, policies, granted in rows:
        assert enforced, name
        assert (policies == 0 and not granted) if partition else policies, name


async def test_policies_name_their_roles(admin: AsyncConnection[tuple[object, ...]]) -> None:
    rows = await _rows(
        admin,
        "SELECT tablename, policyname, array_to_string(roles, ',') FROM pg_policies WHERE schemaname = 'deskmind'",
    )
    offices = ("app", "search", "system", "auditor", "ledger", "eraser", "privacy", "surveyor", "sealer")
    allowed = {f"deskmind_{office}" for office in offices}
    for table, policy, roles in rows:
        assert set(str(roles).split(",")) <= allowed, (table, policy, roles)


async def test_the_tenant_leads_every_key_and_index(admin: AsyncConnection[tuple[object, ...]]) -> None:
    rows = await _rows(
        admin,
        "SELECT c.relname, i.indexrelid::regclass::text, am.amname, a.attname FROM pg_index i"
        "  JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam"
        "  JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'"
        "  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE c.relnamespace = 'deskmind'::regnamespace",
    )
    exceptions = {"tenants_slug_key", "documents_metadata"}
    for table, index, method, first in rows:
        if method != "hnsw" and str(index).split(".")[-1] not in exceptions:
            assert first == "tenant_id", (table, index)


async def test_definer_functions_pin_their_search_path_and_are_not_public(
    admin: AsyncConnection[tuple[object, ...]],
) -> None:
    rows = await _rows(
        admin,
        "SELECT p.proname, p.proconfig::text, has_function_privilege('public', p.oid, 'EXECUTE'), r.rolname, r.rolsuper"
        "  FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner"
        " WHERE p.pronamespace = 'deskmind'::regnamespace AND p.prosecdef",
    )
    assert len(rows) >= 10
    for name, configuration, public, owner, superuser in rows:
        assert "search_path=pg_catalog, deskmind, pg_temp" in str(configuration), name
        assert not public, name
        # only a table's owner may ANALYZE it, or add a partition to it or drop one; none tells what is in it
        of_owner = name in {
            *("refresh_statistics", "ensure_usage_partition"),
            *("ensure_story_partition", "drop_story_partitions"),
        }
        offices = {"deskmind_system", "deskmind_search", "deskmind_eraser"}
        if name in {
            "privacy_remove",
            "privacy_detach",
            "privacy_mask",
            "privacy_expire",
        }:  # in the scope's tenant
            offices = {"deskmind_privacy"}
        if name == "usage_of_all_tenants":  # named in docs/operations.md: sums, for the installation alone
            offices = {"deskmind_surveyor"}
        if name in {
            "audit_backlog",
            "audit_unwitnessed",
        }:  # two numbers over all tenants, for the installation alone
            offices = {"deskmind_sealer"}
        assert owner in ({"deskmind_owner"} if of_owner else offices), name
        assert not superuser


async def test_the_application_role_is_nobody(admin: AsyncConnection[tuple[object, ...]]) -> None:
    rows = await _rows(
        admin,
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication,"
        "       (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid),"
        "       (SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid)"
        "  FROM pg_roles r WHERE rolname IN ('deskmind_app', 'deskmind_jobs')",
    )
    assert sorted(rows) == [("deskmind_app", False, 0, 0), ("deskmind_jobs", False, 0, 0)]


async def test_nobody_changes_what_is_in_the_audit_log(admin: AsyncConnection[tuple[object, ...]]) -> None:
    """The sealer gives a position once, by its policy; the system adds, for the application; the eraser removes a tenant whole. No other role has a right to."""
    rows = await _rows(
        admin,
        "SELECT r.rolname, c.relname, p.privilege, a.attname FROM pg_roles r, pg_class c"
        "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,"
        "       unnest(ARRAY['UPDATE', 'INSERT', 'DELETE', 'TRUNCATE']) p(privilege)"
        " WHERE c.relnamespace = 'deskmind'::regnamespace AND c.relname IN ('audit_events', 'audit_checkpoints')"
        "   AND r.rolname LIKE 'deskmind\\_%' AND NOT r.rolsuper AND r.rolname <> 'deskmind_owner'"
        "   AND CASE WHEN p.privilege IN ('DELETE', 'TRUNCATE') THEN has_table_privilege(r.oid, c.oid, p.privilege)"
        "            ELSE has_column_privilege(r.oid, c.oid, a.attnum, p.privilege) END",
    )
    changes = {(role, table, privilege) for role, table, privilege, _ in rows}
    assert changes == {
        ("deskmind_app", "audit_events", "INSERT"),
        ("deskmind_system", "audit_events", "INSERT"),
        ("deskmind_sealer", "audit_events", "UPDATE"),
        ("deskmind_sealer", "audit_checkpoints", "INSERT"),
        ("deskmind_eraser", "audit_events", "DELETE"),
        ("deskmind_eraser", "audit_checkpoints", "DELETE"),
    }
    assert {row[3] for row in rows if row[2] == "UPDATE"} == {"position"}


async def test_the_job_login_reads_no_tenants_rows(admin: AsyncConnection[tuple[object, ...]]) -> None:
    rows = await _rows(
        admin,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relnamespace = 'deskmind'::regnamespace AND has_table_privilege('deskmind_jobs', c.oid, 'SELECT')",
    )
    assert rows == []


async def test_row_security_is_never_bypassed_by_our_roles(
    admin: AsyncConnection[tuple[object, ...]],
) -> None:
    rows = await _rows(
        admin, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'deskmind\\_%' AND rolbypassrls"
    )
    assert {row[0] for row in rows} <= {"deskmind_superuser"}


async def test_the_eraser_reaches_every_tenant_table_and_reads_nothing_there(
    admin: AsyncConnection[tuple[object, ...]],
) -> None:
    """A new table says ``SELECT let_erase('name')`` in its migration, so that no row outlives its tenant."""
    rows = await _rows(
        admin,
        "SELECT c.relname, has_table_privilege('deskmind_eraser', c.oid, 'DELETE'),"
        "       EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'erase'),"
        "       (SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0"
        "         AND has_column_privilege('deskmind_eraser', c.oid, a.attnum, 'SELECT'))"
        "  FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'"
        " WHERE c.relnamespace = 'deskmind'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
    )
    assert len(rows) > 20
    for table, deletes, admitted, reads in rows:
        assert deletes, table
        assert admitted, table
        if table not in {"usage_entries", "tenants"}:  # sums for accounting; the name to find it by
            assert reads == ["tenant_id"], table
