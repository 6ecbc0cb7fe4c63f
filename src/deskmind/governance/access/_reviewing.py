"""The lines of an access review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.database import Connection
from deskmind.governance.access.roles import Role
from deskmind.scope import OPERATOR

__all__ = ["ReviewLine", "review_lines"]

# one line for each user and role it has, itself or by a group; groups that nobody is in; and keys with roles of their own
_LINES = """
WITH live AS (
    SELECT * FROM access_grants
     WHERE tenant_id = %(tenant)s AND revoked_at IS NULL AND (until IS NULL OR until > now())),
holders AS (
    SELECT l.*, u.principal_id AS holder_id, u.name AS holder, u.kind, '' AS via, u.disabled_at
      FROM live l JOIN principals u ON u.tenant_id = l.tenant_id AND u.principal_id = l.principal_id
     WHERE u.kind <> 'group' OR NOT EXISTS (
        SELECT FROM memberships m WHERE m.tenant_id = l.tenant_id AND m.group_id = u.principal_id)
    UNION ALL
    SELECT l.*, u.principal_id, u.name, u.kind, g.name, u.disabled_at
      FROM live l JOIN principals g ON g.tenant_id = l.tenant_id AND g.principal_id = l.principal_id
      JOIN memberships m ON m.tenant_id = l.tenant_id AND m.group_id = g.principal_id
      JOIN principals u ON u.tenant_id = l.tenant_id AND u.principal_id = m.member_id
    UNION ALL
    SELECT l.*, k.key_id, k.key_id::text, 'key', u.name, u.disabled_at
      FROM live l JOIN api_keys k ON k.tenant_id = l.tenant_id AND k.key_id = l.key_id AND k.revoked_at IS NULL
           AND (k.expires_at IS NULL OR k.expires_at > now())
      JOIN principals u ON u.tenant_id = k.tenant_id AND u.principal_id = k.principal_id)
SELECT h.kind, h.holder, h.role, h.via, h.granted_at, h.until,
       CASE WHEN h.granted_by = %(operator)s THEN 'operator' ELSE coalesce(b.name, '') END, h.reason,
       (SELECT max(k.last_used_at) FROM api_keys k WHERE k.tenant_id = h.tenant_id
           AND CASE WHEN h.kind = 'key' THEN k.key_id ELSE k.principal_id END = h.holder_id),
       h.disabled_at IS NOT NULL
  FROM holders h
  LEFT JOIN principals b ON b.tenant_id = h.tenant_id AND b.principal_id = h.granted_by
 ORDER BY h.kind = 'key', h.holder, h.role, h.via
"""


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One role of one holder.

    Attributes:
        kind: ``user``, ``service``, ``key``, or ``group`` for one that nobody is in.
        holder: its name; a key's id.
        role: what it has.
        via: the group by which a user has it; the user whose key it is; empty for a grant to the user itself.
        permissions: what the role permits, ``resource:action``.
        since: when it was granted.
        until: when it ends; None for never.
        granted_by: by whom.
        reason: why, as it was stated.
        last_used: when one of the user's keys, or the key, was used last; None when that is not known.
        disabled: the user is disabled and may do nothing.
    """

    kind: str
    holder: str
    role: str
    via: str
    permissions: tuple[str, ...]
    since: datetime
    until: datetime | None
    granted_by: str
    reason: str
    last_used: datetime | None
    disabled: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "holder": self.holder,
            "role": self.role,
            "via": self.via,
            "permissions": list(self.permissions),
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
            "granted_by": self.granted_by,
            "reason": self.reason,
            "last_used": self.last_used.isoformat() if self.last_used else None,
            "disabled": self.disabled,
        }


async def review_lines(
    connection: Connection, tenant_id: UUID, roles: Mapping[str, Role]
) -> list[ReviewLine]:
    """All lines of a tenant. O(memberships of groups that have roles)."""
    permissions = {name: tuple(sorted(item.code for item in role.includes)) for name, role in roles.items()}
    cursor = await connection.execute(_LINES, {"tenant": tenant_id, "operator": OPERATOR})
    return [
        ReviewLine(
            kind,
            holder,
            role,
            via,
            permissions.get(role, ()),
            since,
            until,
            giver,
            reason,
            last_used,
            disabled,
        )
        for kind, holder, role, via, since, until, giver, reason, last_used, disabled in await cursor.fetchall()
    ]
