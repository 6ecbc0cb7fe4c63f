"""The vendor's access lists as ours: its sets become groups of the tenant, its people are matched with the tenant's users.

An access list names sets by ids that are made of the connection and the vendor's name for the set, so that it never has to be
written again: who is in a set is a membership, and memberships are brought up to date after each run. A set that nobody
is in has no group, and lets nobody in.

A set that is kept out keeps out those alone who are known to be in it. So a list that has one lets in not everybody but whoever
is exactly one active person of the source: of others it is not known whether they are in the set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from deskmind.connectors.access import EVERYONE as EVERYBODY
from deskmind.connectors.access import Access, Grantee
from deskmind.database import Connection as DatabaseConnection
from deskmind.knowledge.ingest.locking import lock_to_write, plan_for_any_tenant
from deskmind.knowledge.ingest.staging import AclSets, intern_acls
from deskmind.scope import EVERYONE, NO_ONE, Scope

__all__ = ["MATCHED", "AccessLists", "Mirrored", "closure", "forget_groups", "mirror"]

MATCHED = Grantee("scope", "matched-people")
"""Every user who is exactly one active person of the source."""

_MOST_REMEMBERED = 20_000

_NAME_GRANTEES = """
INSERT INTO sync_grantees (tenant_id, connection_id, group_id, kind, external_id)
SELECT %s, %s, g.* FROM unnest(%s::uuid[], %s::text[], %s::text[]) g ON CONFLICT DO NOTHING
"""
_USERS = """
SELECT principal_id, lower(name) FROM principals WHERE tenant_id = %s AND kind <> 'group' AND disabled_at IS NULL
"""
_PEOPLE = """
SELECT external_id, lower(record->>'login'), record->'emails', record->'attributes' FROM synced_records
 WHERE tenant_id = %s AND connection_id = %s AND kind = 'person' AND (record->>'active')::boolean
   AND (lower(record->>'login') = ANY (%s) OR record->'emails' ?| %s)
"""
_MEMBERSHIPS = """
SELECT record->>'grantee', record->>'person', record->>'members' FROM synced_records
 WHERE tenant_id = %s AND connection_id = %s AND kind = 'membership'
   AND (record->>'person' = ANY (%s) OR record->>'members' IS NOT NULL)
"""
_MAKE_GROUPS = """
INSERT INTO principals (tenant_id, principal_id, kind, name, display_name)
SELECT %s, g.id, 'group', g.name, g.display FROM unnest(%s::uuid[], %s::text[], %s::text[]) g(id, name, display)
ON CONFLICT DO NOTHING
"""
_LABELS = """
SELECT record->>'grantee', record->>'name' FROM synced_records
 WHERE tenant_id = %s AND connection_id = %s AND kind = 'group' AND record->>'grantee' = ANY (%s)
"""
_LEAVE = """
DELETE FROM memberships m USING sync_grantees g
 WHERE m.tenant_id = %(tenant)s AND g.tenant_id = m.tenant_id AND g.connection_id = %(connection)s AND g.group_id = m.group_id
   AND (m.group_id, m.member_id) NOT IN (
       SELECT w.group_id, w.member_id FROM unnest(%(groups)s::uuid[], %(members)s::uuid[]) w(group_id, member_id))
"""
"""What is wanted is hashed once, whatever the planner knows of the tenant; joined, it might be gone through for each membership."""
_JOIN = """
INSERT INTO memberships (tenant_id, group_id, member_id)
SELECT p.tenant_id, w.group_id, w.member_id FROM unnest(%s::uuid[], %s::uuid[]) w(group_id, member_id)
  JOIN principals p ON p.tenant_id = %s AND p.principal_id = w.group_id AND p.kind = 'group'
ON CONFLICT DO NOTHING
"""
_FORGET = """
DELETE FROM principals p USING sync_grantees g
 WHERE p.tenant_id = %s AND g.tenant_id = p.tenant_id AND g.connection_id = %s AND g.group_id = p.principal_id AND p.kind = 'group'
"""
_OPEN = """
WITH public AS MATERIALIZED (
    SELECT DISTINCT acl_id FROM acl_members WHERE tenant_id = %(tenant)s AND principal_id = %(everyone)s AND clause > 0)
