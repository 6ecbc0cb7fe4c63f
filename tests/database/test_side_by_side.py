"""Two installations in one database know nothing of each other; what runs out or takes too long names its setting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from deskmind.app import Deskmind
from deskmind.errors import (
    AuthenticationError,
    DatabaseUnavailableError,
    TenantNotFoundError,
    UnavailableError,
)
from deskmind.scope import Scope

_NAMES = ("first", "second")


@pytest.fixture(scope="module")
def address(new_database: Callable[[], str]) -> str:
    """The administrator's address of a database that both use."""
    return new_database()


@pytest.fixture(scope="module")
async def both(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Deskmind]]:
    """Two installations in that database, each with a tenant `acme`, a user and a document of its own."""
    async with AsyncExitStack() as resources:
        apps: list[Deskmind] = []
        for name in _NAMES:
            database = {"url": address, "schema_name": name, "role_prefix": name, "auto_migrate": True}
            app = await resources.enter_async_context(
                Deskmind.open(
                    home=tmp_path_factory.mktemp(name),
                    knowledge={"embedder": "hashing"},
                    answer={"threshold": 0.05},
                    database=database,
                )
            )
            await app.tenants.create("acme")
            await app.tenants.create(f"only-{name}")
            desk = await app.desk(tenant="acme")
            await desk.principals.add_user("ann")
            await desk.knowledge.add(
                "room.md", f"# Room\n\nThe {name} printer is in the {name} room.".encode()
            )
            apps.append(app)
        yield apps


async def test_each_has_its_own_tenants_documents_and_keys(both: list[Deskmind]) -> None:
    for own, other, app in zip(_NAMES, reversed(_NAMES), both, strict=True):
        assert {tenant.slug for tenant in await app.tenants.all()} == {"acme", f"only-{own}"}
        with pytest.raises(TenantNotFoundError):
            await app.desk(tenant=f"only-{other}")
        desk = await app.desk(tenant="acme", user="ann")
        texts = [passage.text for passage in await desk.knowledge.search("Where is the printer?")]
        assert any(own in text for text in texts)
        assert not any(other in text for text in texts)


async def test_a_key_of_one_is_no_key_of_the_other(both: list[Deskmind]) -> None:
    first, second = both
    key = await (await first.desk(tenant="acme")).keys.create("ann")
    assert (await first.authenticate(key.secret)).scope.principal == "ann"
    with pytest.raises(AuthenticationError):
        await second.authenticate(key.secret)


async def test_each_works_off_its_own_jobs(both: list[Deskmind]) -> None:
    desks = [await app.desk(tenant="acme") for app in both]
    reports = await asyncio.gather(*(desk.knowledge.add("note.md", b"# Note\n\ntext") for desk in desks))
    assert [report.count("stored") for report in reports] == [1, 1]
    for app in both:
        assert await app.jobs.depth() == {"todo": 0, "doing": 0, "failed": 0}


@pytest.mark.parametrize("login", ["app", "jobs", "ledger"])
async def test_a_login_of_one_may_nothing_in_the_other(both: list[Deskmind], login: str) -> None:
    first, second = both
    with psycopg.connect(getattr(first.database.endpoints, login), autocommit=True) as connection:
        for table in ("documents", "tenants", "scope_keys", "procrastinate_jobs"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM second.{table}".encode())
        for role in ("second_app", "second_owner", "second_jobs"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SET ROLE {role}".encode())
    assert second.database.endpoints.roles.prefix == "second"


async def test_a_scope_signed_by_one_is_none_in_the_other(both: list[Deskmind]) -> None:
    first, second = both
    theirs = (await first.desk(tenant="acme")).scope
    async with second.database.transaction(theirs) as connection:
        cursor = await connection.execute("SELECT count(*) FROM documents")
        assert await cursor.fetchone() == (0,)


async def test_taking_one_away_leaves_the_other(address: str, both: list[Deskmind], tmp_path: Path) -> None:
    """A third installation comes and goes; the others' tables, roles and rows stay."""
    database = {"url": address, "schema_name": "third", "role_prefix": "third", "auto_migrate": True}
    async with Deskmind.open(home=tmp_path, knowledge={"embedder": "hashing"}, database=database) as third:
        await third.tenants.create("acme")
        assert third.provisioner is not None
        await third.provisioner.migrations.downgrade("base")
    for app in both:
        assert await (await app.desk(tenant="acme", user="ann")).knowledge.search("Where is the printer?")
        assert app.provisioner is not None
        assert await app.provisioner.migrations.drift() == []


async def test_a_pool_that_is_used_up_names_its_setting(app: Deskmind, desk_home: Path) -> None:
    del app  # keeps the server running
    narrow = {"pool_min": 1, "pool_max": 1, "pool_timeout": 2}
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, database=narrow) as small:
        async with small.database.transaction(Scope.directory()):
            with pytest.raises(DatabaseUnavailableError, match=r"database\.pool_max") as refusal:
                await small.tenants.all()
        assert refusal.value.problem()["status"] == 503
        assert await small.tenants.all() is not None


async def test_a_statement_that_takes_too_long_names_its_setting(app: Deskmind, desk_home: Path) -> None:
    del app  # keeps the server running
    short = {"statement_timeout": 2}
    async with Deskmind.open(home=desk_home, knowledge={"embedder": "hashing"}, database=short) as hasty:
        with pytest.raises(UnavailableError, match=r"database\.statement_timeout") as refusal:
            async with hasty.database.transaction(Scope.directory()) as connection:
                await connection.execute("SELECT pg_sleep(60)")
        assert refusal.value.code == "unavailable"
        assert await hasty.tenants.all() is not None
