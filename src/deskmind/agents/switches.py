"""The kill switch: tools that a tenant has stopped."""

from __future__ import annotations

from deskmind.agents.tool import TOOL_NAME
from deskmind.database import Connection, Database
from deskmind.errors import InvalidRequestError
from deskmind.scope import Scope

__all__ = ["ALL_TOOLS", "allow", "check_tool", "list_stopped", "stop", "stopped", "stopped_now"]

ALL_TOOLS = "*"
_STOPPED_ALONE = (
    "SELECT reason FROM agent_switches WHERE tenant_id = $1::uuid AND tool IN ($2::text, '*') LIMIT 1"
)


def check_tool(tool: str) -> None:
    """Refuse what cannot be a tool's name: the audit log keeps it plainly, and a text could name people.

    Raises:
        InvalidRequestError: it is not the name of a tool, nor ``*``.
    """
    if tool != ALL_TOOLS and not TOOL_NAME.fullmatch(tool):
        raise InvalidRequestError(
            "That is no name of a tool.",
            why="A name has 1 to 64 letters, digits, `_` and `-`.",
            remedy="Give a tool's name, or `*` for all of them.",
        )


async def stopped(connection: Connection, scope: Scope, tool: str) -> str | None:
    """Why a tool is stopped; None when it is not."""
    cursor = await connection.execute(
        "SELECT reason FROM agent_switches WHERE tenant_id = %s AND tool IN (%s, %s) LIMIT 1",
        (scope.tenant_id, tool, ALL_TOOLS),
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def stopped_now(database: Database, scope: Scope, tool: str) -> str | None:
    """The same in a transaction of its own, in one round trip."""
    rows = await database.alone(scope, _STOPPED_ALONE, (str(scope.tenant_id), tool))
    return rows[0][0] if rows else None


async def stop(connection: Connection, scope: Scope, tool: str, reason: str) -> None:
    """Stop a tool, or all of them."""
    await connection.execute(
        "INSERT INTO agent_switches (tenant_id, tool, reason) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (scope.tenant_id, tool, reason),
    )


async def allow(connection: Connection, scope: Scope, tool: str) -> None:
    """Let a tool be called again."""
    await connection.execute(
        "DELETE FROM agent_switches WHERE tenant_id = %s AND tool = %s", (scope.tenant_id, tool)
    )


async def list_stopped(connection: Connection, scope: Scope) -> dict[str, str]:
    """The stopped tools with the reasons, by name."""
    cursor = await connection.execute(
        "SELECT tool, reason FROM agent_switches WHERE tenant_id = %s ORDER BY tool", (scope.tenant_id,)
    )
    return {row[0]: row[1] for row in await cursor.fetchall()}
