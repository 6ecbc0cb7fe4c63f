"""``desk.approvals``: what agents propose, and who lets it pass."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.agents.editing import revise
from deskmind.agents.jobs import wake_run
from deskmind.agents.proposals import Proposed, edit_proposal, find_proposal, list_proposals
from deskmind.agents.publishing import publish_proposal
from deskmind.agents.refusals import refusals_recorded
from deskmind.agents.room import AgentRoom
from deskmind.agents.safety.blocks import block, call_subject
from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.scope import OPERATOR, Scope

__all__ = ["Approvals"]

_MOST_REASON = 4_000


class Approvals:
    """Proposals of the tenant's agents. Whoever asked for a run does not approve what it wants to write."""

    def __init__(self, database: Database, scope: Scope, room: AgentRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where proposals are kept."""
        return self._database

    @operation(Permission.APPROVALS_READ)
    async def list(
        self,
        *,
        waiting: bool = True,
        run_id: UUID | None = None,
        limit: int = 100,
        after: tuple[datetime, UUID] | None = None,
    ) -> list[Proposed]:
        """Proposals that wait for a person, or all of them, the oldest first.

        Args:
            waiting: only those that wait.
            run_id: only those of this run.
            limit: at most this many, 1 to 1000.
            after: ``place`` of the last one of the previous page.

        Raises:
            InvalidRequestError: the limit is not 1 to 1000.
        """
        if not 1 <= limit <= 1000:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 1000.")
        async with self._database.transaction(self._scope) as connection:
            found = await list_proposals(
                connection, self._scope, run_id=run_id, waiting=waiting, limit=limit, after=after
            )
            await record(
                connection, self._scope, Permission.APPROVALS_READ, resource="proposals", proposals=len(found)
            )
            return found

    @operation(Permission.APPROVALS_READ)
    async def show(self, proposal_id: UUID) -> Proposed:
        """One proposal.

        Raises:
            NotFoundError: there is no such proposal.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._found(connection, proposal_id)
            resource = f"proposals/{proposal_id}"
            await record(connection, self._scope, Permission.APPROVALS_READ, resource=resource)
            return found

    @operation(Permission.APPROVALS_DECIDE)
    async def approve(self, proposal_id: UUID, *, answer: str = "", revision: int | None = None) -> Proposed:
        """Let a proposal pass, or answer a question; the run goes on when enough have approved.

        Args:
            proposal_id: of the proposal.
            answer: to a question; to a write, a note.
            revision: that one has seen; None for whatever it is by now.

        Raises:
            NotFoundError: there is no such proposal.
            ConflictError: it is decided or expired, one has approved it before, or it is another revision by now.
            PermissionDeniedError: it is of one's own run, or an agent decides.
        """
        return await self._decide(proposal_id, "approve", answer, revision=revision)

    @operation(Permission.APPROVALS_DECIDE)
    async def edit(self, proposal_id: UUID, values: Mapping[str, Any], *, reason: str = "") -> Proposed:
        """Change some of the proposed values and approve the rest with them; what was there before is kept.

        The new values are looked at by the tool, the rules of flow and the policy. Approvals that others gave to the values
        before no longer count. Errors as for ``approve``, and:

        Args:
            proposal_id: of the proposal.
            values: by the names of the tool's parameters.
            reason: a note.

        Raises:
            InvalidRequestError: nothing is changed, or the tool takes no such values.
        """
        _check_said(reason)
        proposal = await self._undecided(proposal_id)
        revision = await revise(self._room, self._scope, proposal, values)
        if not revision.edit["after"]:
            raise InvalidRequestError("Nothing is changed.", remedy="Approve the proposal as it is.")
        async with (
            self._refusals(proposal_id, "edit"),
            self._database.transaction(self._scope) as connection,
        ):
            now = await self._found(connection, proposal_id, lock=True)
            if (refusal := self._refusal(now) or _meanwhile(proposal.revision, now)) is None:
                await edit_proposal(
                    connection,
                    self._scope,
                    proposal_id,
                    arguments=revision.arguments,
                    changes=revision.changes,
                    prepared=revision.prepared,
                    needed=revision.needed,
                    edit=revision.edit,
                )
                await self._vote(
                    connection, await self._found(connection, proposal_id), "approve", reason, "edit"
                )
                return await self._found(connection, proposal_id)
            await self._record(connection, now, "edit", denied=True)
        raise refusal

    @operation(Permission.APPROVALS_DECIDE)
    async def reject(
        self, proposal_id: UUID, *, reason: str = "", lasting: bool = False, revision: int | None = None
    ) -> Proposed:
        """Forbid a proposal; the run goes on and is told the reason. Errors as for ``approve``.

        Args:
            proposal_id: of the proposal.
            reason: told to the agent.
            lasting: refuse the same call to every agent of the tenant from now on, without asking anybody.
            revision: as for ``approve``.
        """
        return await self._decide(proposal_id, "reject", reason, lasting=lasting, revision=revision)

    async def _decide(
        self,
        proposal_id: UUID,
        verdict: str,
        said: str,
        *,
        lasting: bool = False,
        revision: int | None = None,
    ) -> Proposed:
        _check_said(said)
        async with (
            self._refusals(proposal_id, verdict),
            self._database.transaction(self._scope) as connection,
        ):
            proposal = await self._found(connection, proposal_id, lock=True)
            refusal = self._refusal(proposal) or _meanwhile(revision, proposal)
            if refusal is None:
                await self._vote(connection, proposal, verdict, said)
                if lasting:
                    await self._forbid(connection, proposal, said)
                return await self._found(connection, proposal_id)
            await self._record(connection, proposal, verdict, denied=True)
        raise refusal

    async def _undecided(self, proposal_id: UUID) -> Proposed:
        """One that this scope may decide on."""
        async with (
            self._refusals(proposal_id, "edit"),
            self._database.transaction(self._scope) as connection,
        ):
            proposal = await self._found(connection, proposal_id)
            if (refusal := self._refusal(proposal)) is None:
                return proposal
            await self._record(connection, proposal, "edit", denied=True)
        raise refusal

    async def _forbid(self, connection: Connection, proposal: Proposed, said: str) -> None:
        await block(
            connection,
            self._scope,
            "call",
            call_subject(self._scope, proposal.tool, proposal.arguments),
            principal_id=None,
            tool=proposal.tool,
            agent=proposal.agent,
            reason=said,
            seconds=None,
        )

    async def _vote(
        self, connection: Connection, proposal: Proposed, verdict: str, said: str, act: str = ""
    ) -> None:
        cursor = await connection.execute(
            "INSERT INTO agent_votes (tenant_id, proposal_id, approver_id, verdict, reason, revision)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                self._scope.tenant_id,
                proposal.proposal_id,
                self._scope.principal_id,
                verdict,
                said,
                proposal.revision,
            ),
        )
        if cursor.rowcount == 0:
            raise ConflictError(
                "You have decided on this proposal before.",
                why=f"It needs {proposal.needed} approvals, of different people.",
            )
        await self._record(connection, proposal, act or verdict)
        state = "rejected" if verdict == "reject" else "approved"
        if verdict == "approve" and proposal.approvals + 1 < proposal.needed:
            return
        await connection.execute(
            "UPDATE agent_proposals SET state = %s, answer = %s WHERE tenant_id = %s AND proposal_id = %s",
            (state, said, self._scope.tenant_id, proposal.proposal_id),
        )
        await publish_proposal(connection, self._scope, "decided", proposal, decision=state)
        await wake_run(connection, self._scope, proposal.run_id)

    def _refusals(self, proposal_id: UUID, act: str) -> AbstractAsyncContextManager[None]:
        resource = f"proposals/{proposal_id}"
        return refusals_recorded(self._database, self._scope, Permission.APPROVALS_DECIDE, resource, act)

    def _refusal(self, proposal: Proposed) -> ConflictError | PermissionDeniedError | None:
        if proposal.state != "open":
            return ConflictError("The proposal is not open.", why=f"It is {proposal.state}.")
        if self._scope.agent is not None:
            return PermissionDeniedError("An agent does not decide on proposals.", remedy="A person has to.")
        parties = {proposal.principal_id or OPERATOR, proposal.agent_id}
        if proposal.kind == "write" and self._scope.principal_id in parties:
            return PermissionDeniedError(
                "You do not decide on what your own run proposes.",
                why="Whoever asked for a write does not approve it.",
                remedy="Ask a colleague.",
            )
        return None

    async def _record(
        self, connection: Connection, proposal: Proposed, verdict: str, *, denied: bool = False
    ) -> None:
        await record(
            connection,
            self._scope,
            Permission.APPROVALS_DECIDE,
            resource=f"proposals/{proposal.proposal_id}",
            outcome="denied" if denied else "done",
            verdict=verdict,
            tool=proposal.tool,
            run=str(proposal.run_id),
            revision=proposal.revision,
        )

    async def _found(self, connection: Connection, proposal_id: UUID, *, lock: bool = False) -> Proposed:
        found = await find_proposal(connection, self._scope, proposal_id=proposal_id, lock=lock)
        if found is None:
            raise NotFoundError(
                f"There is no proposal {proposal_id}.", why="It does not exist in this tenant."
            )
        return found


def _check_said(said: str) -> None:
    if len(said) > _MOST_REASON:
        raise InvalidRequestError("The reason is too long.", why=f"It may have {_MOST_REASON:,} characters.")


def _meanwhile(seen: int | None, now: Proposed) -> ConflictError | None:
    if seen is None or seen == now.revision:
        return None
    return ConflictError("Somebody else has changed the proposal.", remedy="Look at it again.")