SELECT m.acl_id, m.clause, array_agg(m.principal_id) FROM public p
  JOIN acl_members m ON m.tenant_id = %(tenant)s AND m.acl_id = p.acl_id
 WHERE EXISTS (SELECT FROM acl_members d JOIN sync_grantees g ON g.tenant_id = d.tenant_id
        AND g.connection_id = %(connection)s AND g.group_id = d.principal_id
        WHERE d.tenant_id = %(tenant)s AND d.acl_id = p.acl_id AND d.clause = 0)
   AND EXISTS (SELECT FROM documents o WHERE o.tenant_id = %(tenant)s AND o.acl_id = p.acl_id)
 GROUP BY 1, 2 ORDER BY 1, 2
"""
_NARROW = """
UPDATE documents o SET acl_id = n.narrow, updated_at = now() FROM unnest(%s::uuid[], %s::uuid[]) n(open, narrow)
 WHERE o.tenant_id = %s AND o.acl_id = n.open
"""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How the people of a source stand to the tenant's users.

    Attributes:
        matched: users who are somebody there.
        ambiguous: users who could be several people there, and so are nobody.
        joined, left: memberships that came and went.
    """

    matched: int = 0
    ambiguous: int = 0
    joined: int = 0
    left: int = 0


@dataclass
class AccessLists:
    """Interns the access lists of one connection's records; equal ones are asked for once."""

    scope: Scope
    connection_id: UUID
    _known: dict[Access, UUID] = field(default_factory=dict[Access, UUID])
    _named: set[Grantee] = field(default_factory=set[Grantee])

    async def of(self, connection: DatabaseConnection, access: Access) -> UUID:
        """The id of the list, in the caller's transaction.

        What is remembered here is forgotten with the transaction: call ``forget`` when it did not commit.
        """
        return (await self.all(connection, [access]))[access]

    async def all(self, connection: DatabaseConnection, lists: Iterable[Access]) -> dict[Access, UUID]:
        """The same of many, by one statement: nearly each ticket has a list of its own."""
        wanted = list(dict.fromkeys(lists))
        fresh = [one for one in wanted if one not in self._known]
        if len(self._known) + len(fresh) > _MOST_REMEMBERED:
            self._known.clear()
            fresh = wanted
        if fresh:
            named = {one for access in fresh for some in (*access.any_of, access.deny) for one in some}
            await self._name(connection, named | ({MATCHED} if any(one.deny for one in fresh) else set()))
            ids = await intern_acls(connection, [self._sets(one) for one in fresh])
            self._known.update(zip(fresh, ids, strict=True))
        return {one: self._known[one] for one in wanted}

    async def narrowed(self, connection: DatabaseConnection) -> None:
        """Documents whose lists let in everybody but a set, as an earlier release wrote them, get lists that do not."""
        values = {"tenant": self.scope.tenant_id, "connection": self.connection_id, "everyone": EVERYONE}
        found: dict[UUID, dict[int, list[UUID]]] = {}
        for acl, clause, members in await (await connection.execute(_OPEN, values)).fetchall():
            found.setdefault(acl, {})[clause] = members
        if not found:
            return
        await lock_to_write(connection)
        await self._name(connection, [MATCHED])
        matched = self._id(MATCHED)
        lists = [
            (
                [
                    [matched if one == EVERYONE else one for one in some]
                    for clause, some in clauses.items()
                    if clause
                ],
                clauses[0],
            )
            for clauses in found.values()
        ]
        narrow = await intern_acls(connection, lists)
        await connection.execute(_NARROW, (list(found), narrow, self.scope.tenant_id))

    async def closed(self, connection: DatabaseConnection) -> UUID:
        """The list that lets nobody in."""
        return await self.of(connection, Access((frozenset(),)))

    def forget(self) -> None:
        """Ask the database again."""
        self._known.clear()
        self._named.clear()

    def _sets(self, access: Access) -> AclSets:
        everybody = MATCHED if access.deny else EVERYBODY
        sets = [
            [self._id(everybody if one == EVERYBODY else one) for one in some] or [NO_ONE]
            for some in access.any_of
        ] or [[NO_ONE]]
        return sets, [self._id(one) for one in access.deny]

    def _id(self, grantee: Grantee) -> UUID:
        return EVERYONE if grantee == EVERYBODY else group_id(self.connection_id, grantee)

    async def _name(self, connection: DatabaseConnection, grantees: Collection[Grantee]) -> None:
        fresh = [one for one in grantees if one != EVERYBODY and one not in self._named]
        if not fresh:
            return
        ids = [group_id(self.connection_id, one) for one in fresh]
        await connection.execute(
            _NAME_GRANTEES,
            (
                self.scope.tenant_id,
                self.connection_id,
                ids,
                [one.kind for one in fresh],
                [one.id for one in fresh],
            ),
        )
        self._named.update(fresh)


