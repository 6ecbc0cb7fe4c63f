"""Users, services and groups of one tenant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, PrincipalNotFoundError
from deskmind.governance.access._loading import load_roles
from deskmind.governance.access.handing_out import changing_grants, check_held, check_oversees, held_by
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.access.roles import BUILT_IN
from deskmind.governance.access.roles import Role as AccessRole
from deskmind.governance.audit import Person, record
from deskmind.scope import Role, Scope

__all__ = ["Group", "Principals", "User", "check_names", "ensure_groups"]

Admit = Callable[[Connection, Sequence[str]], Awaitable[None]]

_ENSURE_GROUP = """
INSERT INTO principals (tenant_id, principal_id, kind, name) VALUES (%s, %s, 'group', %s)
ON CONFLICT (tenant_id, kind, name) DO NOTHING
"""

_USERS = """
SELECT p.principal_id, p.name, p.display_name, p.kind, p.role,
       coalesce(array_agg(g.name ORDER BY g.name) FILTER (WHERE g.name IS NOT NULL), '{}')
  FROM principals p
  LEFT JOIN memberships m ON m.tenant_id = p.tenant_id AND m.member_id = p.principal_id
  LEFT JOIN principals g ON g.tenant_id = m.tenant_id AND g.principal_id = m.group_id
 WHERE p.tenant_id = %s AND p.kind <> 'group' AND (%s::text IS NULL OR p.name = %s)
 GROUP BY p.tenant_id, p.principal_id ORDER BY p.name
"""

_GROUPS = """
SELECT g.principal_id, g.name, count(m.member_id)
  FROM principals g LEFT JOIN memberships m ON m.tenant_id = g.tenant_id AND m.group_id = g.principal_id
 WHERE g.tenant_id = %s AND g.kind = 'group' GROUP BY g.tenant_id, g.principal_id ORDER BY g.name
"""

_SCOPE = """
SELECT p.principal_id, p.name,
       CASE WHEN EXISTS (SELECT FROM access_grants a WHERE a.tenant_id = p.tenant_id
               AND a.principal_id IN (SELECT p.principal_id UNION ALL SELECT o.group_id FROM memberships o
                   WHERE o.tenant_id = p.tenant_id AND o.member_id = p.principal_id)
               AND a.role IN ('owner', 'admin') AND a.revoked_at IS NULL AND (a.until IS NULL OR a.until > now()))
            THEN 'operator' ELSE 'member' END,
       coalesce(array_agg(m.group_id ORDER BY m.group_id) FILTER (WHERE m.group_id IS NOT NULL), '{}')
  FROM principals p LEFT JOIN memberships m ON m.tenant_id = p.tenant_id AND m.member_id = p.principal_id
 WHERE p.tenant_id = %s AND p.kind <> 'group' AND p.disabled_at IS NULL AND
"""

_FIRST_USERS = (
    "AND (p.kind = 'user' OR NOT %s) GROUP BY p.tenant_id, p.principal_id ORDER BY p.kind = 'user' DESC"
)

_ADDED = """
INSERT INTO principals (tenant_id, principal_id, kind, name, display_name, role)
SELECT t.tenant_id, t.principal_id, t.kind, t.name, t.display_name, t.role
  FROM (VALUES (%s::uuid, %s::uuid, %s::text, %s::text, %s::text, %s::text))
       AS t (tenant_id, principal_id, kind, name, display_name, role)
 WHERE NOT EXISTS (SELECT FROM principals p WHERE p.tenant_id = t.tenant_id AND p.name = t.name AND p.kind <> 'group')
ON CONFLICT (tenant_id, kind, name) DO NOTHING
"""

_ROLES_OF_GROUPS = """
SELECT DISTINCT a.role FROM access_grants a JOIN principals g ON g.tenant_id = a.tenant_id AND g.principal_id = a.principal_id
 WHERE a.tenant_id = %s AND g.kind = 'group' AND g.name = ANY (%s) AND a.revoked_at IS NULL
   AND (a.until IS NULL OR a.until > now()) ORDER BY a.role
"""


@dataclass(frozen=True, slots=True)
class User:
    """A person or service that can act."""

    principal_id: UUID
    name: str
    display_name: str
    kind: Literal["user", "service"]
    role: Role
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A set of users that access is granted to."""

    principal_id: UUID
    name: str
    members: int


