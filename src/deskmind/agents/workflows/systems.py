"""Connected systems as workflows use them: reading a ticket, what was read lately, and the tool that writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from deskmind.agents.tool import Preview, Tool, ToolContext, tool
from deskmind.agents.tools.booked import claims_of, proposal_of, reconciled
from deskmind.agents.tools.confidence import confidence_of, is_asked
from deskmind.agents.tools.systems import group_names
from deskmind.agents.workflows.room import WorkflowRoom
from deskmind.connectors import Act, Change, Outcome
from deskmind.connectors.model import Kind, Ticket
from deskmind.database import Database
from deskmind.errors import NotFoundError, PrincipalNotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.access.principals import Principals
from deskmind.governance.audit import record
from deskmind.scope import Scope
from deskmind.sync.connections import connector_of, find_connection

if TYPE_CHECKING:
    from deskmind.connectors.opening import VendorConnector
    from deskmind.desk import Desk

__all__ = ["Systems", "system_tool"]

_FIND = """
SELECT external_id FROM synced_records WHERE tenant_id = %s AND connection_id = %s AND kind = 'ticket'
   AND (external_id = %s OR record_key = %s) LIMIT 1
"""
_LATELY = """
SELECT record || jsonb_build_object('id', external_id, 'key', record_key) FROM synced_records
 WHERE tenant_id = %s AND connection_id = %s AND kind = 'ticket' AND changed_at >= %s
 ORDER BY changed_at DESC, external_id LIMIT %s
"""
_PERSON = """
SELECT n.name FROM synced_records r CROSS JOIN LATERAL (
       SELECT r.record->>'login' AS name UNION ALL SELECT e FROM jsonb_array_elements_text(r.record->'emails') e) n
 WHERE r.tenant_id = %s AND r.connection_id = %s AND r.kind = 'person' AND r.external_id = %s
