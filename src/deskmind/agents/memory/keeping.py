"""Keeping a draft: once, in place of an older one about the same, within the bound of its owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import errors as pg

from deskmind.agents.memory import store
from deskmind.agents.memory.measuring import count_change
from deskmind.agents.memory.memory import Audience, Draft, Memory
from deskmind.agents.memory.store import Owner, Reading
from deskmind.database import Connection, Database
from deskmind.errors import InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.scope import OPERATOR, Scope
from deskmind.webhooks import publish

__all__ = ["Keeper", "found_memory", "none_such", "not_yours", "owner_for", "record_change"]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Writes memories of one owner, in the caller's transaction.

    Attributes:
        scope: who tells them.
        owner: whose they are.
        most: of the owner's memories.
    """

    scope: Scope
    owner: Owner
    most: int

    def opening(self, draft: Draft) -> tuple[tuple[str, list[str | None]], ...]:
        """What a transaction may begin with in which a draft is kept ``begun``: others who tell something about the same wait
        until it ends, and the memory that says the same fades anew."""
        lock = store.locking(self.scope, self.owner, draft.subject or draft.text)
        return lock, store.knowing(self.scope, self.owner, draft)

    async def keep(
        self,
        connection: Connection,
        memory_id: UUID,
        draft: Draft,
        reading: Reading,
        *,
        pinned: bool = False,
        begun: bool = False,
    ) -> Memory:
        """Keep a draft, unless the same is known; older ones about its subject become history.

        Raises:
            PermissionDeniedError: it is not for the scope to tell.
        """
        if begun:
            known = store.known_memory(connection.firsts[1])
        else:
            known = await self._known(connection, draft, pinned=pinned)
        if known is not None:
            count_change("known")
            return known
        if await self.insert(connection, memory_id, draft, reading, pinned=pinned):
            await self._supersede(connection, memory_id, draft, pinned=pinned)
            await self._prune(connection, memory_id)
            count_change("added")
        return await found_memory(connection, self.scope, memory_id)

    async def _known(self, connection: Connection, draft: Draft, *, pinned: bool) -> Memory | None:
        """The memory that says the same, which fades anew."""
        await store.lock_subject(connection, self.scope, self.owner, draft.subject or draft.text)
        known = await store.same_memory(connection, self.scope, self.owner, draft)
        if known is None:
            return None
        if pinned:
            await store.pin_memory(connection, self.scope, known.memory_id, pinned=True)
        return await store.touched(connection, self.scope, known)

    async def insert(
        self,
        connection: Connection,
        memory_id: UUID,
        draft: Draft,
        reading: Reading,
        *,
        pinned: bool,
    ) -> bool:
        """Add a row; False where it is there already."""
        try:
            return await store.add_memory(
                connection, self.scope, memory_id, self.owner, draft, reading, pinned=pinned
            )
        except pg.InsufficientPrivilege:
            raise not_yours() from None

    async def _supersede(
        self, connection: Connection, memory_id: UUID, draft: Draft, *, pinned: bool
    ) -> None:
        replaced, was_pinned = await store.supersede(connection, self.scope, memory_id, self.owner, draft)
        if was_pinned and not pinned:
            await store.pin_memory(connection, self.scope, memory_id, pinned=True)
        details = {"kind": draft.kind, "trust": draft.trust, "superseded": replaced}
        await record_change(connection, self.scope, memory_id, "add", **details)
        count_change("superseded", replaced)

    async def _prune(self, connection: Connection, memory_id: UUID) -> None:
        """Keep the owner's memories below the bound; what is held stays."""
        try:
            async with connection.transaction():
                await store.prune(connection, self.scope, self.owner, memory_id, self.most)
        except pg.CheckViolation as error:
            if error.diag.constraint_name != "privacy_hold":
                raise


async def owner_for(database: Database, scope: Scope, audience: Audience, group: str) -> Owner:
    """Whose a memory for an audience is.

    Raises:
        InvalidRequestError: the operator is no user, or the group is not one of the scope's.
    """
    if audience == "tenant":
        return Owner(audience, None)
    if audience == "user":
        if scope.principal_id == OPERATOR:
            raise InvalidRequestError(
                "Whose memory is it?",
                why="The operator of the command line is no user.",
                remedy="Act as a user, or remember it for a group or the tenant.",
            )
        return Owner(audience, scope.principal_id)
    async with database.transaction(scope) as connection:
        cursor = await connection.execute(
            "SELECT principal_id FROM principals WHERE tenant_id = %s AND kind = 'group' AND name = %s",
            (scope.tenant_id, group),
        )
        row = await cursor.fetchone()
    if row is None:
        raise InvalidRequestError("There is no such group, or you are not in it.")
    return Owner(audience, row[0])


async def found_memory(connection: Connection, scope: Scope, memory_id: UUID) -> Memory:
    """A memory that the scope may see.

    Raises:
        NotFoundError: there is none.
    """
    found = await store.find_memory(connection, scope, memory_id)
    if found is None:
        raise none_such(memory_id)
    return found


async def record_change(
    connection: Connection, scope: Scope, memory_id: UUID, act: str, **details: Any
) -> None:
    """The audit event of a change, and what webhooks are told of it, without the text."""
    resource = f"memories/{memory_id}"
    await record(connection, scope, Permission.MEMORIES_WRITE, resource=resource, act=act, **details)
    link = f"/v1/memories/{memory_id}"
    await publish(connection, scope, "memory.changed", {"memory_id": memory_id, "act": act}, link=link)


def none_such(memory_id: UUID) -> NotFoundError:
    """The error for a memory that the scope does not see."""
    return NotFoundError(
        f"There is no memory {memory_id}.", why="It does not exist, was forgotten, or is another user's."
    )


def not_yours() -> PermissionDeniedError:
    """The error for a memory that the scope sees and may not change."""
    return PermissionDeniedError(
        "This memory is not yours to change.",
        why="Memories of a group are changed by who made them, those of the tenant by operators.",
        remedy="Ask an operator of the tenant.",
    )
