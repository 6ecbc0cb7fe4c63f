"""Grants as rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from deskmind.database import Connection
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.scope import Scope

__all__ = ["Granted", "Holder", "end_grant", "find_holder", "has_holders", "make_grant"]

_PRINCIPAL = """
SELECT principal_id FROM principals WHERE tenant_id = %s AND name = %s AND (kind = 'group') = %s ORDER BY kind DESC
"""

_KEY = "SELECT key_id FROM api_keys WHERE tenant_id = %s AND key_id = %s AND revoked_at IS NULL"

_END = """
UPDATE access_grants SET revoked_at = now(), revoked_by = %s
 WHERE tenant_id = %s AND role = %s AND (principal_id = %s OR key_id = %s) AND revoked_at IS NULL
   AND (until IS NULL OR until > now())
"""

_MAKE = """
INSERT INTO access_grants (tenant_id, grant_id, role, principal_id, key_id, reason, granted_by, until)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
RETURNING granted_at
"""

_REACH = """
UPDATE principals p SET role = CASE WHEN EXISTS (
        SELECT FROM access_grants g WHERE g.tenant_id = p.tenant_id AND g.principal_id = p.principal_id
           AND g.role IN ('owner', 'admin') AND g.revoked_at IS NULL AND g.until IS NULL)
    THEN 'operator' ELSE 'member' END
 WHERE p.tenant_id = %s AND p.principal_id = %s AND p.kind <> 'group'
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has, or is to have, a role: one of the ids is set."""

    kind: Literal["user", "group", "key"]
    name: str
    principal_id: UUID | None = None
    key_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A role somebody was given.

    Attributes:
        grant_id: of the grant.
        role: the role's name.
        kind: of its holder: ``user``, ``group`` or ``key``.
        holder: the user's or group's name, or the key's id.
        granted_at: since when.
        until: when it ends; None for never.
    """

    grant_id: UUID
    role: str
    kind: str
    holder: str
    granted_at: datetime
    until: datetime | None


async def find_holder(
    connection: Connection, scope: Scope, *, user: str | None, group: str | None, key: UUID | None
) -> Holder:
    """The one that is named.

    Raises:
        InvalidRequestError: not exactly one is named.
        NotFoundError: there is none of that name.
    """
    if sum(name is not None for name in (user, group, key)) != 1:
        raise InvalidRequestError("Whose role is it?", why="Name one of user, group and key.")
    if key is not None:
        found = await (await connection.execute(_KEY, (scope.tenant_id, key))).fetchone()
        holder = Holder("key", str(key), key_id=key)
    else:
        name, grouped = user or group or "", group is not None
        found = await (await connection.execute(_PRINCIPAL, (scope.tenant_id, name, grouped))).fetchone()
        holder = Holder("group" if grouped else "user", name, principal_id=found[0] if found else None)
    if found is None:
        raise NotFoundError(
            f"The tenant '{scope.tenant}' has no {holder.kind} '{holder.name[:80]}'.",
            remedy=f"`deskmind {holder.kind} list --tenant {scope.tenant}` shows them.",
        )
    return holder


async def make_grant(
    connection: Connection, scope: Scope, role: str, holder: Holder, until: datetime | None, reason: str
) -> Granted:
    """Give a role, in place of a live grant of the same."""
    await _end(connection, scope, role, holder)
    if holder.key_id is not None:
        await connection.execute(
            "UPDATE api_keys SET restricted = true WHERE tenant_id = %s AND key_id = %s AND NOT restricted",
            (scope.tenant_id, holder.key_id),
        )
    grant_id = uuid4()
    values = (
        scope.tenant_id,
        grant_id,
        role,
        holder.principal_id,
        holder.key_id,
        reason,
        scope.principal_id,
        until,
    )
    (row,) = await (await connection.execute(_MAKE, values)).fetchall()
    await connection.execute(_REACH, (scope.tenant_id, holder.principal_id))
    return Granted(grant_id, role, holder.kind, holder.name, row[0], until)


async def end_grant(connection: Connection, scope: Scope, role: str, holder: Holder) -> None:
    """Take a role away.

    Raises:
        NotFoundError: they do not have it.
    """
    if not await _end(connection, scope, role, holder):
        raise NotFoundError(
            f"The {holder.kind} '{holder.name[:80]}' was not granted the role '{role[:80]}'.",
            remedy="`deskmind access review` shows who has which role, and through which group.",
        )
    await connection.execute(_REACH, (scope.tenant_id, holder.principal_id))


async def has_holders(connection: Connection, tenant_id: UUID, role: str) -> bool:
    """Whether somebody has a role."""
    cursor = await connection.execute(
        "SELECT FROM access_grants WHERE tenant_id = %s AND role = %s AND revoked_at IS NULL"
        " AND (until IS NULL OR until > now()) LIMIT 1",
        (tenant_id, role),
    )
    return await cursor.fetchone() is not None


async def _end(connection: Connection, scope: Scope, role: str, holder: Holder) -> int:
    cursor = await connection.execute(
        _END, (scope.principal_id, scope.tenant_id, role, holder.principal_id, holder.key_id)
    )
    return cursor.rowcount
