"""Who may see a text, by the database's access lists, and whether all readers of one may see another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from deskmind.database import Connection
from deskmind.scope import EVERYONE, NO_ONE, Scope

__all__ = ["AccessList", "access_lists", "covers", "lists_of_documents", "open_to_all"]

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


async def access_lists(
    connection: Connection, scope: Scope, ids: Collection[UUID]
) -> dict[UUID, AccessList]:
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


async def lists_of_documents(connection: Connection, scope: Scope, ids: Collection[str]) -> frozenset[UUID]:
    """The access lists that documents stand under; ``NO_ONE`` with them where one of the documents is gone meanwhile."""
    cursor = await connection.execute(
        "SELECT count(*), array_agg(DISTINCT acl_id) FROM documents"
        " WHERE tenant_id = %s AND document_id = ANY (%s::uuid[])",
        (scope.tenant_id, list(ids)),
    )
    row = await cursor.fetchone()
    if row is None or row[0] < len(ids):
        return frozenset({NO_ONE, *((row[1] if row else None) or ())})
    return frozenset(row[1] or ())


def _list(clauses: int, members: Mapping[int, Collection[UUID]]) -> AccessList:
    sets = tuple(frozenset(members.get(number, ())) for number in range(1, clauses + 1))
    return AccessList(sets, frozenset(members.get(0, ())))
