"""A tenant with a person to be erased, a colleague, and what sees everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deskmind.app import Deskmind
from deskmind.desk import Desk

Admin = psycopg.AsyncConnection[tuple[object, ...]]

NAME, FULL_NAME = "zilpha.quorn", "Zilpha de Quornbeck"
MAIL, PHONE = "zilpha.quorn@example.com", "+31 20 555 0173"
NOTE = (
    b"# VPN tokens\n\n## Contact\n\nAsk Zilpha de Quornbeck (zilpha.quorn@example.com, +31 20 555 0173) for a VPN token.\n\n"
    b"## Duration\n\nA token lasts ninety days. QUORNBECK, ZILPHA DE signs the form.\n"
)
PLAIN = b"# Printers\n\nThe printer on the third floor needs toner cartridge 12X.\n"


@dataclass
class Bureau:
    """Desks of one tenant: its operator, the person, a colleague."""

    app: Deskmind
    operator: Desk
    person: Desk
    ben: Desk

    async def again(self, user: str) -> Desk:
        """The desk of a user opened anew, as a later request has it."""
        return await self.app.desk(tenant=self.operator.scope.tenant, user=user)


@pytest.fixture(scope="module")
def desk_home(running_home: Path) -> Path:
    """The file's own: retention goes through all tenants, and a dump through all tables and files."""
    return running_home


@pytest.fixture(scope="module")
def app(own_app: Deskmind) -> Deskmind:
    """On that home."""
    return own_app


@pytest.fixture
async def bureau(app: Deskmind, operator: Desk) -> Bureau:
    await operator.principals.add_user(NAME, display_name=FULL_NAME)
    await operator.principals.add_user("ben")
    await operator.knowledge.add("vpn.md", NOTE)
    await operator.knowledge.add("printers.md", PLAIN)
    tenant = operator.scope.tenant
    return Bureau(
        app, operator, await app.desk(tenant=tenant, user=NAME), await app.desk(tenant=tenant, user="ben")
    )


@pytest.fixture
async def admin(app: Deskmind) -> AsyncIterator[Admin]:
    address = app.database.endpoints.admin
    assert address is not None
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind, public")
        yield connection


async def dumped(admin: Admin, desk: Desk) -> dict[str, bytes]:
    """A logical dump of the schema after VACUUM: each table's rows, of the desk's tenant where they have one."""
    await admin.execute("VACUUM")
    cursor = await admin.execute(
        "SELECT c.relname, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')"
        "  FROM pg_class c WHERE c.relnamespace = 'deskmind'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    tables: dict[str, bytes] = {}
    for name, of_tenants in await cursor.fetchall():
        query = sql.SQL("COPY (SELECT * FROM {}{}) TO STDOUT").format(
            sql.Identifier(str(name)),
            sql.SQL(" WHERE tenant_id = {}").format(sql.Literal(str(desk.scope.tenant_id)))
            if of_tenants
            else sql.SQL(""),
        )
        async with admin.cursor().copy(query) as copy:
            tables[str(name)] = b"".join([bytes(row) async for row in copy])
    return tables


def holding(tables: dict[str, bytes], *words: str) -> dict[str, str]:
    """The tables that hold a word, in any case, plain or as the hexadecimal digits of bytes."""
    found: dict[str, str] = {}
    for table, content in tables.items():
        lowered = content.lower()
        for word in words:
            plain = word.lower().encode()
            if plain in lowered or plain.hex().encode() in lowered or word.encode().hex().encode() in lowered:
                found[table] = word
    return found
