"""Looks at a database with the right to see statistics, and no other."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from psycopg import errors as pg
from psycopg.rows import TupleRow

from deskmind.database._faults import connection_error
from deskmind.database.inspection import queries, reading
from deskmind.database.inspection.findings import Inspection, Limits, Statement, Unseen
from deskmind.database.pool import Database
from deskmind.scope import Scope

__all__ = ["inspect"]

_Connection = AsyncConnection[TupleRow]

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_NO_ADMIN = Unseen(
    "statements and transactions of other logins",
    "They are shown to a login that may become the inspecting role; none is configured here.",
    "Set DESKMIND_DATABASE_OWNER_URL for this command.",
)
_NO_ROLE = Unseen(
    "statements and transactions of other logins",
    "The inspecting role is missing, or the administrator's login may not become it.",
    "Run `deskmind migrate up` with a login that may grant pg_read_all_stats.",
)
_NOT_GRANTED = Unseen(
    "statements and transactions of other logins",
    "The inspecting role does not have pg_read_all_stats; the login that migrated may not grant it.",
    "As a superuser or your provider's administrator: GRANT pg_read_all_stats TO the role <prefix>_inspector.",
)
_NO_STATISTICS = (
    "Add pg_stat_statements to shared_preload_libraries, restart PostgreSQL,"
    " then run CREATE EXTENSION pg_stat_statements in this database."
)


async def inspect(database: Database, limits: Limits | None = None) -> Inspection:
    """What slows the database down.

    It looks as the role ``<prefix>_inspector``, which has ``pg_read_all_stats`` and no right to any table; where it
    cannot become it, as the application's own login, and says what that login is not shown.

    Raises:
        DatabaseUnavailableError: the server cannot be reached.
    """
    chosen = limits or Limits()
    async with _connected(database) as (connection, role, gaps):
        return await _look(connection, database, chosen, role, gaps)


@asynccontextmanager
async def _connected(database: Database) -> AsyncGenerator[tuple[_Connection, str, list[Unseen]]]:
    endpoints = database.endpoints
    if endpoints.admin is None:
        async with database.transaction(Scope.directory()) as connection:
            yield connection, endpoints.roles.app, [_NO_ADMIN]
        return
    try:
        admin = await AsyncConnection.connect(endpoints.admin, prepare_threshold=None)
    except psycopg.OperationalError as error:
        raise connection_error(error) from error
    async with admin:
        if await _becomes(admin, endpoints.roles.inspector):
            yield admin, endpoints.roles.inspector, [] if await _sees_all(admin) else [_NOT_GRANTED]
            return
    async with database.transaction(Scope.directory()) as connection:
        yield connection, endpoints.roles.app, [_NO_ROLE]


async def _becomes(connection: _Connection, role: str) -> bool:
    """In this transaction: that role, reading only."""
    try:
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    except (pg.InsufficientPrivilege, pg.UndefinedObject, pg.InvalidParameterValue):
        await connection.rollback()
        return False
    return True


async def _sees_all(connection: _Connection) -> bool:
    cursor = await connection.execute("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')")
    row = await cursor.fetchone()
    return bool(row and row[0])


async def _look(
    connection: _Connection, database: Database, limits: Limits, role: str, gaps: list[Unseen]
) -> Inspection:
    endpoints = database.endpoints
    parameters = {**asdict(limits), "schema": endpoints.schema, "logins": list(endpoints.roles.logins)}

    async def rows(query: Any) -> list[tuple[Any, ...]]:
        cursor = await connection.execute(query, parameters)
        return await cursor.fetchall()

    statements = await _statements(connection, rows, gaps)
    cache = (await rows(queries.CACHE_AND_AGE))[0]
    dead = await rows(queries.DEAD_ROWS)
    findings = [
        *reading.foreign_keys(await rows(queries.FOREIGN_KEYS)),
        *reading.whole_table_reads(await rows(queries.WHOLE_TABLE_READS)),
        *reading.unused_indexes(await rows(queries.UNUSED_INDEXES), cache[4]),
        *reading.dead_rows(dead, limits),
        *reading.vacuum(dead, limits),
        *reading.long_transactions(await rows(queries.LONG_TRANSACTIONS)),
        *reading.cache_and_age(cache, limits),
    ]
    return Inspection(role, reading.facts(cache), statements, tuple(findings), tuple(gaps))


async def _statements(connection: _Connection, rows: Any, gaps: list[Unseen]) -> tuple[Statement, ...]:
    cursor = await connection.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'pg_stat_statements'"
    )
    found = await cursor.fetchone()
    if found is None:
        gaps.append(Unseen("statements", "The extension pg_stat_statements is not there.", _NO_STATISTICS))
        return ()
    query = sql.SQL(queries.STATEMENTS).format(statistics=sql.Identifier(found[0], "pg_stat_statements"))
    try:
        async with connection.transaction():
            return tuple(Statement(_masked(row[0]), *row[1:]) for row in await rows(query))
    except pg.InsufficientPrivilege:
        gaps.append(Unseen("statements", "This login may not read pg_stat_statements.", _NO_ADMIN.remedy))
    except pg.ObjectNotInPrerequisiteState as error:
        gaps.append(Unseen("statements", f"{error.diag.message_primary}.", _NO_STATISTICS))
    return ()


def _masked(text: str) -> str:
    """PostgreSQL replaces constants; what it should have missed is not shown either. One line."""
    return _LITERAL.sub("$", " ".join(text.split()))
