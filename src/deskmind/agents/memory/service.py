"""``desk.memories``: what is remembered for a user, the user's groups and the tenant; shown to and corrected by its subject."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid4, uuid5

from psycopg import errors as pg

from deskmind.agents.memory import store
from deskmind.agents.memory.cleaning import cleaned
from deskmind.agents.memory.measuring import count_change, count_recall
from deskmind.agents.memory.memory import AUDIENCES, KINDS, Audience, Draft, Kind, Memory
from deskmind.agents.memory.reading import read_question, read_texts, store_anew
from deskmind.agents.memory.recalled import Recalled, fitted
from deskmind.agents.memory.rules import check_allowed, may_be_remembered
from deskmind.agents.memory.store import Owner, Reading
from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.governance.privacy.holds import heeding_holds
from deskmind.governance.privacy.mentions import Mentions
from deskmind.scope import OPERATOR, Scope
from deskmind.settings import Settings

if TYPE_CHECKING:
    from deskmind.governance.redaction import Redactor
    from deskmind.knowledge.engine import Engine

__all__ = ["Memories", "MemoryRoom"]

_MOST_QUESTION = 4_000
_CANDIDATES = 200
_AT_ONCE = 64


class MemoryRoom(Protocol):
    """The application, as far as memory sees it."""

    settings: Settings

    async def engine(self) -> Engine:
        """Of the embedder."""
        ...

    async def erased(self, scope: Scope) -> Mentions:
        """The mentions of people of the scope's tenant who were erased."""
        ...

    async def tenant_redactor(self, tenant_id: UUID) -> Redactor:
        """What finds secrets and personal data in a tenant's texts."""
        ...


