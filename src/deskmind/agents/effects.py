"""Claims of effects: there before anything is sent, with what will be sent, until it is known what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from deskmind.agents.journal import Journal
from deskmind.agents.store import owner_of
from deskmind.database import Connection

__all__ = ["Claimed", "claim", "claimed", "settle"]

_CLAIM = """
INSERT INTO agent_effects (tenant_id, run_id, call_id, principal_id, tool, epoch, prepared) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, run_id, call_id) DO UPDATE
   SET epoch = excluded.epoch, prepared = excluded.prepared, claimed_at = now(), state = 'claimed', settled_at = NULL
"""
_KNOWN = ("applied", "absent")


@dataclass(frozen=True, slots=True)
class Claimed:
    """An effect that was claimed before, by a worker that is gone or by this one.

    Attributes:
        state: ``claimed``, ``applied``, ``absent`` or ``unknown``.
        prepared: what was to be sent; None where what became of it is known, or an older release claimed it.
    """

    state: str
    prepared: Mapping[str, Any] | None


async def claimed(connection: Connection, journal: Journal, call_id: str) -> Claimed | None:
    """The claim of a call; None where nobody has claimed it."""
    cursor = await connection.execute(
        "SELECT state, prepared FROM agent_effects WHERE tenant_id = %s AND run_id = %s AND call_id = %s",
        (journal.scope.tenant_id, journal.run_id, call_id),
    )
    row = await cursor.fetchone()
    return None if row is None else Claimed(row[0], row[1])


async def claim(
    connection: Connection, journal: Journal, call_id: str, tool: str, prepared: Mapping[str, Any]
) -> None:
    """Claim the effect of a call that nobody has claimed, or that is known to be absent.

    Args:
        connection: a transaction of ``journal.writing``.
        journal: of the run.
        call_id: the call.
        tool: its name.
        prepared: what will be sent, so that whoever takes over looks for that very write.
    """
    scope = journal.scope
    place = (scope.tenant_id, journal.run_id, call_id, owner_of(scope))
    await connection.execute(_CLAIM, (*place, tool, journal.row.epoch, Jsonb(prepared)))


async def settle(connection: Connection, journal: Journal, call_id: str, state: str) -> None:
    """Write down what became of it; what was sent is forgotten once that is known."""
    await connection.execute(
        "UPDATE agent_effects SET state = %s, settled_at = now(), prepared = CASE WHEN %s THEN NULL ELSE prepared END"
        " WHERE tenant_id = %s AND run_id = %s AND call_id = %s",
        (state, state in _KNOWN, journal.scope.tenant_id, journal.run_id, call_id),
    )
