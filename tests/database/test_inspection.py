"""Each thing that slows a database down is found where it is, and nothing of a tenant's is seen."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deskmind.app import Deskmind
from deskmind.database import Database, Endpoints, Provisioner, ScopeSigner
from deskmind.database.inspection import Finding, Inspection, Limits, inspect
from deskmind.settings import DatabaseSettings

LOW = Limits(
    statements=500,
    rows=1000,
    scans=5,
    index_bytes=8192,
    dead_share=0.5,
    hit_ratio=1.1,
    page_reads=1,
    transaction_seconds=0.0,
    vacuum_seconds=0.0,
    transaction_age=1,
)
KNOWN = {
    "experiment_variants": "as many rows as experiments have variants",
    "ingests": "one row an ingest; sources are hardly ever removed",
    "procrastinate_jobs": "procrastinate's own, workers are few",
}
CANARY = "the-canary-in-the-mine"


@pytest.fixture(scope="module")
async def address(app: Deskmind, new_database: Callable[[], str]) -> str:
    """A provisioned database of its own, reached as an external server's."""
    found = new_database()
    endpoints = Endpoints.of(DatabaseSettings.model_validate({"url": found}), app.keyring)
    await Provisioner(endpoints, app.keyring).prepare()
    return found


async def _opened(app: Deskmind, address: str) -> Database:
    settings = DatabaseSettings.model_validate({"url": address})
    signer = ScopeSigner(functools.partial(app.keyring.current, "scope-token"))
    database = Database(Endpoints.of(settings, app.keyring), settings, signer)
    await database.open()
    return database


@pytest.fixture(scope="module")
async def database(app: Deskmind, address: str) -> AsyncIterator[Database]:
    opened = await _opened(app, address)
    yield opened
    await opened.close()


def _do(address: str, *statements: str) -> None:
    with psycopg.connect(make_conninfo(address, options="-csearch_path=deskmind"), autocommit=True) as admin:
        for statement in (*statements, "SELECT pg_stat_force_next_flush()"):
            admin.execute(statement.encode())


def _of(inspection: Inspection, kind: str) -> dict[str, Finding]:
    return {finding.subject: finding for finding in inspection.findings if finding.kind == kind}


async def test_our_own_tables_lack_no_index(database: Database) -> None:
    found = await inspect(database)
    assert found.seen_as == "deskmind_inspector"
    assert found.unseen == ()
    assert set(_of(found, "foreign-key-without-index")) <= set(KNOWN)


async def test_a_foreign_key_without_index_is_found_once(database: Database, address: str) -> None:
    _do(
        address,
        "CREATE TABLE probe_parent (a int, b int, PRIMARY KEY (a, b))",
        "CREATE TABLE probe_child (a int, b int, note text, FOREIGN KEY (a, b) REFERENCES probe_parent)",
        "CREATE INDEX ON probe_child (a)",
    )
    finding = _of(await inspect(database), "foreign-key-without-index")["probe_child"]
    assert finding.figures["columns"] == ["a", "b"]
    assert "CREATE INDEX CONCURRENTLY ON probe_child (a, b)" in finding.remedy
    _do(address, "CREATE INDEX ON probe_child (b, a, note)")
    assert "probe_child" not in _of(await inspect(database), "foreign-key-without-index")


async def test_a_large_table_that_is_read_whole_is_found(database: Database, address: str) -> None:
    _do(address, "CREATE TABLE probe_read AS SELECT n FROM generate_series(1, 2000) n")
    assert "probe_read" not in _of(await inspect(database, LOW), "whole-table-reads")
    _do(address, *["SELECT count(*) FROM probe_read"] * 5)
    finding = _of(await inspect(database, LOW), "whole-table-reads")["probe_read"]
    assert finding.figures["rows_read"] == 10_000
    assert "probe_read" not in _of(await inspect(database), "whole-table-reads"), "small by the defaults"


async def test_an_index_that_nothing_uses_is_found(database: Database, address: str) -> None:
    _do(
        address,
        "CREATE TABLE probe_index AS SELECT n, n AS m FROM generate_series(1, 2000) n",
        "CREATE INDEX probe_idle ON probe_index (n)",
        "CREATE INDEX probe_busy ON probe_index (m)",
        "CREATE UNIQUE INDEX probe_unique ON probe_index (n)",
        "SET enable_seqscan = off",
        "SELECT FROM probe_index WHERE m = 7",
    )
    found = _of(await inspect(database, LOW), "unused-index")
    assert "probe_idle" in found
    assert not {"probe_busy", "probe_unique"} & set(found)


async def test_dead_rows_are_found_until_they_are_vacuumed(database: Database, address: str) -> None:
    _do(
        address,
        "CREATE TABLE probe_dead (n int) WITH (autovacuum_enabled = off)",
        "INSERT INTO probe_dead SELECT generate_series(1, 3000)",
        "DELETE FROM probe_dead WHERE n <= 2000",
    )
    found = await inspect(database, LOW)
    assert _of(found, "dead-rows")["probe_dead"].figures["share"] == pytest.approx(2 / 3)
    assert "never" in _of(found, "vacuum-overdue")["probe_dead"].what
    _do(address, "VACUUM probe_dead")
    after = await inspect(database, LOW)
    assert "probe_dead" not in _of(after, "dead-rows")
    assert "probe_dead" not in _of(after, "vacuum-overdue")
    assert after.facts["oldest_vacuum"]