def group_id(connection_id: UUID, grantee: Grantee) -> UUID:
    """The id of the group that stands for a set of the vendor's."""
    return uuid5(connection_id, str(grantee))


def closure(held: Iterable[str], within: Mapping[str, Collection[str]]) -> set[str]:
    """What one is who is ``held``: with each set also those that all its members belong to."""
    found: set[str] = set()
    waiting = list(held)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(within.get(one, ()))
    return found


async def mirror(connection: DatabaseConnection, scope: Scope, connection_id: UUID, name: str) -> Mirrored:
    """Bring the memberships of a connection's groups up to date, in the caller's transaction."""
    tenant = (scope.tenant_id, connection_id)
    await AccessLists(scope, connection_id).narrowed(connection)
    people, ambiguous = await _people(connection, scope, connection_id)
    held = await _held(connection, tenant, people)
    cursor = await connection.execute(
        "SELECT group_id, kind, external_id FROM sync_grantees WHERE tenant_id = %s AND connection_id = %s",
        tenant,
    )
    groups = {f"{kind}:{known}" if known else str(kind): id_ for id_, kind, known in await cursor.fetchall()}
    pairs = [(groups[one], user, one) for user, mine in held.items() for one in sorted(mine) if one in groups]
    await _make_groups(connection, scope, connection_id, name, {one: id_ for id_, _, one in pairs})
    wanted = {"groups": [id_ for id_, _, _ in pairs], "members": [user for _, user, _ in pairs]}
    left = await connection.execute(
        _LEAVE, {"tenant": scope.tenant_id, "connection": connection_id, **wanted}
    )
    await plan_for_any_tenant(connection)
    joined = await connection.execute(_JOIN, (wanted["groups"], wanted["members"], scope.tenant_id))
    return Mirrored(len(held), ambiguous, joined.rowcount, left.rowcount)


async def forget_groups(connection: DatabaseConnection, scope: Scope, connection_id: UUID) -> None:
    """Remove the groups that stand for a connection's sets."""
    await connection.execute(_FORGET, (scope.tenant_id, connection_id))


async def _people(
    connection: DatabaseConnection, scope: Scope, connection_id: UUID
) -> tuple[dict[UUID, tuple[str, list[str]]], int]:
    """Each user who is exactly one active person of the source: that person's id and attributes."""
    cursor = await connection.execute(_USERS, (scope.tenant_id,))
    users: dict[str, list[UUID]] = {}
    for user, name in await cursor.fetchall():
        users.setdefault(name, []).append(user)
    names = list(users)
    cursor = await connection.execute(_PEOPLE, (scope.tenant_id, connection_id, names, names))
    found: dict[UUID, dict[str, list[str]]] = {}
    for person, login, emails, attributes in await cursor.fetchall():
        for known in {login, *emails} & users.keys():
            for user in users[known]:
                found.setdefault(user, {})[person] = attributes
    certain = {user: next(iter(some.items())) for user, some in found.items() if len(some) == 1}
    return certain, len(found) - len(certain)


async def _held(
    connection: DatabaseConnection, tenant: tuple[Any, ...], people: Mapping[UUID, tuple[str, list[str]]]
) -> dict[UUID, set[str]]:
    cursor = await connection.execute(_MEMBERSHIPS, (*tenant, [person for person, _ in people.values()]))
    direct: dict[str, list[str]] = {}
    within: dict[str, list[str]] = {}
    for grantee, person, members in await cursor.fetchall():
        if members is not None:
            within.setdefault(members, []).append(grantee)
        if person:
            direct.setdefault(person, []).append(grantee)
    return {
        user: closure(
            [str(EVERYBODY), str(MATCHED), f"user:{person}", *attributes, *direct.get(person, ())], within
        )
        for user, (person, attributes) in people.items()
    }


async def _make_groups(
    connection: DatabaseConnection,
    scope: Scope,
    connection_id: UUID,
    name: str,
    groups: Mapping[str, UUID],
) -> None:
    if not groups:
        return
    cursor = await connection.execute(_LABELS, (scope.tenant_id, connection_id, list(groups)))
    labels: dict[str, str] = dict(await cursor.fetchall())
    names = [f"{name}/{one}"[:160] + f"#{id_.hex[:8]}" for one, id_ in groups.items()]
    await connection.execute(
        _MAKE_GROUPS,
        (scope.tenant_id, list(groups.values()), names, [labels.get(one) or "" for one in groups]),
    )
