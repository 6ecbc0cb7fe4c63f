"""Migrations in both directions, drift, and which releases may run."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

import pytest
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo

from deskmind.app import Deskmind
from deskmind.database import Endpoints, Provisioner
from deskmind.database.migrations import check_release, compare, revisions
from deskmind.errors import ConfigurationError, DatabaseUnavailableError, SchemaVersionError
from deskmind.governance.audit import leaf_hash
from deskmind.settings import DatabaseSettings


@dataclass
class Empty:
    """A database of its own on the session's server, reached as an external one."""

    address: str
    provisioner: Provisioner

    async def run(self, statement: str) -> None:
        async with await AsyncConnection.connect(self.address, autocommit=True) as connection:
            await connection.execute(statement.encode())

    async def names(self) -> set[str]:
        async with await AsyncConnection.connect(self.address, autocommit=True) as connection:
            cursor = await connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'deskmind'::regnamespace AND relkind IN ('r', 'p', 'S')"
                " UNION SELECT proname FROM pg_proc WHERE pronamespace = 'deskmind'::regnamespace"
                " UNION SELECT typname FROM pg_type WHERE typnamespace = 'deskmind'::regnamespace AND typtype = 'e'"
            )
            return {str(row[0]) for row in await cursor.fetchall()}


@pytest.fixture
async def empty(app: Deskmind) -> Empty:
    admin = app.database.endpoints.admin
    assert admin is not None
    name = f"d{uuid.uuid4().hex[:12]}"
    async with await AsyncConnection.connect(admin, autocommit=True) as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    address = make_conninfo(admin, dbname=name)
    settings = DatabaseSettings.model_validate({"url": address})
    return Empty(address, Provisioner(Endpoints.of(settings, app.keyring), app.keyring))


async def test_up_down_and_up_again(empty: Empty) -> None:
    migrations = empty.provisioner.migrations
    await empty.provisioner.prepare()
    assert (await migrations.status()).up_to_date
    assert await empty.provisioner.prepared()
    full = await empty.names()
    assert {"documents", "search_lexical", "procrastinate_jobs"} <= full
    await empty.provisioner.ensure_space("probe", "model", 8, "mark")

    await migrations.downgrade("0001")
    assert "procrastinate_jobs" not in await empty.names()
    await migrations.downgrade("base")
    assert await empty.names() == {"alembic_version"}
    assert (await migrations.status()).pending == revisions()

    await empty.provisioner.prepare()
    assert await empty.names() == full


async def test_replicas_that_start_together_prepare_it_one_after_the_other(empty: Empty) -> None:
    """First an empty database; then one in which all is there, as when keys were changed."""
    for _ in range(3):
        await asyncio.gather(*(empty.provisioner.prepare() for _ in range(4)))
        assert await empty.provisioner.prepared()
    assert (await empty.provisioner.migrations.status()).up_to_date


async def test_who_waits_for_another_prepares_what_that_one_has_not(empty: Empty) -> None:
    """The other one died, or is an older release."""
    async with await AsyncConnection.connect(empty.address, autocommit=True) as other:
        await other.execute("SELECT pg_advisory_lock(hashtextextended('deskmind.prepare', 0))")
        preparing = asyncio.create_task(empty.provisioner.prepare())
        async with asyncio.timeout(60):
            while not await _asked(other):
                await asyncio.sleep(0.02)
        assert not await empty.provisioner.prepared()
    await asyncio.wait_for(preparing, 120)
    assert await empty.provisioner.prepared()


async def _asked(connection: AsyncConnection[tuple[object, ...]]) -> bool:
    """Whether another session has asked for the lock."""
    cursor = await connection.execute(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND query LIKE 'SELECT pg_try_advisory_lock(%'"
    )
    return await cursor.fetchone() is not None


async def test_audit_events_from_before_the_seal_can_be_sealed(empty: Empty) -> None:
    migrations = empty.provisioner.migrations
    await empty.provisioner.prepare()
    await migrations.downgrade("0009")
    await empty.run(
        "INSERT INTO deskmind.audit_events (tenant_id, event_id, principal_id, principal, action, outcome)"
        " SELECT u, u, u, 'ana', 'a.b', 'done' FROM gen_random_uuid() u"
    )
    await empty.provisioner.prepare()
    async with await AsyncConnection.connect(empty.address) as connection:
        cursor = await connection.execute(
            "SELECT canonical, leaf_hash, position, relforcerowsecurity FROM deskmind.audit_events, pg_class"
            " WHERE pg_class.oid = 'deskmind.audit_events'::regclass"
        )
        ((canonical, leaf, position, forced),) = await cursor.fetchall()
    assert canonical.startswith(b'{"audit":1,')
    assert leaf == leaf_hash(canonical)
    assert (position, forced) == (None, True)