"""
_MOST = 5000
SystemAct = Literal["comment", "update", "assign", "transition", "create", "publish"]


class Systems:
    """The connected systems of a desk, for who may use them with the connections' rights."""

    def __init__(self, database: Database, scope: Scope, room: WorkflowRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @classmethod
    def of(cls, desk: Desk, room: WorkflowRoom) -> Systems:
        """Those of a desk."""
        return cls(desk.database, desk.scope, room)

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where connections are kept."""
        return self._database

    @operation(Permission.CONNECTIONS_USE)
    async def opened(self, name: str) -> VendorConnector:
        """The connector of a connection, to be closed.

        Raises:
            NotFoundError: there is none of this name.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            await self._record(connection, name)
            return await connector_of(connection, self._scope, self._room.keyring, found)

    @asynccontextmanager
    async def reached(self, name: str) -> AsyncGenerator[VendorConnector]:
        """The connector of a connection, open. Errors as for ``opened``."""
        async with await self.opened(name) as source:
            yield source

    async def confidence(
        self, name: str, source: VendorConnector, ticket: str, values: Mapping[str, Any]
    ) -> float | None:
        """How sure a change of a ticket is by the tenant's triage; None where nothing says."""
        found = await source.get(Kind.TICKET, ticket)
        if not isinstance(found, Ticket):
            return None
        async with self._database.transaction(self._scope) as connection:
            known = await find_connection(connection, self._scope, name)
        ids = [str(one) for one in values.values()]
        names = await group_names(self._database, self._scope, known.connection_id, ids)
        return await confidence_of(self._room.desk_of(self._scope), found, values, names)

    @operation(Permission.CONNECTIONS_USE)
    async def ticket(self, name: str, ticket: str) -> Ticket:
        """A ticket as it is now, by its id or, where it was read before, its key.

        Raises:
            NotFoundError: there is no such connection or ticket.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            cursor = await connection.execute(
                _FIND, (self._scope.tenant_id, found.connection_id, ticket, ticket)
            )
            row = await cursor.fetchone()
            await self._record(connection, name)
            source = await connector_of(connection, self._scope, self._room.keyring, found)
        async with source:
            read = await source.get(Kind.TICKET, str(row[0]) if row is not None else ticket)
        if not isinstance(read, Ticket) or read.deleted:
            raise NotFoundError(
                f"There is no such ticket in '{name}'.",
                why="It was deleted, or the connection may not see it.",
            )
        return read

    @operation(Permission.CONNECTIONS_USE)
    async def changed_since(self, name: str, since: datetime) -> list[dict[str, Any]]:
        """Tickets that changed at the vendor since then, as they were read last; newest first, 5,000 at most.

        Raises:
            NotFoundError: there is no such connection.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            cursor = await connection.execute(
                _LATELY, (self._scope.tenant_id, found.connection_id, since, _MOST)
            )
            rows = await cursor.fetchall()
            await self._record(connection, name, tickets=len(rows))
        return [row[0] for row in rows]

    @operation(Permission.CONNECTIONS_USE)
    async def reading_as(self, name: str, person: str) -> Desk | None:
        """A desk that sees what a person of a connection may see, and the runner as well; None where that is no user here.

        Raises:
            NotFoundError: there is no such connection.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await find_connection(connection, self._scope, name)
            cursor = await connection.execute(_PERSON, (self._scope.tenant_id, found.connection_id, person))
            names = [row[0] for row in await cursor.fetchall() if row[0]]
            await self._record(connection, name)
        people = Principals(self._database, self._scope)
        for one in names:
            try:
                scope = await people.scope_of(name=one)
            except PrincipalNotFoundError:
                continue
            agent = replace(self._scope, widened=False)
            return self._room.desk_of(replace(scope, agent=agent, act="desk", role="member"))
        return None

    async def _record(self, connection: Any, name: str, **facts: Any) -> None:
        await record(
            connection, self._scope, Permission.CONNECTIONS_USE, resource=f"connection {name}", **facts
        )


def system_tool(room: WorkflowRoom) -> Tool:
    """The tool that writes to a connected system by its name; by the policy, one must approve. It is sent once and read back."""

    async def preview(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
        systems = Systems.of(context.desk, room)
        async with systems.reached(arguments["connection"]) as source:
            act, ticket = Act(arguments["act"]), arguments.get("ticket") or None
            values: dict[str, Any] = arguments.get("values") or {}
            proposal = await source.propose(act, ticket, **values)
            sure = None
            if act in (Act.ASSIGN, Act.UPDATE) and is_asked(context.desk):
                sure = await systems.confidence(arguments["connection"], source, str(ticket), values)
        prepared = {"proposal": proposal.to_json()}
        return Preview(_named(proposal.changes, proposal.key), prepared, confidence=sure)

    async def reconcile(context: ToolContext, arguments: Mapping[str, Any]) -> Outcome:
        systems = Systems.of(context.desk, room)
        return await reconciled(context, lambda: systems.reached(arguments["connection"]))

    @tool(
        permission=Permission.CONNECTIONS_USE,
        effect="write",
        audience="requesters",
        untrusted=False,
        preview=preview,
        reconcile=reconcile,
    )
    async def system_write(
        context: ToolContext,
        connection: str,
        act: SystemAct,
        ticket: str = "",
        values: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write to a connected system: a ticket's fields, a comment, a new ticket or an article.

        Args:
            context: of the call.
            connection: the system's name.
            act: what to do.
            ticket: the vendor's id; empty to create.
            values: by field, as the vendor's page says.
        """
        del act, ticket, values
        async with Systems.of(context.desk, room).reached(connection) as source:
            applied = await source.apply(proposal_of(context), claims=claims_of(context))
        return {
            "id": applied.id,
            "key": applied.key,
            "url": applied.url,
            "differing": list(applied.differing),
        }

    return system_write


def _named(changes: Sequence[Change], key: str) -> tuple[Change, ...]:
    """The difference; a write without one, such as a repeated one, is shown as what it is."""
    return tuple(changes) or (Change("(nothing)", key, key),)
