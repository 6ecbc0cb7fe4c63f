"""The systems a tenant is connected to, reached for a run: with the connection's credentials, within the user's sight.

A connection sees more than the user does. So a ticket is looked for among the documents that the user may see, and read anew under
the access list that the vendor gives it now; what that does not let the user see does not exist for the run.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from deskmind.agents.safety.readers import AccessList, access_lists
from deskmind.agents.tool import ToolContext
from deskmind.connectors import Access, Connector, Kind, Ticket
from deskmind.database import Connection as DatabaseConnection
from deskmind.database import Database
from deskmind.errors import InvalidRequestError, NotFoundError, UnavailableError
from deskmind.scope import EVERYONE, Scope
from deskmind.sync.connections import connector_of, find_connection, source_name
from deskmind.sync.mirroring import AccessLists

__all__ = ["SeenTicket", "System", "group_names", "open_system"]

_NAMES = "SELECT name FROM connections WHERE tenant_id = %s ORDER BY name"
_NAMED = """
SELECT external_id FROM documents
 WHERE tenant_id = %s AND metadata @> jsonb_build_object('kind', 'ticket', 'connection', %s::text, 'key', %s::text)
   AND external_id NOT LIKE '%%/internal'
 LIMIT 1
"""
_GROUPS = """
SELECT external_id, record->>'name' FROM synced_records
 WHERE tenant_id = %s AND connection_id = %s AND kind = 'group' AND external_id = ANY (%s) AND record ? 'name'
"""


@dataclass(frozen=True, slots=True)
class SeenTicket:
    """A ticket that the run's user may see.

    Attributes:
        public: access list of the ticket and its public comments.
        internal: of its internal comments.
        sees_internal: whether the user may see those.
        written_public: access list of who reads a public comment, at the widest; None where the vendor does not tell.
        written_internal: the same of an internal one.
    """

    ticket: Ticket
    public: UUID
    internal: UUID
    sees_internal: bool
    written_public: UUID | None
    written_internal: UUID | None


class System:
    """One connected system, for one run."""

    def __init__(self, context: ToolContext, connection_id: UUID, name: str, connector: Connector) -> None:
        self.name = name
        self.connector = connector
        self._context = context
        self._connection_id = connection_id

    async def ticket(self, named: str) -> SeenTicket:
        """A ticket by what people call it, or by the vendor's id.

        Raises:
            NotFoundError: there is none that the user may see.
        """
        found = await self.connector.get(Kind.TICKET, await self._id(named))
        if not isinstance(found, Ticket) or found.deleted:
            raise _no_ticket(named)
        both = found.access.both(found.internal_access)
        async with self._context.desk.database.transaction(self._operator) as connection:
            lists = AccessLists(self._operator, self._connection_id)
            public, internal = [await lists.of(connection, one) for one in (found.access, both)]
            known = await access_lists(connection, self._operator, {public, internal})
        if not self._admits(known[public]):
            raise _no_ticket(named)
        return SeenTicket(
            found,
            public,
            internal,
            self._admits(known[internal]),
            public if _told_whole(found.access) else None,
            internal if _told_whole(both) else None,
        )

    async def names(self, ids: Iterable[Any]) -> dict[str, str]:
        """Names of groups, by their ids, as far as they were read."""
        return await group_names(
            self._context.desk.database, self._operator, self._connection_id, [str(one) for one in ids]
        )

    async def _id(self, named: str) -> str:
        scope = self._context.desk.scope
        async with self._context.desk.database.transaction(scope) as connection:
            cursor = await connection.execute(
                _NAMED, (scope.tenant_id, source_name(self.name), named.strip())
            )
            row = await cursor.fetchone()
        return named.strip() if row is None else str(row[0]).removeprefix("ticket/")

    def _admits(self, one: AccessList) -> bool:
        """Whether the run's user is let in, as the database would say it."""
        scope = self._context.desk.scope
        if scope.act == "operate":
            return True
        mine = {EVERYONE, scope.principal_id, *scope.groups}
        return not mine & one.deny and all(mine & some for some in one.any_of)

    @property
    def _operator(self) -> Scope:
        return _operator(self._context)


async def group_names(
    database: Database, operator: Scope, connection_id: UUID, ids: Sequence[str]
) -> dict[str, str]:
    """Names of a connection's groups, by their ids, as far as they were read."""
    async with database.transaction(operator) as connection:
        cursor = await connection.execute(_GROUPS, (operator.tenant_id, connection_id, list(ids)))
        return {str(one): str(name) for one, name in await cursor.fetchall()}


@asynccontextmanager
async def open_system(context: ToolContext, name: str = "") -> AsyncGenerator[System]:
    """A connected system by its name; without one, the only one there is.

    Raises:
        NotFoundError: there is no such connection.
        InvalidRequestError: there are several, and none was named.
    """
    if context.room is None:
        raise UnavailableError("Connected systems cannot be reached here.", why="The run has no application.")
    operator = _operator(context)
    async with context.desk.database.transaction(operator) as connection:
        known = await find_connection(connection, operator, name or await _only(connection, operator))
        connector = await connector_of(connection, operator, context.room.keyring, known)
    async with connector:
        yield System(context, known.connection_id, known.name, connector)


async def _only(connection: DatabaseConnection, operator: Scope) -> str:
    cursor = await connection.execute(_NAMES, (operator.tenant_id,))
    names = [name for (name,) in await cursor.fetchall()]
    if len(names) == 1:
        return str(names[0])
    if not names:
        raise NotFoundError("No system is connected.", remedy="`deskmind connect add` connects one.")
    raise InvalidRequestError(
        "Several systems are connected.", why=f"They are {', '.join(names)}.", remedy="Name one."
    )


def _told_whole(access: Access) -> bool:
    """Whether the list names all who may read, and not only those whom we could make out."""
    return not access.unread and all(access.any_of)


def _operator(context: ToolContext) -> Scope:
    scope = context.desk.scope
    return Scope.operator(scope.tenant_id, scope.tenant, "agents")


def _no_ticket(named: str) -> NotFoundError:
    return NotFoundError(
        f"There is no ticket '{named[:80]}'.", why="It does not exist, or you may not see it."
    )