async def test_who_there_was_before_there_were_roles_keeps_what_they_may(empty: Empty) -> None:
    await empty.provisioner.prepare()
    await empty.provisioner.migrations.downgrade("0010")
    await empty.run(
        "ALTER TABLE deskmind.principals NO FORCE ROW LEVEL SECURITY;"
        "INSERT INTO deskmind.tenants (tenant_id, slug, name) VALUES (gen_random_uuid(), 'old', 'old');"
        "INSERT INTO deskmind.principals (tenant_id, principal_id, kind, name, role)"
        " SELECT tenant_id, gen_random_uuid(), kind, kind || ' ' || role, role FROM deskmind.tenants,"
        " unnest(ARRAY['user', 'service']) kind, unnest(ARRAY['member', 'operator']) role;"
        "INSERT INTO deskmind.principals (tenant_id, principal_id, kind, name)"
        " SELECT tenant_id, gen_random_uuid(), 'group', 'hr' FROM deskmind.tenants;"
        "ALTER TABLE deskmind.principals FORCE ROW LEVEL SECURITY"
    )
    await empty.provisioner.prepare()
    async with await AsyncConnection.connect(empty.address) as connection:
        cursor = await connection.execute(
            "SELECT p.name, g.role FROM deskmind.access_grants g JOIN deskmind.principals p USING (tenant_id, principal_id)"
        )
        assert dict(await cursor.fetchall()) == {
            "user member": "requester",
            "user operator": "owner",
            "service member": "requester",
            "service operator": "admin",
        }


async def test_drift_is_seen(empty: Empty) -> None:
    await empty.provisioner.prepare()
    drift = empty.provisioner.migrations.drift
    assert await drift() == []
    await empty.run("ALTER TABLE deskmind.documents ADD COLUMN stray text")
    assert "stray" in str(await drift())
    await empty.run("ALTER TABLE deskmind.documents DROP COLUMN stray, ALTER COLUMN title DROP NOT NULL")
    assert "title" in str(await drift())
    await empty.run(
        "UPDATE deskmind.documents SET title = ''; ALTER TABLE deskmind.documents ALTER COLUMN title SET NOT NULL"
    )
    await empty.run("CREATE TABLE deskmind.stray (a int)")
    assert "stray" in str(await drift())
    await empty.run("DROP TABLE deskmind.stray; DROP INDEX deskmind.memberships_member")
    assert "memberships_member" in str(await drift())


async def test_a_space_belongs_to_its_weights(empty: Empty) -> None:
    await empty.provisioner.prepare()
    await empty.provisioner.ensure_space("probe", "model", 8, "mark")
    await empty.provisioner.ensure_space("probe", "model", 8, "mark")
    with pytest.raises(SchemaVersionError, match="other weights"):
        await empty.provisioner.ensure_space("probe", "model", 8, "another")


async def test_an_external_database_is_migrated_on_request_only(empty: Empty, app: Deskmind) -> None:
    home = app.settings.home
    with pytest.raises((SchemaVersionError, DatabaseUnavailableError)):
        async with Deskmind.open(
            home=home, database={"url": empty.address}, knowledge={"embedder": "hashing"}
        ):
            raise AssertionError("an empty database must not be used")
    await empty.provisioner.prepare()
    async with Deskmind.open(
        home=home, database={"url": empty.address}, knowledge={"embedder": "hashing"}
    ) as first:
        await first.tenants.create("acme")
        desk = await first.desk(tenant="acme")
        await desk.knowledge.add("a.md", b"# A\n\nalpha text")
        own_login = first.database.endpoints.app
    async with Deskmind.open(
        home=home, database={"url": own_login}, knowledge={"embedder": "hashing"}
    ) as second:
        assert second.provisioner is None
        assert await (await second.desk(tenant="acme")).knowledge.search("alpha")
    with pytest.raises(ConfigurationError, match="administrator"):
        Provisioner(
            Endpoints.of(DatabaseSettings.model_validate({"url": own_login}), app.keyring), app.keyring
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "wrong"}, "refused the login"),
        ({"dbname": "nowhere"}, "does not exist"),
        ({"port": "1"}, "cannot be reached"),
    ],
)
async def test_what_is_wrong_with_an_address_is_said(
    app: Deskmind, change: dict[str, str], message: str
) -> None:
    address = make_conninfo(app.database.endpoints.app, **change)
    with pytest.raises(DatabaseUnavailableError, match=message) as caught:
        async with Deskmind.open(home=app.settings.home, database={"url": address}):
            raise AssertionError("unreachable")
    assert caught.value.remedy
    assert "wrong" not in str(caught.value)


async def test_an_address_that_is_none(app: Deskmind) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://user:password"):
        async with Deskmind.open(home=app.settings.home, database={"url": "not an address at all"}):
            raise AssertionError("unreachable")


def test_releases_that_do_not_fit_are_refused() -> None:
    check_release(compare(revisions()[-1], "0.1.0"), "0.1.0")
    with pytest.raises(SchemaVersionError, match="needs Deskmind 9"):
        check_release(compare(revisions()[-1], "9.0.0"), "0.1.0")
    with pytest.raises(SchemaVersionError, match="migrate up"):
        check_release(compare("0001", "0.1.0"), "0.1.0")
    check_release(compare("9999", "0.1.0"), "0.1.0")


async def test_the_sql_can_be_reviewed(empty: Empty) -> None:
    script = empty.provisioner.migrations.sql()
    assert "CREATE TABLE documents" in script
    assert "FORCE ROW LEVEL SECURITY" in script
    assert "<schema>" not in script
