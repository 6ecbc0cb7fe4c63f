"""``desk.sync``: reading connected systems now, how far that is, and what was read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.connectors.model import Kind
from deskmind.database import Database
from deskmind.errors import AuthenticationError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.access.refusals import Concerned, Refusals
from deskmind.governance.audit import record
from deskmind.jobs import JobQueue
from deskmind.scope import OPERATOR, Scope
from deskmind.sync.connections import Connection, connector_of, find_connection, webhook_secret_of
from deskmind.sync.jobs import defer_event, defer_run
from deskmind.sync.previewing import Preview, preview
from deskmind.sync.running import RunRoom
from deskmind.sync.status import SyncStatus, read_status
from deskmind.triage.tickets import TrainingTicket

__all__ = ["Sync", "receive_webhook"]

_POLL_SECONDS = 0.2
_TOLD_SECONDS = 1.0
_MOST_TICKETS = 200_000
_TICKETS = """
SELECT r.record_key, r.record, coalesce(s.source_id || '/ticket/' || r.external_id, '') FROM synced_records r
  JOIN connections c ON c.tenant_id = r.tenant_id AND c.connection_id = r.connection_id
  LEFT JOIN sources s ON s.tenant_id = r.tenant_id AND s.owner_id = %s AND s.name = 'connection:' || c.name
 WHERE r.tenant_id = %s AND r.kind = 'ticket' AND (%s::uuid IS NULL OR r.connection_id = %s)
 ORDER BY r.connection_id, r.external_id LIMIT %s
"""


class Sync:
    """The synchronisation of the scope's tenant (operators)."""

    def __init__(self, database: Database, scope: Scope, jobs: JobQueue, room: RunRoom) -> None:
        self._database = database
        self._scope = scope
        self._jobs = jobs
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where the copy is kept."""
        return self._database

    @operation(Permission.SYNC_RUN)
    async def run(
        self,
        name: str,
        *,
        full: bool = False,
        sweep: bool = False,
        wait: bool = True,
        on_progress: Callable[[SyncStatus], None] | None = None,
    ) -> SyncStatus:
        """Read a connected system; wait until what was read can be searched.

        Args:
            name: of the connection.
            full: read everything anew instead of what has changed.
            sweep: look for what is gone at the vendor, even if that was done lately.
            wait: False to leave the work to the workers.
            on_progress: called with the status so far.

        Raises:
            NotFoundError: there is no such connection.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            await defer_run(connection, self._scope, found.connection_id, full=full, sweep=sweep)
        if wait:
            await self._finish(found, on_progress)
        return await self._status(found)

    @operation(Permission.SYNC_READ)
    async def preview(self, name: str, *, full: bool = False) -> Preview:
        """What a run would bring, without storing anything.

        Raises:
            NotFoundError: there is no such connection.
            SourceError: the vendor does not answer as it should.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            source = await connector_of(
                connection, self._scope, self._room.keyring, found, database=self._database
            )
        async with source:
            return await preview(self._database, self._scope, found, source, full=full)

    @operation(Permission.SYNC_READ)
    async def status(self, name: str | None = None) -> list[SyncStatus]:
        """How far each connection is read, or one of them.

        Raises:
            NotFoundError: there is no such connection.
        """
        async with self._database.transaction(self._scope) as connection:
            if name is not None:
                found = [await find_connection(connection, self._scope, name)]
            else:
                cursor = await connection.execute(
                    "SELECT connection_id FROM connections WHERE tenant_id = %s ORDER BY name",
                    (self._scope.tenant_id,),
                )
                ids = [one for (one,) in await cursor.fetchall()]
                found = [await find_connection(connection, self._scope, one) for one in ids]
            return [await read_status(connection, self._scope, one) for one in found]

    @operation(Permission.SYNC_RUN)
    async def reset(self, name: str) -> None:
        """Forget where reading stands: the next run reads everything. What was read stays until then.

        Raises:
            NotFoundError: there is no such connection.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            await connection.execute(
                "UPDATE connections SET wish_full = true WHERE tenant_id = %s AND connection_id = %s",
                (self._scope.tenant_id, found.connection_id),
            )
            await record(
                connection, self._scope, Permission.SYNC_RUN, resource=f"connection {name}", act="reset"
            )

    @operation(Permission.SYNC_READ)
    async def records(
        self, name: str, kind: Kind | str, *, limit: int = 100, after: str = ""
    ) -> list[dict[str, Any]]:
        """Records of a kind as they were read, in the order of their ids; ``after`` continues a list.

        Raises:
            NotFoundError: there is no such connection.
            InvalidRequestError: the limit is not 1 to 1000.
        """
        if not 1 <= limit <= 1000:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 1000.")
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            cursor = await connection.execute(
                "SELECT external_id, record_key, url, version, record FROM synced_records WHERE tenant_id = %s"
                " AND connection_id = %s AND kind = %s AND external_id > %s ORDER BY external_id LIMIT %s",
                (self._scope.tenant_id, found.connection_id, str(kind), after, limit),
            )
            rows = await cursor.fetchall()
            read = f"connection {found.name}"
            await record(
                connection,
                self._scope,
                Permission.SYNC_READ,
                resource=read,
                kind=str(kind),
                records=len(rows),
            )
            return [{**row[4], "id": row[0], "key": row[1], "url": row[2], "version": row[3]} for row in rows]

    @operation(Permission.SYNC_READ)
    async def training_tickets(self, name: str | None = None) -> list[TrainingTicket]:
        """The tickets that were read, for ``desk.triage.train``; of one connection, or of all.

        Raises:
            NotFoundError: there is no such connection, or no ticket.
        """
        async with self._database.transaction(self._scope) as connection:
            chosen: UUID | None = None
            if name is not None:
                chosen = (await find_connection(connection, self._scope, name)).connection_id
            cursor = await connection.execute(
                _TICKETS, (OPERATOR, self._scope.tenant_id, chosen, chosen, _MOST_TICKETS)
            )
            tickets = [_training(*row) for row in await cursor.fetchall()]
        if not tickets:
            raise NotFoundError(
                "No ticket was read yet.",
                remedy="Connect a system and run `deskmind sync run`, or give a CSV file.",
            )
        return tickets

    async def _status(self, found: Connection) -> SyncStatus:
        async with self._database.transaction(self._scope) as connection:
            return await read_status(connection, self._scope, found)

    async def _finish(self, found: Connection, on_progress: Callable[[SyncStatus], None] | None) -> None:
        """Help with the queue until the run and the ingest of its documents are done."""
        helper = asyncio.create_task(self._jobs.drain())
        try:
            while True:
                # a status counts all records: it is asked for to be shown, and when there is nothing left to do
                await asyncio.wait([helper], timeout=None if on_progress is None else _TOLD_SECONDS)
                status = await self._status(found)
                if on_progress is not None:
                    on_progress(status)
                if not helper.done():
                    continue
                helper.result()
                if not await self._jobs.alive(str(found.connection_id)) and not await self._ingesting(status):
                    return
                await asyncio.sleep(_POLL_SECONDS)
                helper = asyncio.create_task(self._jobs.drain())
        finally:
            if not helper.done():
                helper.cancel()
            await asyncio.gather(helper, return_exceptions=True)

    async def _ingesting(self, status: SyncStatus) -> bool:
        """Whether documents wait and a job is there that takes them in."""
        if status.waiting == 0:
            return False
        depth = await self._jobs.depth()
        return depth["todo"] + depth["doing"] > 0


