"""Tenants: the list of them and nothing inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from psycopg import errors as pg

from deskmind.database import Database
from deskmind.errors import ConflictError, InvalidRequestError, TenantNotFoundError
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.audit import record
from deskmind.scope import Scope

__all__ = ["Tenant", "Tenants"]

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer: its id, short name and display name."""

    tenant_id: UUID
    slug: str
    name: str
    created_at: datetime


class Tenants:
    """The installation's tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scope = Scope.directory()

    @property
    def scope(self) -> Scope:
        """The directory scope."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where tenants are kept."""
        return self._database

    @operation(Permission.TENANTS_WRITE)
    async def create(self, slug: str, *, name: str = "") -> Tenant:
        """Add a tenant.

        Raises:
            InvalidRequestError: the name is not 1 to 63 of a-z, 0-9 and hyphen.
            ConflictError: the tenant exists.
        """
        if not _SLUG.fullmatch(slug):
            raise InvalidRequestError(
                f"'{slug[:80]}' cannot name a tenant.",
                why="A tenant's name has 1 to 63 characters of a-z, 0-9 and '-', starting with a letter or digit.",
                remedy="Choose such a name; the display name is free.",
            )
        tenant_id = uuid4()
        try:
            async with self._database.transaction(self._scope) as connection:
                cursor = await connection.execute(
                    "INSERT INTO tenants (tenant_id, slug, name) VALUES (%s, %s, %s) RETURNING created_at",
                    (tenant_id, slug, name or slug),
                )
                row = await cursor.fetchone()
                await record(connection, self._scope, Permission.TENANTS_WRITE, resource=slug)
        except pg.UniqueViolation:
            raise ConflictError(
                f"The tenant '{slug}' exists already.", remedy="`deskmind tenant list` shows the tenants."
            ) from None
        return Tenant(tenant_id, slug, name or slug, row[0] if row else datetime.now().astimezone())

    @operation(Permission.TENANTS_READ)
    async def all(self) -> list[Tenant]:
        """Every tenant, by name."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT tenant_id, slug, name, created_at FROM tenants ORDER BY slug"
            )
            return [Tenant(*row) for row in await cursor.fetchall()]

    @operation(Permission.TENANTS_READ)
    async def named(self, slug: str) -> Tenant:
        """One tenant.

        Raises:
            TenantNotFoundError: there is none of that name.
        """
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT tenant_id, slug, name, created_at FROM tenants WHERE slug = %s", (slug,)
            )
            row = await cursor.fetchone()
        if row is None:
            raise TenantNotFoundError(
                f"There is no tenant '{slug[:80]}'.",
                remedy=f"Create it with `deskmind tenant create {slug[:80]}`; `deskmind tenant list` shows the others.",
            )
        return Tenant(*row)
