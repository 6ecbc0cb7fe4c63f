"""Claims of writes as connectors ask for them: there, and committed, before anything is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from deskmind.connectors import Outcome, Proposal
from deskmind.database import Database
from deskmind.errors import ConflictError
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.scope import Scope
from deskmind.writes.store import WriteState, claim, owner_of, settle, settle_found, stored

__all__ = ["PersonClaims", "RunClaims", "sent_at", "state_of"]

_RUN_CLAIM = """
INSERT INTO writes AS w (tenant_id, write_id, run_id, principal_id, vendor, act, target, target_key, proposal, state, epoch,
                         claimed_at)
SELECT r.tenant_id, %s, r.run_id, %s, %s, %s, %s, %s, %s, 'sending', r.epoch, clock_timestamp()
  FROM agent_runs r WHERE r.tenant_id = %s AND r.run_id = %s AND r.epoch = %s AND r.state = 'running' FOR SHARE
ON CONFLICT (tenant_id, write_id) DO UPDATE
   SET state = 'sending', epoch = excluded.epoch, claimed_at = clock_timestamp(), settled_at = NULL
 WHERE w.run_id = excluded.run_id AND w.epoch <= excluded.epoch AND w.state IN ('sending', 'absent')
"""


class PersonClaims:
    """The claim of a write that somebody sends; ``epoch`` is 0 until it is taken."""

    def __init__(self, database: Database, scope: Scope, lease_seconds: float) -> None:
        self._database = database
        self._scope = scope
        self._lease = lease_seconds
        self.epoch = 0

    async def take(self, proposal: Proposal) -> bool:
        """Claim it; False where somebody else has, or it is done."""
        write_id = UUID(proposal.id)
        async with self._database.transaction(self._scope) as connection:
            epoch = await claim(connection, self._scope, write_id, self._lease)
            if epoch is None:
                return False
            await record(
                connection,
                self._scope,
                Permission.WRITES_SEND,
                resource=f"write {write_id}",
                step="claimed",
                epoch=epoch,
                act=str(proposal.act),
                vendor=proposal.vendor,
            )
        self.epoch = epoch
        return True

    async def settle(self, proposal: Proposal, outcome: Outcome, written: str) -> None:
        """Write down what became of it."""
        write_id = UUID(proposal.id)
        async with self._database.transaction(self._scope) as connection:
            await settle(
                connection, self._scope, write_id, self.epoch, state_of(outcome), written=written[:200]
            )
            await record(
                connection,
                self._scope,
                Permission.WRITES_SEND,
                resource=f"write {write_id}",
                outcome="done" if outcome is Outcome.APPLIED else "failed",
                step=str(outcome),
                epoch=self.epoch,
            )


class RunClaims:
    """The claim of a write that an agent's run sends; the run's epoch is the fence.

    The run has claimed the call already; this asks right before sending whether that still counts.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        run_id: UUID,
        epoch: int,
        confirm: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._scope = scope
        self._run_id = run_id
        self._epoch = epoch
        self._confirm = confirm

    async def take(self, proposal: Proposal) -> bool:
        """Claim it, unless a later epoch of the run has it, or it is done.

        The run's row is held meanwhile: whoever takes the run over sees the claim, or this one comes too late. So a write
        without a row was never sent.
        """
        await self._confirm()
        what = (proposal.vendor, str(proposal.act), proposal.target, proposal.key, Jsonb(stored(proposal)))
        run = (self._scope.tenant_id, self._run_id, self._epoch)
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                _RUN_CLAIM, (UUID(proposal.id), owner_of(self._scope), *what, *run)
            )
        return cursor.rowcount == 1

    async def settle(self, proposal: Proposal, outcome: Outcome, written: str) -> None:
        """Write down what became of it; the run writes the event."""
        write_id = UUID(proposal.id)
        try:
            async with self._database.transaction(self._scope) as connection:
                await settle(
                    connection, self._scope, write_id, self._epoch, state_of(outcome), written=written[:200]
                )
        except ConflictError:  # a later epoch of the run has it, and writes down what it finds
            return

    async def found(self, proposal: Proposal, outcome: Outcome) -> None:
        """Write down what became of one that an earlier epoch of the run sent."""
        place = (UUID(proposal.id), self._run_id, self._epoch)
        async with self._database.transaction(self._scope) as connection:
            await settle_found(connection, self._scope, *place, state_of(outcome))


async def sent_at(database: Database, scope: Scope, proposal: Proposal) -> datetime | None:
    """When a run claimed a write last; None where it never did."""
    async with database.transaction(scope) as connection:
        cursor = await connection.execute(
            "SELECT claimed_at FROM writes WHERE tenant_id = %s AND write_id = %s",
            (scope.tenant_id, UUID(proposal.id)),
        )
        row = await cursor.fetchone()
    return row[0] if row is not None else None


def state_of(outcome: Outcome) -> WriteState:
    """What an outcome is called in the table."""
    states: dict[Outcome, WriteState] = {
        Outcome.APPLIED: "applied",
        Outcome.ABSENT: "absent",
        Outcome.UNCERTAIN: "uncertain",
    }
    return states[outcome]
