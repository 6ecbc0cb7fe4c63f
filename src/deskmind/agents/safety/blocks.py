"""What stays forbidden beyond a run: an effect that an approver rejected for good, an agent that kept trying what is forbidden."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row

from deskmind.database import Connection
from deskmind.scope import Scope

__all__ = ["Block", "agent_subject", "block", "blocked", "call_subject", "list_blocks", "unblock"]

BlockKind = Literal["call", "agent"]
_COLUMNS = "kind, subject, tool, agent, reason, at, until"
_ADD = """
INSERT INTO agent_blocks (tenant_id, kind, subject, principal_id, tool, agent, reason, until)
VALUES (%s, %s, %s, %s, %s, %s, %s, now() + make_interval(secs => %s))
"""
_FIND = """
SELECT reason FROM agent_blocks
 WHERE tenant_id = %s AND (kind, subject) IN (('call', %s), ('agent', %s)) AND (until IS NULL OR until > now()) LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Block:
    """Something that is forbidden beyond one run.

    Attributes:
        kind: ``call``: one tool with the same arguments, for every agent; ``agent``: what an agent of one user writes or sends.
        subject: names it; ``desk.agents.lift`` takes it.
        tool, agent: of the call or run that led to it.
        until: None for good.
    """

    kind: BlockKind
    subject: str
    tool: str
    agent: str
    reason: str
    at: datetime
    until: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "tool": self.tool,
            "agent": self.agent,
            "reason": self.reason,
            "at": self.at.isoformat(),
            "until": self.until.isoformat() if self.until else None,
        }


def call_subject(scope: Scope, tool: str, arguments: Mapping[str, Any]) -> str:
    """A digest of a call: the same for the same arguments in another order or spacing."""
    told = json.dumps(_bare(arguments), sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(f"{scope.tenant_id}\0{tool}\0{told}".encode()).hexdigest()


def agent_subject(principal_id: UUID | None, agent: str) -> str:
    """An agent of one user, as a digest: what an agent is called is the user's choice."""
    return hashlib.sha256(f"{principal_id}\0{agent}".encode()).hexdigest()


async def blocked(connection: Connection, scope: Scope, call: str, agent: str) -> str | None:
    """Why a call is blocked; None where it is not."""
    cursor = await connection.execute(_FIND, (scope.tenant_id, call, agent))
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def block(
    connection: Connection,
    scope: Scope,
    kind: BlockKind,
    subject: str,
    *,
    principal_id: UUID | None,
    tool: str,
    agent: str,
    reason: str,
    seconds: float | None,
) -> None:
    """Block it; for good without ``seconds``."""
    values = (scope.tenant_id, kind, subject, principal_id, tool, agent, reason, seconds)
    await connection.execute(_ADD, values)


async def unblock(connection: Connection, scope: Scope, subject: str) -> bool:
    """Lift a block; False where there is none."""
    cursor = await connection.execute(
        "DELETE FROM agent_blocks WHERE tenant_id = %s AND subject = %s", (scope.tenant_id, subject)
    )
    return cursor.rowcount > 0


async def list_blocks(connection: Connection, scope: Scope) -> list[Block]:
    """Those that hold, the newest first."""
    cursor = connection.cursor(row_factory=class_row(Block))
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM agent_blocks WHERE tenant_id = %s AND (until IS NULL OR until > now())"
        " ORDER BY at DESC, subject",
        (scope.tenant_id,),
    )
    return await cursor.fetchall()


def _bare(value: Any) -> Any:
    """Texts without what does not change their meaning: case, spaces, invisible characters."""
    if isinstance(value, str):
        return " ".join(
            "".join(one for one in value if one.isprintable() or one.isspace()).casefold().split()
        )
    if isinstance(value, Mapping):
        return {str(key): _bare(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [_bare(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    return value