async def test_a_transaction_left_open_is_found_with_its_session(database: Database, address: str) -> None:
    with psycopg.connect(address) as idle:
        pid = idle.execute("SELECT pg_backend_pid(), %s", (CANARY,)).fetchone()[0]  # pyright: ignore
        finding = _of(await inspect(database, LOW), "long-transaction")[f"session {pid}"]
        assert "idle in transaction" in finding.what
        assert CANARY not in str(finding)
        assert not _of(await inspect(database), "long-transaction"), "it is young by the defaults"
    assert f"session {pid}" not in _of(await inspect(database, LOW), "long-transaction")


async def test_the_database_as_a_whole_is_measured_against_the_limits(database: Database) -> None:
    strict, lenient = await inspect(database, LOW), await inspect(database)
    assert {"cache-misses", "transaction-age"} <= {finding.kind for finding in strict.findings}
    assert not {"transaction-age"} & {finding.kind for finding in lenient.findings}
    assert 0 < lenient.facts["hit_ratio"] <= 1
    assert lenient.facts["bytes"] > 2**20


async def test_the_slowest_statement_comes_first_and_shows_no_value(database: Database, address: str) -> None:
    login = database.endpoints.app
    with psycopg.connect(login, autocommit=True, cursor_factory=psycopg.ClientCursor) as session:
        session.execute("SELECT pg_sleep(0.3), %s AS probe", (CANARY,))
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("SELECT pg_sleep(0.4) AS of_another_login")
        admin.execute(f"CREATE ROLE probe_secret PASSWORD '{CANARY}'".encode())
        admin.execute("DROP ROLE probe_secret")
    found = await inspect(database, LOW)
    assert CANARY not in str(found.as_dict())
    assert "of_another_login" not in str(found.statements), "only our logins are shown"
    slowest = found.statements[0]
    assert slowest.text == "SELECT pg_sleep($1), $2 AS probe"
    assert (slowest.login, slowest.calls) == ("deskmind_app", 1)
    assert slowest.total_ms >= 300
    assert [one.total_ms for one in found.statements] == sorted(
        (one.total_ms for one in found.statements), reverse=True
    )


async def test_with_the_applications_login_alone_it_says_what_it_cannot_see(
    app: Deskmind, database: Database
) -> None:
    plain = await _opened(app, database.endpoints.app)
    try:
        found = await inspect(plain, LOW)
    finally:
        await plain.close()
    assert found.seen_as == "deskmind_app"
    assert found.statements == ()
    assert {gap.part for gap in found.unseen} == {
        "statements",
        "statements and transactions of other logins",
    }
    assert all("DESKMIND_DATABASE_OWNER_URL" in gap.remedy for gap in found.unseen)
    assert _of(found, "unused-index"), "what the catalogue shows to all is still said"


async def test_a_role_that_was_granted_nothing_is_told_of(database: Database, address: str) -> None:
    _do(address, "REVOKE pg_read_all_stats FROM deskmind_inspector")
    try:
        found = await inspect(database, LOW)
    finally:
        _do(address, "GRANT pg_read_all_stats TO deskmind_inspector")
    (gap,) = found.unseen
    assert "GRANT pg_read_all_stats" in gap.remedy
    assert found.statements == ()
    assert (await inspect(database)).unseen == ()


async def test_a_database_without_the_extension_says_how_to_get_it(
    app: Deskmind, new_database: Callable[[], str]
) -> None:
    address = new_database()
    endpoints = Endpoints.of(DatabaseSettings.model_validate({"url": address}), app.keyring)
    await Provisioner(endpoints, app.keyring).prepare()
    _do(address, "DROP EXTENSION pg_stat_statements")
    opened = await _opened(app, address)
    try:
        (gap,) = (await inspect(opened)).unseen
    finally:
        await opened.close()
    assert "shared_preload_libraries" in gap.remedy


def test_the_inspecting_role_sees_no_table_and_the_application_no_statistics(
    address: str, database: Database
) -> None:
    assert database
    with psycopg.connect(address, autocommit=True) as admin:
        (readable,) = admin.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'deskmind'::regnamespace AND relkind IN ('r', 'p', 'v')"
            " AND relname NOT LIKE 'probe%' AND has_table_privilege('deskmind_inspector', oid, 'SELECT')"
        ).fetchone()  # pyright: ignore
        assert readable == 0
        for login in ("deskmind_app", "deskmind_jobs", "deskmind_ledger"):
            granted = admin.execute(
                "SELECT has_table_privilege(%(login)s, 'public.pg_stat_statements', 'SELECT'),"
                " pg_has_role(%(login)s, 'pg_read_all_stats', 'MEMBER'),"
                " pg_has_role(%(login)s, 'deskmind_inspector', 'MEMBER')",
                {"login": login},
            ).fetchone()
            assert granted == (False, False, False), login


async def test_the_operation_is_the_installations(app: Deskmind) -> None:
    found = await asyncio.wait_for(app.maintenance.slow(), 60)
    assert found.statements
    assert all(one.login.startswith("deskmind_") for one in found.statements)
