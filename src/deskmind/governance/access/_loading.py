"""Reading what decides who may do what: roles, grants, memberships, the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.database import Connection
from deskmind.governance.access.rights import Decision, Grant, Holding
from deskmind.governance.access.roles import BUILT_IN, Role

__all__ = ["GONE", "Known", "load", "load_policy", "load_roles", "load_version"]

GONE = Holding("a key that is gone", ())
"""A key that was revoked or has expired: it may do nothing."""

_VERSION = "SELECT version FROM access_versions WHERE tenant_id = %s"

_POLICY = """
SELECT version, text, saved_at FROM access_policies WHERE tenant_id = %s ORDER BY version DESC LIMIT 1
"""

_PRINCIPAL = """
SELECT p.name, p.kind, g.principal_id, g.name
  FROM principals p
  LEFT JOIN memberships m ON m.tenant_id = p.tenant_id AND m.member_id = p.principal_id
  LEFT JOIN principals g ON g.tenant_id = m.tenant_id AND g.principal_id = m.group_id
 WHERE p.tenant_id = %s AND p.principal_id = %s AND p.kind <> 'group' AND p.disabled_at IS NULL
"""

_GRANTS = """
SELECT g.role, g.until, p.kind, p.name
  FROM access_grants g JOIN principals p ON p.tenant_id = g.tenant_id AND p.principal_id = g.principal_id
 WHERE g.tenant_id = %s AND g.principal_id = ANY (%s) AND g.revoked_at IS NULL AND (g.until IS NULL OR g.until > now())
"""

_KEY = """
SELECT k.name, k.restricted, k.expires_at, g.role, g.until
  FROM api_keys k
  LEFT JOIN access_grants g ON g.tenant_id = k.tenant_id AND g.key_id = k.key_id AND g.revoked_at IS NULL
       AND (g.until IS NULL OR g.until > now())
 WHERE k.tenant_id = %s AND k.key_id = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A user, with the key it came with, as the database said.

    Attributes:
        version: of the tenant's grants when it was read.
        user: what the user's and its groups' grants permit.
        key: what the key's own grants permit; None for a key without any, and without a key.
        key_ends: when the key expires; None for never, and without a key.
        service: whether the user is a program.
        groups: its groups' ids.
        group_names: and names.
        lasting: decisions that nothing but a change of grants changes, with their basis; filled as they are asked for.
    """

    version: UUID | None
    user: Holding
    key: Holding | None
    key_ends: datetime | None
    service: bool
    groups: frozenset[UUID]
    group_names: frozenset[str]
    lasting: dict[str, tuple[Decision, str]] = field(
        default_factory=dict[str, tuple[Decision, str]], repr=False, compare=False
    )


async def load_version(connection: Connection, tenant_id: UUID) -> UUID | None:
    """What changes whenever something does that decides who may do what."""
    row = await (await connection.execute(_VERSION, (tenant_id,))).fetchone()
    return row[0] if row else None


async def load_policy(connection: Connection, tenant_id: UUID) -> tuple[int, str, Any]:
    """Version, text and time of the policy that counts; 0 and an empty text where none was saved."""
    row = await (await connection.execute(_POLICY, (tenant_id,))).fetchone()
    return row if row else (0, "", None)


async def load_roles(connection: Connection, tenant_id: UUID) -> dict[str, Role]:
    """The built-in roles and the tenant's own."""
    cursor = await connection.execute(
        "SELECT name, permissions, description FROM access_roles WHERE tenant_id = %s ORDER BY name",
        (tenant_id,),
    )
    own = {row[0]: Role(row[0], tuple(row[1]), row[2]) for row in await cursor.fetchall()}
    return {**own, **BUILT_IN}


async def load(connection: Connection, tenant_id: UUID, principal_id: UUID, key_id: UUID | None) -> Known:
    """What there is to know of a user; of one that is gone or disabled, that it may do nothing."""
    version = await load_version(connection, tenant_id)
    roles = await load_roles(connection, tenant_id)
    rows = await (await connection.execute(_PRINCIPAL, (tenant_id, principal_id))).fetchall()
    name, kind = rows[0][:2] if rows else ("a user who is gone or disabled", "user")
    groups = {row[2]: row[3] for row in rows if row[2] is not None}
    parties = [principal_id, *groups] if rows else []
    found = await (await connection.execute(_GRANTS, (tenant_id, parties))).fetchall()
    grants = [(Grant(role, f"{held} {who}", until), _codes(roles, role)) for role, until, held, who in found]
    key, key_ends = await _key(connection, tenant_id, key_id, roles) if key_id is not None else (None, None)
    return Known(
        version,
        Holding(name, grants),
        key,
        key_ends,
        kind == "service",
        frozenset(groups),
        frozenset(groups.values()),
    )


async def _key(
    connection: Connection, tenant_id: UUID, key_id: UUID, roles: Mapping[str, Role]
) -> tuple[Holding | None, datetime | None]:
    rows = await (await connection.execute(_KEY, (tenant_id, key_id))).fetchall()
    if not rows:
        return GONE, None
    name, restricted, expires_at = rows[0][:3]
    if not restricted:
        return None, expires_at
    party = f"the key {name or key_id}"
    grants = [
        (Grant(role, party, until), _codes(roles, role)) for *_, role, until in rows if role is not None
    ]
    return Holding(party, grants), expires_at


def _codes(roles: Mapping[str, Role], name: str) -> frozenset[str]:
    """The permissions of a role, written out; none of a role that was removed."""
    role = roles.get(name)
    return frozenset(item.code for item in role.includes) if role is not None else frozenset()
