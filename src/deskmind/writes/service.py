"""``desk.writes``: changes of connected systems, proposed as a difference, sent once, and accounted for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.connectors import Act, Applied, Event, Kind, Outcome, Proposal
from deskmind.database import Connection as DatabaseConnection
from deskmind.database import Database
from deskmind.errors import (
    ConflictError,
    DeskmindError,
    InvalidRequestError,
    OutcomeUnknownError,
    PermissionDeniedError,
)
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.keyring import Keyring
from deskmind.scope import Scope
from deskmind.sync.connections import connector_of, find_connection
from deskmind.sync.jobs import defer_event
from deskmind.writes.claims import PersonClaims, state_of
from deskmind.writes.store import (
    OpenWrite,
    Write,
    WriteState,
    add_write,
    claim_over,
    describe,
    find_write,
    list_writes,
    note_problem,
    open_write,
    settle,
)

if TYPE_CHECKING:
    from deskmind.connectors.opening import VendorConnector

__all__ = ["Writes"]

_LOOKING_SECONDS = 120.0
_RESERVED = frozenset({"self", "act", "target"})
_WHY = {
    "sending": "Somebody is sending it, or was and did not say what became of it: reconcile it.",
    "applied": "The vendor has it.",
    "uncertain": "It was sent, and nobody knows whether it was done: reconcile it, or look and settle it.",
    "rejected": "It was rejected.",
}
_BY_KEY = """
SELECT external_id FROM synced_records
 WHERE tenant_id = %s AND connection_id = %s AND kind = %s AND record_key = %s AND external_id <> record_key LIMIT 2