class Principals:
    """The users and groups of the scope's tenant."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        *,
        admit: Admit | None = None,
        on_changed: Callable[[UUID], None] | None = None,
    ) -> None:
        """The tenant's.

        Args:
            database: where they are kept.
            scope: who acts.
            admit: raises for names under which nobody may be added.
            on_changed: told of the tenant when its people changed.
        """
        self._database = database
        self._scope = scope
        self._admit = admit
        self._on_changed = on_changed

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where principals are kept."""
        return self._database

    @operation(Permission.PRINCIPALS_WRITE)
    async def add_user(
        self,
        name: str,
        *,
        groups: Sequence[str] = (),
        display_name: str = "",
        role: Role = "member",
        kind: Literal["user", "service"] = "user",
    ) -> User:
        """Add a user with its groups; groups that do not exist are made.

        A ``member`` is granted the role ``requester``, an ``operator`` the role ``owner`` where the installation's
        operator adds it, else ``admin``.

        Raises:
            InvalidRequestError: a name is empty or longer than 200 characters.
            ConflictError: the user exists.
            PermissionDeniedError: the role, or one of a group's, includes what one does not hold.
            SuppressedError: a name is that of a person who was erased.
        """
        check_names([name, *groups])
        user = User(uuid4(), name, display_name, kind, role, tuple(sorted(set(groups))))
        held = await held_by(self._database, self._scope)
        async with self._changing() as connection:
            if self._admit is not None:
                await self._admit(connection, [name, display_name])
            if role == "operator":
                self._check(held, BUILT_IN["admin"])
            await self._check_groups(connection, held, groups)
            cursor = await connection.execute(
                _ADDED, (self._scope.tenant_id, user.principal_id, kind, name, display_name, role)
            )
            if cursor.rowcount == 0:
                raise ConflictError(
                    f"The user '{name}' exists already.",
                    why="Users and services share one space of names: a name says who acts.",
                    remedy="`deskmind user groups NAME --groups …` changes its groups.",
                )
            await self._join(connection, user.principal_id, groups)
            await record(
                connection,
                self._scope,
                Permission.PRINCIPALS_WRITE,
                resource=Person(name, user.principal_id),
                groups=list(user.groups),
                role=role,
            )
        if self._on_changed is not None:
            self._on_changed(self._scope.tenant_id)
        return user

    @operation(Permission.PRINCIPALS_WRITE)
    async def set_groups(self, name: str, groups: Sequence[str]) -> User:
        """Replace a user's memberships. Effective with the user's next desk.

        Raises:
            PrincipalNotFoundError: there is no such user.
            PermissionDeniedError: a role of a group it joins or leaves includes what one does not hold, or it is oneself
                and one does not oversee the tenant.
            ConflictError: it leaves the tenant without an owner.
        """
        check_names(groups)
        held = await held_by(self._database, self._scope)
        async with self._changing() as connection:
            user = await self._user(connection, name)
            if user.principal_id in _acting(self._scope):
                check_oversees(
                    self._scope,
                    held,
                    Permission.PRINCIPALS_WRITE,
                    "may not change their own groups",
                    why="Whoever is in a group sees the group's documents.",
                )
            await self._check_groups(connection, held, set(groups).symmetric_difference(user.groups))
            await connection.execute(
                "DELETE FROM memberships WHERE tenant_id = %s AND member_id = %s",
                (self._scope.tenant_id, user.principal_id),
            )
            await self._join(connection, user.principal_id, groups)
            await record(
                connection,
                self._scope,
                Permission.PRINCIPALS_WRITE,
                resource=Person(name, user.principal_id),
                groups=sorted(set(groups)),
            )
            return await self._user(connection, name)

    @operation(Permission.PRINCIPALS_WRITE)
    async def add_group(self, name: str) -> None:
        """Make a group; nothing happens when it exists."""
        check_names([name])
        async with self._database.transaction(self._scope) as connection:
            await ensure_groups(connection, self._scope, [name])
            await record(connection, self._scope, Permission.PRINCIPALS_WRITE, resource=name, kind="group")

    @operation(Permission.PRINCIPALS_READ)
    async def users(self) -> list[User]:
        """Every user, by name."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_USERS, (self._scope.tenant_id, None, None))
            return [_user(row) for row in await cursor.fetchall()]

    @operation(Permission.PRINCIPALS_READ)
    async def groups(self) -> list[Group]:
        """Every group, by name."""
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_GROUPS, (self._scope.tenant_id,))
            return [Group(*row) for row in await cursor.fetchall()]

    async def scope_of(
        self, *, name: str | None = None, principal_id: UUID | None = None, person: bool = False
    ) -> Scope:
        """The scope of one of the tenant's users, for opening its desk.

        Args:
            name: of a user or a service; where an older release let both have it, the user's.
            principal_id: instead of a name.
            person: whether services do not count.

        Raises:
            PrincipalNotFoundError: there is no such user, or it is disabled.
        """
        condition, value = (
            ("p.name = %s", name) if name is not None else ("p.principal_id = %s", principal_id)
        )
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                _SCOPE.encode() + f" {condition} {_FIRST_USERS}".encode(),
                (self._scope.tenant_id, value, person),
            )
            row = await cursor.fetchone()
        if row is None:
            raise _no_user(str(value), self._scope.tenant)
        return Scope(
            act="operate" if row[2] == "operator" else "desk",
            tenant_id=self._scope.tenant_id,
            tenant=self._scope.tenant,
            principal_id=row[0],
            principal=row[1],
            groups=tuple(row[3]),
            role=row[2],
        )

    def _changing(self) -> AbstractAsyncContextManager[Connection]:
        return changing_grants(self._database, self._scope, Permission.PRINCIPALS_WRITE)

    async def _check_groups(
        self, connection: Connection, held: Mapping[str, datetime | None], groups: Iterable[str]
    ) -> None:
        """Whoever changes who is in a group hands out the group's roles, or takes them away."""
        cursor = await connection.execute(_ROLES_OF_GROUPS, (self._scope.tenant_id, list(groups)))
        granted = [name for (name,) in await cursor.fetchall()]
        roles = await load_roles(connection, self._scope.tenant_id) if granted else {}
        for name in granted:
            if name in roles:
                self._check(held, roles[name])

    def _check(self, held: Mapping[str, datetime | None], role: AccessRole) -> None:
        check_held(
            self._scope,
            held,
            [item.code for item in role.includes],
            until=None,
            act=Permission.PRINCIPALS_WRITE,
            what=f"the role '{role.name}'",
        )

    async def _user(self, connection: Connection, name: str) -> User:
        cursor = await connection.execute(_USERS, (self._scope.tenant_id, name, name))
        row = await cursor.fetchone()
        if row is None:
            raise _no_user(name, self._scope.tenant)
        return _user(row)

    async def _join(self, connection: Connection, member: UUID, groups: Sequence[str]) -> None:
        ids = await ensure_groups(connection, self._scope, groups)
        for group in ids.values():
            await connection.execute(
                "INSERT INTO memberships (tenant_id, group_id, member_id) VALUES (%s, %s, %s)",
                (self._scope.tenant_id, group, member),
            )


