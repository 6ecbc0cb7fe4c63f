"""Tenants: the list of them and nothing inside, how one is erased, and what is left of those that were."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from psycopg import errors as pg

from deskmind.database import Database
from deskmind.errors import ConflictError, InvalidRequestError, LegalHoldError, TenantNotFoundError
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.audit import AuditEvent, audit_events, record
from deskmind.scope import Scope

__all__ = ["ClosedAccount", "Erasure", "Tenant", "Tenants"]

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer: its id, short name and display name."""

    tenant_id: UUID
    slug: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Erasure:
    """What went with a tenant: rows of the tables that ``erasable_tables`` lists, and jobs.

    Attributes:
        slug: the tenant's short name, free again.
        account_id: the number under which its usage is kept, see ``Tenants.closed_accounts``.
    """

    slug: str
    account_id: UUID
    rows: int
    jobs: int


@dataclass(frozen=True, slots=True)
class ClosedAccount:
    """What an erased tenant spent in a month on one deployment of a model; ``cost`` in US dollars."""

    account_id: UUID
    month: date
    model: str
    deployment: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Decimal
    unpriced_calls: int


class Tenants:
    """The installation's tenants."""

    def __init__(
        self, database: Database, *, on_deleted: Callable[[UUID], Awaitable[None]] | None = None
    ) -> None:
        """Tenants of a database.

        Args:
            database: where they are kept.
            on_deleted: called with the id of a tenant that is gone, so that caches forget it.
        """
        self._database = database
        self._on_deleted = on_deleted
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

    @operation(Permission.TENANTS_DELETE)
    async def delete(self, slug: str) -> Erasure:
        """Erase a tenant: every row of it in every table, its vectors, jobs and what this process remembers.

        It happens in one transaction, however long that takes. What it spent stays as monthly sums under a number;
        the act stays in the installation's audit log. Both name no person.

        Raises:
            TenantNotFoundError: there is none of that name.
            LegalHoldError: a legal hold stands in it.
        """
        async with self._database.transaction(self._scope) as connection:
            await connection.execute("SET LOCAL statement_timeout = 0")
            try:
                cursor = await connection.execute("SELECT * FROM erase_tenant(%s)", (slug,))
            except pg.CheckViolation as error:
                if error.diag.constraint_name != "privacy_hold":
                    raise
                raise LegalHoldError(
                    f"The tenant '{slug[:80]}' may not be removed: a legal hold stands.",
                    remedy=f"`deskmind privacy hold list --tenant {slug[:80]}` shows the holds.",
                ) from None
            row = await cursor.fetchone()
            if row is None or row[0] is None:
                raise _unknown(slug)
            tenant_id, account_id, rows, jobs = row
            await record(
                connection,
                self._scope,
                Permission.TENANTS_DELETE,
                resource=slug,
                account=str(account_id),
                rows=rows,
                jobs=jobs,
            )
        if self._on_deleted is not None:
            await self._on_deleted(tenant_id)
        return Erasure(slug, account_id, rows, jobs)

    @operation(Permission.TENANTS_READ)
    async def closed_accounts(self) -> list[ClosedAccount]:
        """What erased tenants spent, by month and model; the audit event of an erasure tells whose number it is."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT account_id, month, model, deployment, calls, input_tokens, output_tokens, cost, unpriced_calls"
                "  FROM closed_account_usage ORDER BY account_id, month, model, deployment"
            )
            return [ClosedAccount(*row) for row in await cursor.fetchall()]

    @operation(Permission.AUDIT_READ)
    async def audit(
        self, *, limit: int = 100, before: tuple[datetime, UUID] | None = None
    ) -> list[AuditEvent]:
        """The newest acts on the installation itself, newest first: tenants created and erased.

        Args:
            limit: at most this many.
            before: ``place`` of the last one of the previous page.
        """
        async with self._database.transaction(self._scope) as connection:
            return await audit_events(connection, self._scope, limit=limit, before=before)

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
            raise _unknown(slug)
        return Tenant(*row)


def _unknown(slug: str) -> TenantNotFoundError:
    return TenantNotFoundError(
        f"There is no tenant '{slug[:80]}'.",
        remedy=f"Create it with `deskmind tenant create {slug[:80]}`; `deskmind tenant list` shows the others.",
    )
