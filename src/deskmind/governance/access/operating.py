"""``desk.installation``: the installation's tenants, for owners of a tenant that ``api.operator_tenants`` names."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from deskmind.database import Database
from deskmind.errors import ConflictError, InvalidRequestError, PermissionDeniedError
from deskmind.governance.access.api_keys import ApiKeys
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.access.principals import Principals, check_names
from deskmind.governance.access.tenants import ClosedAccount, Erasure, Tenant, Tenants
from deskmind.governance.audit import AuditEvent, record
from deskmind.scope import Scope

__all__ = ["Installation", "NewTenant"]


class _Opened(Protocol):
    """A desk, as far as a tenant's first owner needs one."""

    principals: Principals
    keys: ApiKeys


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant just made.

    Attributes:
        tenant: as it is listed.
        owner: its first owner; empty where none was named.
        secret: the owner's API key, never shown again; empty without one.
    """

    tenant: Tenant
    owner: str = ""
    secret: str = field(default="", repr=False)


class Installation:
    """The tenants of the installation, from within one that operates it. Nothing inside of another tenant is reached.

    What is done is recorded in the operating tenant's log, with who did it, and in the installation's, which names nobody.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        tenants: Tenants,
        operating: Collection[str],
        opened: Callable[[Scope], _Opened],
    ) -> None:
        """From within a tenant.

        Args:
            database: where acts are recorded.
            scope: who acts.
            tenants: of the installation.
            operating: names of the tenants whose owners may.
            opened: a desk of a scope.
        """
        self._database = database
        self._scope = scope
        self._tenants = tenants
        self._operating = operating
        self._opened = opened

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where acts are recorded."""
        return self._database

    @operation(Permission.INSTALLATION_READ)
    async def tenants(self) -> list[Tenant]:
        """Every tenant, by name.

        Raises:
            PermissionDeniedError: one's tenant does not operate the installation.
        """
        await self._check(Permission.INSTALLATION_READ)
        return await self._tenants.all()

    @operation(Permission.INSTALLATION_READ)
    async def tenant(self, slug: str) -> Tenant:
        """One tenant.

        Raises:
            PermissionDeniedError: one's tenant does not operate the installation.
            TenantNotFoundError: there is none of that name.
        """
        await self._check(Permission.INSTALLATION_READ)
        return await self._tenants.named(slug)

    @operation(Permission.INSTALLATION_READ)
    async def acts(
        self, *, limit: int = 100, before: tuple[datetime, UUID] | None = None
    ) -> list[AuditEvent]:
        """The newest acts on the installation itself, newest first: tenants created and erased.

        Args:
            limit: at most this many.
            before: ``place`` of the last one of the previous page.

        Raises:
            PermissionDeniedError: one's tenant does not operate the installation.
        """
        await self._check(Permission.INSTALLATION_READ)
        return await self._tenants.audit(limit=limit, before=before)

    @operation(Permission.INSTALLATION_READ)
    async def closed_accounts(self) -> list[ClosedAccount]:
        """What erased tenants spent, by month and model.

        Raises:
            PermissionDeniedError: one's tenant does not operate the installation.
        """
        await self._check(Permission.INSTALLATION_READ)
        return await self._tenants.closed_accounts()

    @operation(Permission.INSTALLATION_CREATE)
    async def create(self, slug: str, *, name: str = "", owner: str = "") -> NewTenant:
        """Add a tenant.

        Args:
            slug: 1 to 63 of a-z, 0-9 and hyphen.
            name: for people.
            owner: a user to begin it with, its owner, who gets an API key.

        Raises:
            PermissionDeniedError: one's tenant does not operate the installation.
            InvalidRequestError: it cannot be named so, or its owner cannot.
            ConflictError: the tenant exists.
        """
        await self._check(Permission.INSTALLATION_CREATE)
        if owner:
            check_names([owner])
        tenant = await self._tenants.create(slug, name=name)
        await self._record(Permission.INSTALLATION_CREATE, slug)
        if not owner:
            return NewTenant(tenant)
        desk = self._opened(Scope.operator(tenant.tenant_id, tenant.slug))
        await desk.principals.add_user(owner, role="operator")
        return NewTenant(tenant, owner, (await desk.keys.create(owner, name="first")).secret)

    @operation(Permission.INSTALLATION_ERASE)
    async def erase(self, slug: str, *, confirm: str) -> Erasure:
        """Erase a tenant with everything in it. It cannot be undone.

        Args:
            slug: its name.
            confirm: its name again.

        Raises:
            PermissionDeniedError: one's tenant does not operate the installation.
            InvalidRequestError: the names differ.
            ConflictError: it operates the installation.
            TenantNotFoundError: there is none of that name.
            LegalHoldError: a legal hold stands in it.
        """
        await self._check(Permission.INSTALLATION_ERASE)
        if slug in self._operating:
            raise ConflictError(
                f"The tenant '{slug}' operates the installation.",
                remedy="Take it out of api.operator_tenants first, or use `deskmind tenant delete` there.",
            )
        if confirm != slug:
            raise InvalidRequestError(
                "The tenant's name was not confirmed.",
                why="All of its data is lost.",
                remedy="Give its name again as `confirm`.",
            )
        gone = await self._tenants.delete(slug)
        await self._record(Permission.INSTALLATION_ERASE, slug, account=str(gone.account_id))
        return gone

    async def _check(self, wanted: Permission) -> None:
        if self._scope.tenant in self._operating:
            return
        async with self._database.transaction(self._scope) as connection:
            await record(connection, self._scope, wanted, outcome="denied")
        raise PermissionDeniedError(
            "Tenants belong to the whole installation.",
            why="One's tenant is not in api.operator_tenants.",
            remedy="Use `deskmind tenant` where the service runs, or name the operating tenant there.",
            permission=wanted.code,
        )

    async def _record(self, act: Permission, slug: str, account: str | None = None) -> None:
        async with self._database.transaction(self._scope) as connection:
            await record(connection, self._scope, act, resource=slug, account=account)