async def ensure_groups(connection: Connection, scope: Scope, names: Sequence[str]) -> dict[str, UUID]:
    """The ids of groups by name, making those that do not exist (as an operator)."""
    wanted = sorted(set(names))
    check_names(wanted)
    for name in wanted:
        await connection.execute(_ENSURE_GROUP, (scope.tenant_id, uuid4(), name))
    cursor = await connection.execute(
        "SELECT name, principal_id FROM principals WHERE tenant_id = %s AND kind = 'group' AND name = ANY (%s)",
        (scope.tenant_id, wanted),
    )
    return dict(await cursor.fetchall())


def _acting(scope: Scope) -> set[UUID]:
    """Who acts: the user, and those in its place."""
    return {scope.principal_id} | (_acting(scope.agent) if scope.agent is not None else set())


def _user(row: Sequence[Any]) -> User:
    return User(row[0], row[1], row[2], row[3], row[4], tuple(row[5]))


def check_names(names: Sequence[str]) -> None:
    """See that users and groups can be named so.

    Raises:
        InvalidRequestError: one of them cannot.
    """
    for name in names:
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise InvalidRequestError(
                f"'{name[:80]}' cannot name a user or group.", why="A name has 1 to 200 printable characters."
            )


def _no_user(name: str, tenant: str) -> PrincipalNotFoundError:
    return PrincipalNotFoundError(
        f"The tenant '{tenant}' has no user '{name[:80]}'.",
        remedy=f"Add it with `deskmind user add {name[:80]} --tenant {tenant}`;"
        f" `deskmind user list --tenant {tenant}` shows the others.",
    )