"""


class Writes:
    """What is written to the tenant's connected systems (operators, or a role that includes ``writes:*``)."""

    def __init__(self, database: Database, scope: Scope, keyring: Keyring, *, lease_seconds: float) -> None:
        self._database = database
        self._scope = scope
        self._keyring = keyring
        self._lease = lease_seconds

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where writes are kept."""
        return self._database

    @operation(Permission.WRITES_PROPOSE)
    async def propose(
        self,
        connection: str,
        act: Act | str,
        target: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Write:
        """What would be written, as a difference in the vendor's terms. Nothing is sent but reads.

        Args:
            connection: its name.
            act: ``create``, ``comment``, ``update``, ``assign``, ``transition``, ``attach`` or ``publish``.
            target: the record: the vendor's id, or what people call it where it has been read; empty to create one.
            values: of the act; the vendor's page names them. Of a file ``name``, ``content_type`` and either ``content``
                (bytes or a path, read in pieces) or ``size`` and ``digest`` (SHA-256 in hex): it is not kept.

        Raises:
            NotFoundError: there is no such connection or record.
            InvalidRequestError: a value is missing or not known.
            SourceError: the system refuses, or cannot be reached.
        """
        given = _checked(dict(values or {}))
        wanted = _act(act)
        async with self._database.transaction(self._scope) as database:
            found = await find_connection(database, self._scope, connection)
            source = await connector_of(database, self._scope, self._keyring, found)
            target = await self._identity(database, found.connection_id, wanted, target)
        async with source:
            proposal = await source.propose(wanted, target or None, **given)
        async with self._database.transaction(self._scope) as database:
            await find_connection(database, self._scope, found.connection_id)
            write_id = await add_write(database, self._scope, found.connection_id, proposal)
            await self._record(database, Permission.WRITES_PROPOSE, write_id, "proposed", proposal)
            return await find_write(database, self._scope, write_id)

    @operation(Permission.WRITES_SEND)
    async def send(self, write_id: UUID, *, content: bytes | Path | None = None) -> Write:
        """Let a write pass: claim it, send it once, read it back.

        Args:
            write_id: of the proposal.
            content: of a file that is attached, the one that was proposed; a path is read in pieces.

        Raises:
            NotFoundError: there is no such write.
            ConflictError: it is not waiting, somebody else sends it, or the record has changed since it was proposed.
            OutcomeUnknownError: no answer came and the vendor does not show it: it is ``uncertain``.
            SourceError: the system refuses, or cannot be reached; the write may be sent again.
        """
        self._person()
        async with self._database.transaction(self._scope) as database:
            opened = await open_write(database, self._scope, write_id)
            if opened.write.state not in ("proposed", "absent"):
                raise ConflictError(f"The write is {opened.write.state}.", why=_WHY[opened.write.state])
            source = await self._source(database, opened)
        claims = PersonClaims(self._database, self._scope, self._lease)
        try:
            async with source:
                applied = await self._applied(source, opened.proposal, claims, content)
        except DeskmindError as error:
            error.details.setdefault("write", str(write_id))
            async with self._database.transaction(self._scope) as database:
                epoch = claims.epoch or opened.write.epoch
                await note_problem(database, self._scope, write_id, epoch, error.code)
                await self._record(
                    database, Permission.WRITES_SEND, write_id, error.code, opened.proposal, done=False
                )
            raise
        async with self._database.transaction(self._scope) as database:
            await describe(database, self._scope, write_id, claims.epoch, applied)
            await self._read_anew(database, opened, applied.id)
            await self._record(database, Permission.WRITES_SEND, write_id, "read back", opened.proposal)
            return await find_write(database, self._scope, write_id)

    @operation(Permission.WRITES_SEND)
    async def reject(self, write_id: UUID) -> Write:
        """Decide that a write is not sent.

        Raises:
            NotFoundError: there is no such write.
            ConflictError: it is not waiting.
        """
        self._person()
        async with self._database.transaction(self._scope) as database:
            opened = await open_write(database, self._scope, write_id)
            cursor = await database.execute(
                "UPDATE writes SET state = 'rejected', decided_by = %s, settled_at = clock_timestamp()"
                " WHERE tenant_id = %s AND write_id = %s AND state IN ('proposed', 'absent')",
                (self._scope.principal_id, self._scope.tenant_id, write_id),
            )
            if cursor.rowcount != 1:
                state = opened.write.state
                raise ConflictError(f"The write is {state}.", why=_WHY.get(state, "Somebody has claimed it."))
            await self._record(database, Permission.WRITES_SEND, write_id, "rejected", opened.proposal)
            return await find_write(database, self._scope, write_id)

    @operation(Permission.WRITES_READ)
    async def list(
        self,
        *,
        states: Sequence[WriteState] = (),
        connection: str | None = None,
        limit: int = 100,
        before: tuple[datetime, UUID] | None = None,
    ) -> list[Write]:
        """Writes of people and of agents, the newest first.

        Args:
            states: only those in one of them.
            connection: only those to the system of this name.
            limit: 1 to 1000.
            before: ``place`` of the last one of the previous page.

        Raises:
            InvalidRequestError: the limit is not 1 to 1000.
        """
        if not 1 <= limit <= 1000:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 1000.")
        async with self._database.transaction(self._scope) as database:
            found = await list_writes(
                database, self._scope, states=tuple(states), name=connection, limit=limit, before=before
            )
            await record(database, self._scope, Permission.WRITES_READ, resource="writes", writes=len(found))
            return found

    @operation(Permission.WRITES_READ)
    async def show(self, write_id: UUID) -> Write:
        """One write.

        Raises:
            NotFoundError: there is no such write.
        """
        async with self._database.transaction(self._scope) as database:
            found = await find_write(database, self._scope, write_id)
            await record(database, self._scope, Permission.WRITES_READ, resource=f"write {write_id}")
            return found

    @operation(Permission.WRITES_SEND)
    async def reconcile(self, write_id: UUID) -> Write:
        """Ask the vendor what became of a write whose outcome is not known; one that is known stays as it is.

        ``absent`` afterwards: it may be sent again. ``uncertain``: the vendor shows neither; ask again later, or look
        there and ``resolve`` it.

        Raises:
            NotFoundError: there is no such write.
            ConflictError: somebody is still sending it, or it is an agent's.
            SourceError: the system refuses, or cannot be reached.
        """
        async with self._database.transaction(self._scope) as database:
            opened = await open_write(database, self._scope, write_id)
            if opened.write.state not in ("sending", "uncertain"):
                return opened.write
            source = await self._source(database, opened)
            epoch = await self._claimed_over(database, write_id)
        outcome = Outcome.UNCERTAIN
        try:
            async with source:
                outcome = await source.reconcile(opened.proposal, sent_at=opened.write.claimed_at)
        finally:
            async with self._database.transaction(self._scope) as database:
                await settle(database, self._scope, write_id, epoch, state_of(outcome))
                await self._record(
                    database,
                    Permission.WRITES_SEND,
                    write_id,
                    f"reconciled: {outcome}",
                    opened.proposal,
                    done=outcome is Outcome.APPLIED,
                )
        async with self._database.transaction(self._scope) as database:
            if outcome is Outcome.APPLIED:
                await self._read_anew(database, opened, opened.proposal.target)
            return await find_write(database, self._scope, write_id)

    @operation(Permission.WRITES_SEND)
    async def resolve(self, write_id: UUID, *, written: bool) -> Write:
        """Say what a person has seen at the vendor of a write that is uncertain.

        Args:
            write_id: of the write.
            written: whether it is there; where it is not, it may be sent again.

        Raises:
            NotFoundError: there is no such write.
            ConflictError: its outcome is known, or somebody is still sending it.
        """
        self._person()
        async with self._database.transaction(self._scope) as database:
            opened = await open_write(database, self._scope, write_id)
            if opened.write.state not in ("sending", "uncertain"):
                raise ConflictError(f"The write is {opened.write.state}.", why="There is nothing to settle.")
            epoch = await self._claimed_over(database, write_id)
            state: WriteState = "applied" if written else "absent"
            await settle(database, self._scope, write_id, epoch, state, by=self._scope.principal_id)
            await self._record(
                database, Permission.WRITES_SEND, write_id, f"settled: {state}", opened.proposal
            )
            return await find_write(database, self._scope, write_id)

    async def _applied(
        self,
        source: VendorConnector,
        proposal: Proposal,
        claims: PersonClaims,
        content: bytes | Path | None,
    ) -> Applied:
        """Within the lease: afterwards others may ask the vendor what became of it."""
        try:
            async with asyncio.timeout(self._lease * 0.9):
                return await source.apply(proposal, claims=claims, content=content)
        except TimeoutError as error:
            if claims.epoch:
                await claims.settle(proposal, Outcome.UNCERTAIN, "")
            raise OutcomeUnknownError(
                "The write took longer than it may.",
                why=f"sync.write_lease_seconds is {self._lease:g}.",
                remedy="Reconcile it, or allow more time.",
            ) from error

    async def _claimed_over(self, database: DatabaseConnection, write_id: UUID) -> int:
        epoch = await claim_over(database, self._scope, write_id, _LOOKING_SECONDS)
        if epoch is None:
            raise ConflictError(
                "Somebody is still at work on the write.",
                why="Its lease has not run out.",
                remedy=f"Try again in {self._lease:g} seconds at most.",
                write=str(write_id),
            )
        return epoch

    async def _source(self, database: DatabaseConnection, opened: OpenWrite) -> VendorConnector:
        if opened.connection_id is None:
            raise ConflictError(
                "An agent's run writes it, through a connector of the application's own.",
                remedy=f"Resume the run {opened.write.run_id}: it reconciles what it sent.",
            )
        found = await find_connection(database, self._scope, opened.connection_id)
        return await connector_of(database, self._scope, self._keyring, found)

    async def _identity(
        self, database: DatabaseConnection, connection_id: UUID, act: Act, target: str
    ) -> str:
        """The vendor's id of what people call by its key, where that has been read."""
        if not target:
            return target
        kind = str(Kind.ARTICLE if act is Act.PUBLISH else Kind.TICKET)
        cursor = await database.execute(
            _BY_KEY, (self._scope.tenant_id, connection_id, kind, target.replace("\0", ""))
        )
        rows = await cursor.fetchall()
        return str(rows[0][0]) if len(rows) == 1 else target

    async def _read_anew(self, database: DatabaseConnection, opened: OpenWrite, written: str) -> None:
        """Have the copy brought up to date; a comment or a file is part of its ticket."""
        kind = Kind.ARTICLE if opened.proposal.act is Act.PUBLISH else Kind.TICKET
        identity = opened.proposal.target or written
        if identity and opened.connection_id is not None:
            await defer_event(database, self._scope, opened.connection_id, Event(kind, identity))

    def _person(self) -> None:
        if self._scope.agent is not None:
            raise PermissionDeniedError(
                "An agent does not decide on writes.",
                why="It proposes, and a person lets it pass.",
                remedy="Ask a person to send it.",
            )

    async def _record(
        self,
        database: DatabaseConnection,
        action: Permission,
        write_id: UUID,
        step: str,
        proposal: Proposal,
        *,
        done: bool = True,
    ) -> None:
        await record(
            database,
            self._scope,
            action,
            resource=f"write {write_id}",
            outcome="done" if done else "failed",
            step=step,
            act=str(proposal.act),
            vendor=proposal.vendor,
            internal=proposal.internal,
        )


def _act(act: Act | str) -> Act:
    try:
        return Act(act)
    except ValueError:
        raise InvalidRequestError(
            "There is no such act.", remedy=f"Choose one of {', '.join(Act)}."
        ) from None


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    if _RESERVED & values.keys():
        raise InvalidRequestError(
            "The values name what is no value.",
            why=f"{', '.join(sorted(_RESERVED))} are not values of an act.",
            remedy="Give the vendor's own fields under 'fields'.",
        )
    return values