class Memories:
    """Memories that the scope's principal may see. Operators see those of groups and of the tenant, never a user's."""

    def __init__(self, database: Database, scope: Scope, room: MemoryRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where memories are kept."""
        return self._database

    @operation(Permission.MEMORIES_READ)
    async def list(
        self,
        *,
        kind: Kind | None = None,
        audience: Audience | None = None,
        history: bool = False,
        limit: int = 100,
    ) -> list[Memory]:
        """Memories, newest first.

        Args:
            kind: only of this kind.
            audience: only of this audience.
            history: with those that newer ones have superseded.
            limit: how many, 1 to 1000.

        Raises:
            InvalidRequestError: a kind, an audience or the limit is not possible.
        """
        _check_choice("kind", kind, KINDS)
        _check_choice("audience", audience, AUDIENCES)
        if not 1 <= limit <= 1000:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 1000.")
        async with self._database.transaction(self._scope) as connection:
            found = await store.list_memories(
                connection, self._scope, kind=kind, audience=audience, history=history, limit=limit
            )
            await record(
                connection, self._scope, Permission.MEMORIES_READ, resource="memories", memories=len(found)
            )
            return found

    @operation(Permission.MEMORIES_READ)
    async def show(self, memory_id: UUID) -> list[Memory]:
        """A memory with its history: what it superseded, and what superseded it; the one that counts is first.

        Raises:
            NotFoundError: there is no such memory, or it is another user's.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await store.read_chain(connection, self._scope, memory_id)
            if not found:
                raise _none(memory_id)
            await record(connection, self._scope, Permission.MEMORIES_READ, resource=f"memories/{memory_id}")
            return found

    @operation(Permission.MEMORIES_READ)
    async def recall(
        self,
        question: str,
        *,
        tokens: int = 800,
        kinds: Sequence[Kind] = KINDS,
        least: float = 0.15,
    ) -> Recalled:
        """What is remembered about a question, by relevance × recency × importance, within a budget of tokens.

        Compares every memory of one's own, of one's groups and of the tenant: about 1.5 µs each.

        Args:
            question: compared with the memories.
            tokens: bound on the text as a model gets it, frame included, by estimate.
            kinds: of memories.
            least: relevance, 0 to 1, below which nothing is recalled.

        Raises:
            InvalidRequestError: the budget is negative, or a kind is not known.
        """
        for kind in kinds:
            _check_choice("kind", kind, KINDS)
        if tokens < 0:
            raise InvalidRequestError(f"A budget of {tokens} tokens is not possible.")
        embedder = (await self._room.engine()).embedder
        reading = await read_question(embedder, question[:_MOST_QUESTION])
        async with self._database.transaction(self._scope) as connection:
            masked = await store.unread(connection, self._scope, _AT_ONCE)
        await store_anew(self._database, self._scope, embedder, masked)
        async with self._database.transaction(self._scope) as connection:
            found = await store.nearest(
                connection, self._scope, reading, kinds=kinds, least=least, limit=_CANDIDATES
            )
            recalled = fitted((one for one, _ in found), tokens)
            chosen = [one.memory.memory_id for one in recalled.memories]
            await store.touch(connection, self._scope, chosen)
            await record(
                connection, self._scope, Permission.MEMORIES_READ, resource="memories", memories=len(chosen)
            )
        count_recall(len(chosen))
        stale = [
            (one.memory.memory_id, one.memory.text)
            for one, space in found
            if space != reading.space and (one.memory.audience == "user" or self._scope.act == "operate")
        ]
        await store_anew(self._database, self._scope, embedder, stale[:_AT_ONCE])
        return recalled

    @operation(Permission.MEMORIES_WRITE)
    async def add(
        self,
        draft: Draft | str,
        *,
        audience: Audience = "user",
        group: str = "",
        pinned: bool = False,
    ) -> Memory:
        """Remember something. A newer fact about the same subject supersedes the older one; both stay in the history.

        Args:
            draft: a text, or one with its kind, subject and origin. A draft whose trust is ``untrusted`` needs a rule.
            audience: whom it is recalled for. Of a group, members' memories are untrusted; of the tenant, operators tell them.
            group: name of the group, for ``group``.
            pinned: does not fade.

        Raises:
            InvalidRequestError: the text is empty or longer than 4,000 characters, or a choice is not possible.
            PermissionDeniedError: no rule allows it, or it is not for the user to tell.
        """
        given = draft if isinstance(draft, Draft) else Draft(draft)
        _check_choice("audience", audience, AUDIENCES)
        owner = await self._owner(audience, group)
        try:
            check_allowed(given, audience, self._room.settings.agents.remember)
        except PermissionDeniedError:
            count_change("refused")
            raise
        if audience == "group" and self._scope.act != "operate":
            given = replace(given, trust="untrusted")  # what one member tells is others' text to the next
        (ready,), (reading,) = await self._prepared([given])
        async with self._database.transaction(self._scope) as connection:
            return await self._keep(connection, uuid4(), owner, ready, reading, pinned=pinned)

    @operation(Permission.MEMORIES_WRITE)
    async def learn(
        self, drafts: Sequence[Draft], *, audience: Audience = "user", group: str = ""
    ) -> list[Memory]:
        """Remember what a run has taught, as far as it may be remembered; doing it again adds nothing.

        Args:
            drafts: with the run they are from.
            audience: as for ``add``.
            group: as for ``add``.

        Raises:
            PermissionDeniedError: it is not for the user to tell.
        """
        rules = self._room.settings.agents.remember
        allowed = [one for one in drafts if may_be_remembered(one, audience, rules)]
        count_change("refused", len(drafts) - len(allowed))
        if not allowed:
            return []
        owner = await self._owner(audience, group)
        if audience == "group" and self._scope.act != "operate":
            allowed = [replace(one, trust="untrusted") for one in allowed]
        ready, readings = await self._prepared(sorted(allowed, key=lambda one: (one.subject, one.text)))
        async with self._database.transaction(self._scope) as connection:
            return [
                await self._keep(connection, _id_of(draft), owner, draft, reading)
                for draft, reading in zip(ready, readings, strict=True)
            ]

    @operation(Permission.MEMORIES_WRITE)
    async def correct(self, memory_id: UUID, text: str) -> Memory:
        """Say what is right: the corrected text supersedes the memory, which stays in the history.

        Raises:
            NotFoundError: there is no such memory, or it is another user's.
            ConflictError: a newer one has superseded it.
            InvalidRequestError: the text is empty or too long.
            PermissionDeniedError: it is not one's own to correct.
        """
        async with self._database.transaction(self._scope) as connection:
            before = await self._found(connection, memory_id)
        own = before.audience == "user" or self._scope.act == "operate"
        draft = Draft(
            text,
            before.kind,
            before.subject,
            before.importance,
            trust="trusted" if own else "untrusted",
        )
        (ready,), (reading,) = await self._prepared([draft])
        owner = Owner(before.audience, before.owner_id)
        async with self._database.transaction(self._scope) as connection:
            new_id = uuid4()
            await store.lock_subject(connection, self._scope, owner, before.subject)
            if (await self._found(connection, memory_id)).superseded_at is not None:
                raise ConflictError("The memory has been superseded.", remedy="Correct the newer one.")
            await self._insert(connection, new_id, owner, ready, reading, pinned=before.pinned)
            if not await store.stand_for(connection, self._scope, new_id, memory_id):
                raise _not_yours()
            await self._recorded(connection, memory_id, "correct")
            count_change("corrected")
            return await self._found(connection, new_id)

    @operation(Permission.MEMORIES_WRITE)
    async def pin(self, memory_id: UUID, *, pinned: bool = True) -> Memory:
        """Keep a memory from fading, or let it fade again.

        Raises:
            NotFoundError: there is no such memory, or it is another user's.
            PermissionDeniedError: it is not one's own.
        """
        async with self._database.transaction(self._scope) as connection:
            await self._found(connection, memory_id)
            if not await store.pin_memory(connection, self._scope, memory_id, pinned=pinned):
                raise _not_yours()
            await self._recorded(connection, memory_id, "pin" if pinned else "unpin")
            return await self._found(connection, memory_id)

    @operation(Permission.MEMORIES_WRITE)
    async def forget(self, memory_id: UUID) -> int:
        """Remove a memory with its whole history, for good; how many went.

        Raises:
            NotFoundError: there is no such memory, or it is another user's.
            PermissionDeniedError: it is not one's own.
            LegalHoldError: a legal hold stands on it.
        """
        async with self._database.transaction(self._scope) as connection, heeding_holds():
            await self._found(connection, memory_id)
            gone = await store.forget_chain(connection, self._scope, memory_id)
            if not gone:
                raise _not_yours()
            await self._recorded(connection, memory_id, "forget", memories=gone)
        count_change("forgotten", gone)
        return gone

    async def _keep(
        self,
        connection: Connection,
        memory_id: UUID,
        owner: Owner,
        draft: Draft,
        reading: Reading,
        *,
        pinned: bool = False,
    ) -> Memory:
        await store.lock_subject(connection, self._scope, owner, draft.subject or draft.text)
        if (known := await store.same_memory(connection, self._scope, owner, draft)) is not None:
            await store.touch(connection, self._scope, [known.memory_id])
            if pinned:
                await store.pin_memory(connection, self._scope, known.memory_id, pinned=True)
            count_change("known")
            return await self._found(connection, known.memory_id)
        if await self._insert(connection, memory_id, owner, draft, reading, pinned=pinned):
            replaced, was_pinned = await store.supersede(connection, self._scope, memory_id, owner, draft)
            if was_pinned and not pinned:
                await store.pin_memory(connection, self._scope, memory_id, pinned=True)
            await self._pruned(connection, owner, memory_id)
            await self._recorded(
                connection, memory_id, "add", kind=draft.kind, trust=draft.trust, superseded=replaced
            )
            count_change("added")
            count_change("superseded", replaced)
        return await self._found(connection, memory_id)

    async def _insert(
        self,
        connection: Connection,
        memory_id: UUID,
        owner: Owner,
        draft: Draft,
        reading: Reading,
        *,
        pinned: bool,
    ) -> bool:
        try:
            return await store.add_memory(
                connection, self._scope, memory_id, owner, draft, reading, pinned=pinned
            )
        except pg.InsufficientPrivilege:
            raise _not_yours() from None

    async def _pruned(self, connection: Connection, owner: Owner, memory_id: UUID) -> None:
        """Keep the owner's memories below the bound; what is held stays."""
        try:
            async with connection.transaction():
                most = self._room.settings.agents.memories_per_owner
                await store.prune(connection, self._scope, owner, memory_id, most)
        except pg.CheckViolation as error:
            if error.diag.constraint_name != "privacy_hold":
                raise

    async def _prepared(self, drafts: Sequence[Draft]) -> tuple[list[Draft], list[Reading]]:
        """Texts as they may be kept, without erased people and secrets, with what they are compared by."""
        erased = await self._room.erased(self._scope)
        redactor = await self._room.tenant_redactor(self._scope.tenant_id)
        masked = self._room.settings.agents.memory_redaction
        ready = await asyncio.to_thread(
            lambda: [cleaned(draft, erased, redactor, everything=masked == "all") for draft in drafts]
        )
        embedder = (await self._room.engine()).embedder
        return ready, await read_texts(embedder, [draft.text for draft in ready])

    async def _owner(self, audience: Audience, group: str) -> Owner:
        if audience == "tenant":
            return Owner(audience, None)
        if audience == "user":
            if self._scope.principal_id == OPERATOR:
                raise InvalidRequestError(
                    "Whose memory is it?",
                    why="The operator of the command line is no user.",
                    remedy="Act as a user, or remember it for a group or the tenant.",
                )
            return Owner(audience, self._scope.principal_id)
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT principal_id FROM principals WHERE tenant_id = %s AND kind = 'group' AND name = %s",
                (self._scope.tenant_id, group),
            )
            row = await cursor.fetchone()
        if row is None:
            raise InvalidRequestError("There is no such group, or you are not in it.")
        return Owner(audience, row[0])

    async def _found(self, connection: Connection, memory_id: UUID) -> Memory:
        found = await store.find_memory(connection, self._scope, memory_id)
        if found is None:
            raise _none(memory_id)
        return found

    async def _recorded(self, connection: Connection, memory_id: UUID, act: str, **details: object) -> None:
        await record(
            connection,
            self._scope,
            Permission.MEMORIES_WRITE,
            resource=f"memories/{memory_id}",
            act=act,
            **details,
        )


def _id_of(draft: Draft) -> UUID:
    return uuid4() if draft.run_id is None else uuid5(draft.run_id, f"{draft.kind}\n{draft.text}")


def _check_choice(name: str, given: str | None, known: Sequence[str]) -> None:
    if given is not None and given not in known:
        raise InvalidRequestError(
            f"'{given[:40]}' is no {name} of memories.", remedy=f"Choose one of: {', '.join(known)}."
        )


def _none(memory_id: UUID) -> NotFoundError:
    return NotFoundError(
        f"There is no memory {memory_id}.", why="It does not exist, was forgotten, or is another user's."
    )


def _not_yours() -> PermissionDeniedError:
    return PermissionDeniedError(
        "This memory is not yours to change.",
        why="Memories of a group are changed by who made them, those of the tenant by operators.",
        remedy="Ask an operator of the tenant.",
    )
