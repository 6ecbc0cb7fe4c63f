"""What only an administrator may do: roles, extensions, the schema, embedding spaces."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, LiteralString, cast

import psycopg
from psycopg import AsyncConnection, sql
from psycopg import errors as pg

from deskmind.database._faults import connection_error, translated
from deskmind.database._pooler import ASK_PID, require_direct
from deskmind.database.endpoints import Endpoints, derived_verifier
from deskmind.database.migrations import revisions
from deskmind.database.scope_token import hmac_pads
from deskmind.errors import ConfigurationError, SchemaVersionError
from deskmind.keyring import Key, Keyring

if TYPE_CHECKING:
    from deskmind.database.migrations import Migrations

__all__ = ["Provisioner", "render"]

_EXTENSIONS = ("vector", "btree_gin")
_MINIMUM_SERVER = 160000
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('deskmind.prepare', 0))"
_LOOK_AGAIN = 0.1
_STATISTICS_WANTED = """
SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements' AND installed_version IS NULL
   AND current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%'
"""


def render(template: str, **names: str | int) -> str:
    """Fill the ``<name>`` placeholders of one of our SQL files; the names are validated identifiers."""
    for name, value in names.items():
        template = template.replace(f"<{name}>", str(value))
    return template


class Provisioner:
    """Prepares a database for Deskmind; every step can be repeated."""

    def __init__(self, endpoints: Endpoints, keyring: Keyring) -> None:
        if endpoints.admin is None:
            raise ConfigurationError(
                "This needs an administrator's login to the database.",
                why="DESKMIND_DATABASE_URL names the application's own login.",
                remedy="Set DESKMIND_DATABASE_OWNER_URL for this command.",
            )
        self._endpoints = endpoints
        self._keyring = keyring
        self._admin: str = endpoints.admin

    @property
    def keyring(self) -> Keyring:
        """The keys of this installation."""
        return self._keyring

    @cached_property
    def migrations(self) -> Migrations:
        """The schema's history; loaded when it is needed."""
        from deskmind.database.migrations import runner

        return runner.Migrations(self._endpoints)

    async def prepare(self, revision: str = "head") -> None:
        """Bring roles, extensions, schema and scope keys to where this release needs them. One process does it at a time; who waited
        for another that has done it all does nothing.

        Args:
            revision: the migration to stop at.

        Raises:
            DatabaseUnavailableError: the server cannot be reached.
            ConfigurationError: the login lacks a right, the server is too old, or a pooler is in between.
        """
        try:
            async with await self._connect() as connection:
                await self._check_server(connection)
                waited = await _locked(connection)
                if waited and revision == "head" and await self.prepared():
                    return
                await self._create_roles(connection)
                await self._create_extensions(connection)
                await self._show_statistics(connection)
                await self._create_schema(connection)
                await self.migrations.upgrade(revision)
                await self._show_version()
                await self.publish_scope_keys()
        except pg.InsufficientPrivilege as error:
            raise ConfigurationError(
                "The administrator's login lacks a right that provisioning needs.",
                why=str(error).splitlines()[0] + ".",
                remedy="Use a login with CREATEROLE that owns the database, with the extension vector installed.",
            ) from error

    async def prepared(self) -> bool:
        """Whether schema and scope key are up to date, cheaply."""
        async with await self._connect() as connection:
            cursor = await connection.execute(
                "SELECT to_regclass(%s)", (f"{self._endpoints.schema}.scope_keys",)
            )
            row = await cursor.fetchone()
            if row is None or row[0] is None:
                return False
            cursor = await connection.execute(
                sql.SQL("SELECT version_num FROM {}.alembic_version").format(
                    sql.Identifier(self._endpoints.schema)
                )
            )
            versions = {row[0] for row in await cursor.fetchall()}
            key = self._keyring.current("scope-token")
            cursor = await connection.execute(
                sql.SQL(
                    "SELECT inner_pad FROM {}.scope_keys WHERE version = %s AND retired_at IS NULL"
                ).format(sql.Identifier(self._endpoints.schema)),
                (key.version,),
            )
            row = await cursor.fetchone()
        return versions == {revisions()[-1]} and row is not None and row[0] == hmac_pads(key.secret)[0]

    async def publish_scope_keys(self) -> None:
        """Write the verifying half of each live scope key; retire those the keyring no longer has."""
        self._keyring.current("scope-token")
        versions = self._keyring.versions("scope-token")
        async with await self._connect() as connection:
            schema = sql.Identifier(self._endpoints.schema)
            for version in versions:
                await connection.execute(
                    self._publishing(), _verifying_half(self._keyring.get("scope-token", version))
                )
            await connection.execute(
                sql.SQL("UPDATE {}.scope_keys SET retired_at = now() WHERE version <> ALL (%s)").format(
                    schema
                ),
                (list(versions),),
            )

    async def rotate_scope_key(self) -> Key:
        """A new key for scope tokens, known to the database before anyone signs with it. No restart is needed."""

        def announce(key: Key) -> None:
            # on a connection of its own: whoever signs meanwhile waits for the keyring, the event loop included
            with psycopg.connect(self._admin, autocommit=True) as connection:
                connection.execute(self._publishing(), _verifying_half(key))

        with translated():
            return await asyncio.to_thread(self._keyring.rotate, "scope-token", announce=announce)

    def _publishing(self) -> sql.Composed:
        return sql.SQL(
            "INSERT INTO {}.scope_keys (version, inner_pad, outer_pad) VALUES (%s, %s, %s)"
            " ON CONFLICT (version) DO UPDATE SET inner_pad = excluded.inner_pad,"
            " outer_pad = excluded.outer_pad, retired_at = NULL"
        ).format(sql.Identifier(self._endpoints.schema))

    async def ensure_space(self, name: str, model: str, dimensions: int, fingerprint: str) -> None:
        """Create the tables and functions of an embedding space unless they exist."""
        async with await self._connect() as connection, connection.transaction():
            schema = sql.Identifier(self._endpoints.schema)
            await connection.execute(
                sql.SQL("LOCK TABLE {}.embedding_spaces IN EXCLUSIVE MODE").format(schema)
            )
            cursor = await connection.execute(
                sql.SQL("SELECT fingerprint FROM {}.embedding_spaces WHERE name = %s").format(schema), (name,)
            )
            row = await cursor.fetchone()
            if row is not None:
                if row[0] != fingerprint:
                    raise SchemaVersionError(
                        f"The embedding space {name} belongs to other weights.",
                        why="The stored fingerprint differs from the model's.",
                        remedy="Restore the model's weights, or give the new model another name.",
                    )
                return
            await connection.execute(
                sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(self._endpoints.roles.owner))
            )
            extension = await _extension_schema(connection)
            await connection.execute(
                sql.SQL("SET LOCAL search_path = {}, {}").format(schema, sql.Identifier(extension))
            )
            text = (
                resources.files("deskmind.database.migrations")
                .joinpath("sql/space.up.sql")
                .read_text("utf-8")
            )
            await connection.execute(
                cast(
                    LiteralString,
                    render(
                        text,
                        schema=self._endpoints.schema,
                        prefix=self._endpoints.roles.prefix,
                        ext=extension,
                        space=name,
                        model=model.replace("'", "''"),
                        dimensions=dimensions,
                        fingerprint=fingerprint,
                    ),
                )
            )

    async def _show_version(self) -> None:
        async with await self._connect() as connection:
            await connection.execute(
                sql.SQL("GRANT SELECT ON {}.alembic_version TO {}").format(
                    sql.Identifier(self._endpoints.schema),
                    sql.SQL(", ").join(map(sql.Identifier, self._endpoints.roles.logins)),
                )
            )

    async def _connect(self) -> AsyncConnection[tuple[object, ...]]:
        try:
            return await AsyncConnection.connect(self._admin, autocommit=True)
        except psycopg.OperationalError as error:
            raise connection_error(error) from error

    async def _check_server(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        cursor = await connection.execute(ASK_PID)
        row = await cursor.fetchone()
        require_direct(connection.info.backend_pid, cast("int", row[0]) if row else 0)
        version = connection.info.server_version
        if version < _MINIMUM_SERVER:
            raise ConfigurationError(
                f"PostgreSQL {version // 10000} is too old.",
                remedy="Use PostgreSQL 16 or newer with pgvector 0.8.",
            )

    async def _create_roles(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        roles = self._endpoints.roles
        for name in (*roles.offices, *roles.logins):
            await _create_role(connection, name)
        offices = ("search", "system", "eraser", "privacy", "surveyor", "sealer")
        given = sql.SQL(", ").join(sql.Identifier(f"{roles.prefix}_{office}") for office in offices)
        owner = sql.Identifier(roles.owner)
        with translated():
            await connection.execute(
                sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(given, owner)
            )
            await connection.execute(
                sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(owner)
            )
        for login in roles.logins:
            await connection.execute(
                sql.SQL(
                    "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD {}"
                ).format(sql.Identifier(login), sql.Literal(derived_verifier(self._keyring, login)))
            )
            await connection.execute(
                sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}, public").format(
                    sql.Identifier(login),
                    sql.Identifier(connection.info.dbname),
                    sql.Identifier(self._endpoints.schema),
                )
            )
            await connection.execute(
                sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = '5min'").format(
                    sql.Identifier(login)
                )
            )

    async def _create_extensions(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        for name in _EXTENSIONS:
            await connection.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name))
            )

    async def _show_statistics(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        """Let the inspector see the server's statistics, as far as this login may grant it."""
        inspector = sql.Identifier(self._endpoints.roles.inspector)
        for grant in (
            sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE"),
            sql.SQL("GRANT pg_read_all_stats TO {}"),
        ):
            with suppress(pg.InsufficientPrivilege):
                await connection.execute(grant.format(inspector))
        cursor = await connection.execute(_STATISTICS_WANTED)
        if await cursor.fetchone() is None:
            return
        with suppress(pg.InsufficientPrivilege):
            await connection.execute("CREATE EXTENSION pg_stat_statements")
            functions = sql.SQL("FUNCTION pg_stat_statements(boolean), pg_stat_statements_info()")
            views = sql.SQL("pg_stat_statements, pg_stat_statements_info")
            for things in (functions, views):
                await connection.execute(sql.SQL("REVOKE ALL ON {} FROM PUBLIC").format(things))
                await connection.execute(sql.SQL("GRANT ALL ON {} TO {}").format(things, inspector))

    async def _create_schema(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        names = {
            "schema": sql.Identifier(self._endpoints.schema),
            "owner": sql.Identifier(self._endpoints.roles.owner),
            "database": sql.Identifier(connection.info.dbname),
        }
        await connection.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}").format(**names)
        )
        await connection.execute(sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC").format())
        await connection.execute(
            sql.SQL("REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC").format(**names)
        )
        await _close_large_objects(connection)


async def _locked(connection: AsyncConnection[tuple[object, ...]]) -> bool:
    """Keep others from preparing the database as long as the connection lives; whether it had to wait for one.

    It asks again and again: a statement that waits has a snapshot, which what another prepares might have to wait for.
    """
    waited = False
    while (row := await (await connection.execute(_LOCK)).fetchone()) is None or not row[0]:
        waited = True
        await asyncio.sleep(_LOOK_AGAIN)
    return waited


async def _create_role(connection: AsyncConnection[tuple[object, ...]], name: str) -> None:
    try:
        await connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    except (pg.DuplicateObject, pg.UniqueViolation):
        return


async def _close_large_objects(connection: AsyncConnection[tuple[object, ...]]) -> None:
    """Large objects belong to roles, not tenants: take them from everyone where we may."""
    cursor = await connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return
    cursor = await connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
        " AND (proname LIKE 'lo\\_%' OR proname IN ('loread', 'lowrite'))"
    )
    for (signature,) in await cursor.fetchall():
        await connection.execute(
            cast(LiteralString, f"REVOKE EXECUTE ON FUNCTION pg_catalog.{signature} FROM PUBLIC")
        )


async def _extension_schema(connection: AsyncConnection[tuple[object, ...]]) -> str:
    cursor = await connection.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else "public"


def _verifying_half(key: Key) -> tuple[int, bytes, bytes]:
    return key.version, *hmac_pads(key.secret)
