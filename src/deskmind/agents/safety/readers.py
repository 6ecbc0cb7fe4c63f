"""Who may see a text, by the database's access lists, and whether all readers of one may see another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from deskmind.database import Connection
from deskmind.scope import EVERYONE, Scope

if TYPE_CHECKING:
    from deskmind.agents.tool import ToolContext

__all__ = ["AccessList", "access_lists", "covers", "lists_of_documents", "open_documents", "open_to_all"]

_MEMBERS = """
SELECT a.acl_id, a.clauses, m.clause, m.principal_id FROM acls a
  LEFT JOIN acl_members m ON m.tenant_id = a.tenant_id AND m.acl_id = a.acl_id
 WHERE a.tenant_id = %s AND a.acl_id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class AccessList:
    """One is let in who is in each set of ``any_of`` and not in ``deny``; an empty set lets nobody in."""

    any_of: tuple[frozenset[UUID], ...]
    deny: frozenset[UUID] = frozenset()


def open_to_all(one: AccessList) -> bool:
    """Whether everybody in the tenant may see it."""
    return not one.deny and all(EVERYONE in some for some in one.any_of)


def covers(text: AccessList, readers: AccessList) -> bool:
    """Whether everybody who ``readers`` lets in, ``text`` lets in too, as far as the lists show it.

    Each set of the text must hold a whole set of the readers, and whom the text denies the readers must deny. Sound and not
    complete: membership of groups in groups is not looked at, so a doubt counts as no. O(sets of the one × sets of the other).
    """
    within = all(EVERYONE in wide or any(one <= wide for one in readers.any_of) for wide in text.any_of)
    return within and text.deny <= readers.deny


async def access_lists(connection: Connection, scope: Scope, ids: Collection[UUID]) -> dict[UUID, AccessList]:
    """The lists of these ids; one that does not exist is left out."""
    if not ids:
        return {}
    cursor = await connection.execute(_MEMBERS, (scope.tenant_id, list(ids)))
    rows = await cursor.fetchall()
    sizes = {acl_id: clauses for acl_id, clauses, _, _ in rows}
    members: dict[UUID, dict[int, set[UUID]]] = {acl_id: {} for acl_id in sizes}
    for acl_id, _, clause, principal in rows:
        if principal is not None:
            members[acl_id].setdefault(clause, set()).add(principal)
    return {acl_id: _list(sizes[acl_id], members[acl_id]) for acl_id in sizes}


async def lists_of_documents(context: ToolContext, ids: Collection[str]) -> dict[str, UUID]:
    """The access list that each document stands under; one that the run's user does not see any more is left out."""
    scope = context.desk.scope
    async with context.desk.database.transaction(scope) as connection:
        cursor = await connection.execute(
            "SELECT document_id, acl_id FROM documents WHERE tenant_id = %s AND document_id = ANY (%s::uuid[])",
            (scope.tenant_id, list(ids)),
        )
        return {str(document): acl for document, acl in await cursor.fetchall()}


async def open_documents(context: ToolContext, lists: Mapping[str, UUID]) -> frozenset[str]:
    """Those of the documents that everybody in the tenant may see."""
    scope = context.desk.scope
    operator = Scope.operator(scope.tenant_id, scope.tenant, "agents")
    async with context.desk.database.transaction(operator) as connection:
        known = await access_lists(connection, operator, set(lists.values()))
    return frozenset(one for one, acl in lists.items() if acl in known and open_to_all(known[acl]))


def _list(clauses: int, members: Mapping[int, Collection[UUID]]) -> AccessList:
    sets = tuple(frozenset(members.get(number, ())) for number in range(1, clauses + 1))
    return AccessList(sets, frozenset(members.get(0, ())))
