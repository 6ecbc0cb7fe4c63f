"""Claims of effects: there before anything is sent."""

from __future__ import annotations

from deskmind.agents.journal import Journal
from deskmind.agents.store import owner_of
from deskmind.database import Connection

__all__ = ["claim", "settle"]

_CLAIM = """
INSERT INTO agent_effects (tenant_id, run_id, call_id, principal_id, tool, epoch) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


async def claim(
    connection: Connection, journal: Journal, call_id: str, tool: str, *, again: bool = False
) -> bool:
    """Claim the effect of a call; False where it was claimed before, by this worker or another.

    Args:
        connection: a transaction of ``journal.writing``.
        journal: of the run.
        call_id: the call.
        tool: its name.
        again: take over a claim whose effect is known to be absent.
    """
    scope = journal.scope
    if again:
        await connection.execute(
            "UPDATE agent_effects SET epoch = %s, claimed_at = now(), state = 'claimed', settled_at = NULL"
            " WHERE tenant_id = %s AND run_id = %s AND call_id = %s",
            (journal.row.epoch, scope.tenant_id, journal.run_id, call_id),
        )
        return True
    cursor = await connection.execute(
        _CLAIM,
        (scope.tenant_id, journal.run_id, call_id, owner_of(scope), tool, journal.row.epoch),
    )
    return cursor.rowcount == 1


async def settle(connection: Connection, journal: Journal, call_id: str, state: str) -> None:
    """Write down what became of it."""
    await connection.execute(
        "UPDATE agent_effects SET state = %s, settled_at = now() WHERE tenant_id = %s AND run_id = %s AND call_id = %s",
        (state, journal.scope.tenant_id, journal.run_id, call_id),
    )