async def receive_webhook(
    database: Database,
    room: RunRoom,
    connection_id: UUID,
    headers: Mapping[str, str],
    body: bytes,
    *,
    refusals: Refusals,
) -> int:
    """Take a vendor's call: whoever knows the connection's secret may have a record read again, and nothing else.

    Raises:
        AuthenticationError: there is no such connection, or the call is not signed with its secret.
        InvalidRequestError: the call does not say what has changed.
    """
    async with database.transaction(Scope.directory()) as connection:
        cursor = await connection.execute(
            "SELECT tenant_id, tenant FROM sync_connection(%s)", (connection_id,)
        )
        row = await cursor.fetchone()
    if row is None:
        await refusals.note(None, "signature")
        raise AuthenticationError(
            "The call is not signed as agreed.", why="Its signature is missing or does not fit its body."
        )
    scope = Scope.operator(row[0], row[1], "webhook")
    async with database.transaction(scope) as connection:
        found = await find_connection(connection, scope, connection_id)
        secret = await webhook_secret_of(connection, scope, room.keyring, connection_id)
        source = await connector_of(connection, scope, room.keyring, found)
    async with source:
        try:
            events = source.event(headers, body, secret=secret)
        except AuthenticationError:
            await refusals.note(Concerned(row[0], row[1]), "signature", f"connection {found.name}")
            raise
    async with database.transaction(scope) as connection:
        for event in events:
            await defer_event(connection, scope, connection_id, event)
        await record(
            connection,
            scope,
            Permission.SYNC_RUN,
            resource=f"connection {found.name}",
            act="webhook",
            events=len(events),
        )
    return len(events)


def _training(key: str, found: Mapping[str, Any], document: str) -> TrainingTicket:
    group: dict[str, Any] = found["assignment_group"] or {}
    labels: dict[str, Any] = {
        "category": " / ".join(found["category"]),
        "priority": found["priority"],
        "assignment_group": group.get("name") or "",
    }
    created = found.get("created_at")
    return TrainingTicket(
        "\n".join(part for part in (found["title"], found["description"]) if part),
        {name: str(value) for name, value in labels.items() if value},
        resolved=found["status_category"] in ("resolved", "closed"),
        created_at=None if created is None else datetime.fromisoformat(created),
        reference=key,
        document=document,
    )
