"""Nobody hands out more than they hold, for longer than they hold it; and a tenant keeps an owner."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, PermissionDeniedError
from deskmind.governance.access.permissions import Permission, permitted
from deskmind.governance.access.roles import BUILT_IN
from deskmind.governance.audit import record
from deskmind.governance.audit.circumstances import decided_by
from deskmind.scope import Scope

__all__ = ["changing_grants", "check_held", "check_oversees", "check_owner_stays", "held_by"]

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.access.' || %s, 0))"

_OWNERS = """
SELECT count(DISTINCT p.principal_id) FILTER (WHERE p.principal_id IS DISTINCT FROM %s), count(*)
  FROM access_grants g
  LEFT JOIN memberships m ON m.tenant_id = g.tenant_id AND m.group_id = g.principal_id
  JOIN principals p ON p.tenant_id = g.tenant_id AND p.principal_id = coalesce(m.member_id, g.principal_id)
 WHERE g.tenant_id = %s AND g.role = 'owner' AND g.revoked_at IS NULL AND g.until IS NULL
   AND p.kind <> 'group' AND p.disabled_at IS NULL
"""


async def held_by(database: Database, scope: Scope) -> Mapping[str, datetime | None]:
    """Until when a scope holds each permission; None for always."""
    if database.authority is not None:
        return await database.authority.held(scope)
    return {item.code: None for item in permitted(scope)}


def check_held(
    scope: Scope,
    held: Mapping[str, datetime | None],
    wanted: Iterable[str],
    *,
    until: datetime | None,
    act: Permission,
    what: str,
) -> None:
    """Refuse to hand out what one does not hold, or for longer.

    Args:
        scope: who hands out.
        held: what they hold, see ``held_by``.
        wanted: the permissions that would be handed out.
        until: until when; None for always.
        act: the operation it is part of.
        what: what would be handed out, in words.

    Raises:
        PermissionDeniedError: they do not hold one of them as long.
    """
    missing = sorted(code for code in wanted if not _covers(held, code, until))
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise PermissionDeniedError(
            f"{scope.principal} may not hand out or take away {what}.",
            why=f"It includes {shown}, which {scope.principal} does not hold as long.",
            remedy="Ask somebody who holds it; owners are made and removed by owners.",
            permission=act.code,
            missing=missing,
        )


def check_oversees(
    scope: Scope, held: Mapping[str, datetime | None], act: Permission, what: str, *, why: str
) -> None:
    """Refuse what only those may do who see all of the tenant anyway.

    Raises:
        PermissionDeniedError: they hold less than an admin.
    """
    if not all(item.code in held for item in BUILT_IN["admin"].includes):
        raise PermissionDeniedError(
            f"{scope.principal} {what}.",
            why=why,
            remedy="Ask an owner or admin of the tenant.",
            permission=act.code,
        )


@asynccontextmanager
async def changing_grants(database: Database, scope: Scope, act: Permission) -> AsyncGenerator[Connection]:
    """A transaction in which roles or memberships change, one at a time in a tenant.

    Raises:
        PermissionDeniedError: raised within; it is in the audit log.
        ConflictError: it would leave the tenant without an owner that lasts.
    """
    try:
        async with database.transaction(scope) as connection:
            await connection.execute(_LOCK, (str(scope.tenant_id),))
            before, _ = await _owners(connection, scope)
            yield connection
            if before and not (await _owners(connection, scope))[0]:
                raise _no_owner()
    except PermissionDeniedError as error:
        async with database.transaction(scope) as connection:
            with decided_by(_basis_of(error)):
                await record(connection, scope, act, outcome="denied")
        raise
    if database.authority is not None:
        database.authority.forget(scope.tenant_id)


def _basis_of(error: PermissionDeniedError) -> str:
    """What would have been handed out and is not held, for the audit log; empty where it was refused for another reason."""
    missing: list[str] = error.details.get("missing", [])
    return f"does not hold {', '.join(missing[:3])}" if missing else ""


async def check_owner_stays(connection: Connection, scope: Scope, without: UUID | None) -> None:
    """See that a tenant which has an owner had one without this user, too.

    Raises:
        ConflictError: it would have none.
    """
    others, owners = await _owners(connection, scope, without)
    if owners and not others:
        raise _no_owner()


async def _owners(connection: Connection, scope: Scope, without: UUID | None = None) -> tuple[int, int]:
    """How many others own the tenant for always, and whether anybody does."""
    row = await (await connection.execute(_OWNERS, (without, scope.tenant_id))).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _no_owner() -> ConflictError:
    return ConflictError(
        "The tenant would have no owner.",
        why="One user must own it without an end.",
        remedy="Make somebody else owner first: `deskmind access grant owner --user NAME`.",
    )


def _covers(held: Mapping[str, datetime | None], code: str, until: datetime | None) -> bool:
    if code not in held:
        return False
    end = held[code]
    return end is None or (until is not None and until <= end)
