"""Sealing as an act of the installation: by hand, how much waits, another key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from psycopg import errors as pg

from deskmind.database import Database
from deskmind.errors import PermissionDeniedError
from deskmind.governance.access.operation import operation
from deskmind.governance.access.permissions import Permission
from deskmind.governance.audit.checkpoint import Checkpoint, VerifyKey, origin_of
from deskmind.governance.audit.log import record
from deskmind.governance.audit.sealer import Sealed, Sealer
from deskmind.governance.audit.witnessing import Kept, Witnessing
from deskmind.scope import Scope

__all__ = ["Backlog", "Lacking", "Sealing"]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be sealed, of all tenants.

    Attributes:
        events: how many.
        oldest_seconds: since the oldest of them, 0 when there is none.
    """

    events: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a witness lacks.

    Attributes:
        witness: its name.
        logs: whose newest checkpoint it has not.
        oldest_seconds: since the first checkpoint was signed that it lacks, 0 when it lacks none.
    """

    witness: str
    logs: int
    oldest_seconds: float


class Sealing:
    """The sealer's work; from ``app.sealing``.

    Args:
        database: of the application.
        sealer: what does the work, under a login and with keys of its own.
        witnessing: brings checkpoints to who keeps them elsewhere.
    """

    def __init__(self, database: Database, sealer: Sealer, witnessing: Witnessing) -> None:
        self._database = database
        self._witnessing = witnessing
        self._sealer = sealer
        self._scope = Scope.directory()

    @property
    def scope(self) -> Scope:
        """The installation."""
        return self._scope

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    @property
    def sealer(self) -> Sealer:
        """What does the work."""
        return self._sealer

    @property
    def witnessing(self) -> Witnessing:
        """What brings checkpoints to who keeps them elsewhere."""
        return self._witnessing

    @operation(Permission.AUDIT_SEAL)
    async def seal(self) -> Sealed:
        """Seal what is committed by now, of all tenants and the installation.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
            KeyringError: the sealer's keys cannot be read.
        """
        return await self._sealer.seal()

    @operation(Permission.AUDIT_SEAL)
    async def witness(self) -> Kept:
        """Bring the newest checkpoint of each log to each witness that lacks it.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
        """
        return await self._witnessing.keep()

    @operation(Permission.AUDIT_READ)
    async def lacking(self) -> list[Lacking]:
        """What each witness lacks, as the database knows."""
        async with self._database.transaction(self._scope) as connection:
            return [
                Lacking(witness.name, *row)
                for witness in self._witnessing.witnesses
                for row in await (
                    await connection.execute(
                        "SELECT logs, oldest_seconds FROM audit_unwitnessed(%s)", (witness.name,)
                    )
                ).fetchall()
            ]

    @operation(Permission.AUDIT_READ)
    async def copies(self, log: UUID) -> tuple[Checkpoint, ...]:
        """The checkpoints of a log that the witnesses have; of the installation's with the nil id.

        Raises:
            UnavailableError: a witness does not answer.
        """
        return tuple(
            [copy for witness in self._witnessing.witnesses for copy in await witness.copies(origin_of(log))]
        )

    @operation(Permission.AUDIT_READ)
    async def backlog(self) -> Backlog:
        """What waits. O(what waits).

        Raises:
            PermissionDeniedError: the database does not accept the installation's scope.
        """
        try:
            async with self._database.transaction(self._scope) as connection:
                cursor = await connection.execute("SELECT events, oldest_seconds FROM audit_backlog()")
                row = await cursor.fetchone()
        except pg.InsufficientPrivilege as error:
            raise PermissionDeniedError(
                "The database does not tell how much waits to be sealed.",
                why="It does not accept the scope.",
                remedy="See the check 'scope' of `deskmind readiness`.",
            ) from error
        return Backlog(*row) if row is not None else Backlog(0, 0.0)

    @operation(Permission.AUDIT_READ)
    async def public_keys(self) -> tuple[VerifyKey, ...]:
        """The public halves of the sealer's keys, oldest first; for keeping outside of the database.

        Raises:
            KeyringError: the sealer's keys cannot be read.
        """
        return await asyncio.to_thread(self._sealer.keys.public)

    @operation(Permission.AUDIT_SEAL)
    async def rotate_key(self) -> VerifyKey:
        """Sign with a new key from now on; gives its public half.

        Raises:
            KeyringError: the sealer's keys cannot be read or written.
        """
        async with self._database.transaction(self._scope) as connection:
            key = await asyncio.to_thread(self._sealer.keys.rotate)
            await record(connection, self._scope, Permission.AUDIT_SEAL, resource=str(key))
        return key
