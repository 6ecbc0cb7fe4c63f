"""Who may do what, and why: ``desk.access``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError
from deskmind.governance.access._granting import (
    Granted,
    Holder,
    end_grant,
    find_holder,
    has_holders,
    make_grant,
)
from deskmind.governance.access._loading import load_policy, load_roles
from deskmind.governance.access._reviewing import ReviewLine, review_lines
from deskmind.governance.access.authority import AccessAuthority
from deskmind.governance.access.cedar import CedarPolicy, cedar_schema
from deskmind.governance.access.handing_out import changing_grants, check_held, held_by
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.access.policy import Resource
from deskmind.governance.access.principals import Principals
from deskmind.governance.access.rights import Decision
from deskmind.governance.access.roles import BUILT_IN, Role, role_of
from deskmind.governance.audit import Person, record
from deskmind.scope import Scope

__all__ = ["Access", "SavedPolicy"]


@dataclass(frozen=True, slots=True)
class SavedPolicy:
    """The tenant's policy.

    Attributes:
        version: counts the texts saved; 0 when none was.
        text: in Cedar; empty when policies are off.
        saved_at: when; None when none was.
        names: of its policies.
    """

    version: int
    text: str
    saved_at: datetime | None
    names: tuple[str, ...]


class Access:
    """Roles, grants and the policy of the scope's tenant."""

    def __init__(self, database: Database, scope: Scope, authority: AccessAuthority) -> None:
        self._database = database
        self._scope = scope
        self._authority = authority

    @property
    def scope(self) -> Scope:
        """Who asks."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where grants are kept."""
        return self._database

    @operation(Permission.ACCESS_CHECK)
    async def check(self, permission: str, *, resource: Resource | None = None) -> Decision:
        """Whether one may do something oneself, and why.

        Args:
            permission: ``resource:action``.
            resource: to what, for policies; the tenant unless given.

        Raises:
            InvalidRequestError: there is no such permission.
        """
        return await self._authority.decide(self._scope, Permission.of(permission), resource)

    @operation(Permission.ACCESS_READ)
    async def check_of(self, user: str, permission: str, *, resource: Resource | None = None) -> Decision:
        """Whether a user may do something, and why.

        Raises:
            PrincipalNotFoundError: there is no such user.
            InvalidRequestError: there is no such permission.
        """
        scope = await Principals(self._database, self._scope).scope_of(name=user)
        return await self._authority.decide(scope, Permission.of(permission), resource)

    @operation(Permission.ACCESS_READ)
    async def review(self) -> list[ReviewLine]:
        """Who may do what, why, since when, until when and when last, as far as is known: for access reviews."""
        async with self._database.transaction(self._scope) as connection:
            roles = await load_roles(connection, self._scope.tenant_id)
            return await review_lines(connection, self._scope.tenant_id, roles)

    @operation(Permission.ACCESS_GRANT)
    async def grant(
        self,
        role: str,
        *,
        user: str | None = None,
        group: str | None = None,
        key: UUID | None = None,
        until: datetime | None = None,
        reason: str = "",
    ) -> Granted:
        """Give a role to a user, to a group, or to an API key, whose rights it then bounds.

        A live grant of the same role is replaced, with its end.

        Raises:
            PermissionDeniedError: the role includes what one does not hold, or does not hold as long.
            NotFoundError: there is no such role, user, group or key.
            InvalidRequestError: not one of user, group and key is named, or the end is past or has no time zone.
            ConflictError: the last lasting owner would be owner for a time only.
        """
        _check_grant(until, reason)
        async with self._changing(Permission.ACCESS_GRANT) as (connection, held):
            wanted = await self._role(connection, role)
            self._check(held, wanted, until, Permission.ACCESS_GRANT)
            holder = await find_holder(connection, self._scope, user=user, group=group, key=key)
            granted = await make_grant(connection, self._scope, role, holder, until, reason)
            await self._record(connection, role, holder, until=until)
        return granted

    @operation(Permission.ACCESS_GRANT)
    async def revoke(
        self, role: str, *, user: str | None = None, group: str | None = None, key: UUID | None = None
    ) -> None:
        """End the grant of a role: here at once, in other processes within a second.

        Raises:
            PermissionDeniedError: the role includes what one does not hold.
            NotFoundError: there is no such live grant, user, group or key.
            ConflictError: it is the last owner's.
        """
        async with self._changing(Permission.ACCESS_GRANT) as (connection, held):
            roles = await load_roles(connection, self._scope.tenant_id)
            if role in roles:
                self._check(held, roles[role], datetime.now(UTC), Permission.ACCESS_GRANT)
            holder = await find_holder(connection, self._scope, user=user, group=group, key=key)
            await end_grant(connection, self._scope, role, holder)
            await self._record(connection, role, holder, revoked=True)

    @operation(Permission.ACCESS_READ)
    async def roles(self) -> list[Role]:
        """The built-in roles and the tenant's own, by name."""
        async with self._database.transaction(self._scope) as connection:
            return [role for _, role in sorted((await load_roles(connection, self._scope.tenant_id)).items())]

    @operation(Permission.ACCESS_DEFINE)
    async def define_role(self, name: str, permissions: Sequence[str], *, description: str = "") -> Role:
        """Make or replace a role of the tenant's own.

        Args:
            name: 1 to 63 of a-z, 0-9 and hyphen; not that of a built-in role.
            permissions: ``resource:action``, or ``resource:*`` for all of a resource, also those to come.
            description: for people.

        Raises:
            InvalidRequestError: the name or a permission is not valid.
            PermissionDeniedError: one does not hold, for always, what it includes or included.
        """
        role = role_of(name, permissions, description)
        async with self._changing(Permission.ACCESS_DEFINE) as (connection, held):
            before = (await load_roles(connection, self._scope.tenant_id)).get(name)
            for version in (role, before):
                if version is not None:
                    self._check(held, version, None, Permission.ACCESS_DEFINE)
            await connection.execute(
                "INSERT INTO access_roles (tenant_id, name, permissions, description) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (tenant_id, name) DO UPDATE SET permissions = excluded.permissions,"
                " description = excluded.description, changed_at = now()",
                (self._scope.tenant_id, name, list(role.permissions), description),
            )
            await record(
                connection,
                self._scope,
                Permission.ACCESS_DEFINE,
                resource=name,
                permissions=list(role.permissions),
            )
        return role

    @operation(Permission.ACCESS_DEFINE)
    async def delete_role(self, name: str) -> None:
        """Remove a role of the tenant's own.

        Raises:
            NotFoundError: the tenant has no such role.
            ConflictError: somebody has it.
        """
        async with self._changing(Permission.ACCESS_DEFINE) as (connection, held):
            role = (await load_roles(connection, self._scope.tenant_id)).get(name)
            if role is None or role.built_in:
                raise _no_role(name)
            self._check(held, role, datetime.now(UTC), Permission.ACCESS_DEFINE)
            if await has_holders(connection, self._scope.tenant_id, name):
                raise ConflictError(
                    f"The role '{name}' is granted to somebody.",
                    remedy="Revoke it first; `deskmind access review` shows from whom.",
                )
            await connection.execute(
                "DELETE FROM access_roles WHERE tenant_id = %s AND name = %s", (self._scope.tenant_id, name)
            )
            await record(connection, self._scope, Permission.ACCESS_DEFINE, resource=name, removed=True)

    @operation(Permission.ACCESS_READ)
    async def policy(self) -> SavedPolicy:
        """The tenant's policy."""
        async with self._database.transaction(self._scope) as connection:
            version, text, saved_at = await load_policy(connection, self._scope.tenant_id)
        return SavedPolicy(version, text, saved_at, _parsed(text))

    @operation(Permission.ACCESS_READ)
    async def policy_schema(self) -> str:
        """The Cedar schema: what policies may go by."""
        return cedar_schema(BUILT_IN["owner"].permissions)

    @operation(Permission.ACCESS_DEFINE)
    async def set_policy(self, text: str) -> SavedPolicy:
        """Save the tenant's policy, in Cedar; an empty text switches policies off. What was saved before is kept.

        Raises:
            InvalidRequestError: it does not parse or does not fit the schema, or says ``permit``.
            MissingExtraError: the extra ``access`` is not installed.
        """
        text = text.strip()
        names = _parsed(text)
        async with self._changing(Permission.ACCESS_DEFINE) as (connection, _):
            cursor = await connection.execute(
                "INSERT INTO access_policies (tenant_id, version, text, saved_by)"
                " SELECT %s, coalesce(max(version), 0) + 1, %s, %s FROM access_policies WHERE tenant_id = %s"
                " RETURNING version, saved_at",
                (self._scope.tenant_id, text, self._scope.principal_id, self._scope.tenant_id),
            )
            (row,) = await cursor.fetchall()
            await record(
                connection,
                self._scope,
                Permission.ACCESS_DEFINE,
                resource="policy",
                version=row[0],
                policies=list(names),
            )
        return SavedPolicy(row[0], text, row[1], names)

    @asynccontextmanager
    async def _changing(
        self, act: Permission
    ) -> AsyncGenerator[tuple[Connection, Mapping[str, datetime | None]]]:
        """A transaction in which grants change, and what one holds oneself."""
        held = await held_by(self._database, self._scope)
        async with changing_grants(self._database, self._scope, act) as connection:
            yield connection, held

    def _check(
        self, held: Mapping[str, datetime | None], role: Role, until: datetime | None, act: Permission
    ) -> None:
        codes = [item.code for item in role.includes]
        check_held(self._scope, held, codes, until=until, act=act, what=f"the role '{role.name}'")

    async def _role(self, connection: Connection, name: str) -> Role:
        role = (await load_roles(connection, self._scope.tenant_id)).get(name)
        if role is None:
            raise _no_role(name)
        return role

    async def _record(
        self,
        connection: Connection,
        role: str,
        holder: Holder,
        *,
        until: datetime | None = None,
        revoked: bool = False,
    ) -> None:
        await record(
            connection,
            self._scope,
            Permission.ACCESS_GRANT,
            resource=_named(holder),
            role=role,
            until=until.isoformat() if until else None,
            revoked=revoked,
        )


def _named(holder: Holder) -> str | Person:
    """Who has a role, as audit events have it."""
    shown = f"{holder.kind} {holder.name}"
    return Person(holder.name, holder.principal_id, shown) if holder.kind == "user" else shown


def _check_grant(until: datetime | None, reason: str) -> None:
    if until is not None and (until.tzinfo is None or until <= datetime.now(UTC)):
        raise InvalidRequestError(
            "The end of the grant is not valid.", why="It must be in the future and have a time zone."
        )
    if len(reason) > 500 or not reason.isprintable():
        raise InvalidRequestError("The reason is not valid.", why="It has up to 500 printable characters.")


def _parsed(text: str) -> tuple[str, ...]:
    return CedarPolicy(text, BUILT_IN["owner"].permissions).names if text else ()


def _no_role(name: str) -> NotFoundError:
    return NotFoundError(
        f"The tenant has no role '{name[:80]}' of its own.", remedy="`deskmind access roles` shows them."
    )
