"""``desk.memories``: what is remembered for a user, the user's groups and the tenant; shown to and corrected by its subject."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid4, uuid5

from deskmind.agents.memory import store
from deskmind.agents.memory.cleaning import cleaned
from deskmind.agents.memory.keeping import (
    Keeper,
    found_memory,
    none_such,
    not_yours,
    owner_for,
    record_change,
)
from deskmind.agents.memory.measuring import count_change, count_recall
from deskmind.agents.memory.memory import AUDIENCES, KINDS, Audience, Draft, Kind, Memory, Origin
from deskmind.agents.memory.reading import read_question, read_texts, store_anew
from deskmind.agents.memory.recalled import Recalled, Scored, fitted
from deskmind.agents.memory.rules import check_allowed, may_be_remembered
from deskmind.agents.memory.store import Owner, Reading
from deskmind.database import Connection, Database, Rows
from deskmind.errors import ConflictError, InvalidRequestError, PermissionDeniedError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.governance.privacy.holds import heeding_holds
from deskmind.governance.privacy.mentions import Mentions
from deskmind.scope import Scope
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
        before: tuple[datetime, UUID] | None = None,
    ) -> list[Memory]:
        """Memories, newest first.

        Args:
            kind: only of this kind.
            audience: only of this audience.
            history: with those that newer ones have superseded.
            limit: how many, 1 to 1000.
            before: ``place`` of the last one of the previous page.

        Raises:
            InvalidRequestError: a kind, an audience or the limit is not possible.
        """
        _check_choice("kind", kind, KINDS)
        _check_choice("audience", audience, AUDIENCES)
        if not 1 <= limit <= 1000:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 1000.")
        async with self._database.transaction(self._scope) as connection:
            found = await store.list_memories(
                connection,
                self._scope,
                kind=kind,
                audience=audience,
                history=history,
                limit=limit,
                before=before,
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
                raise none_such(memory_id)
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

        Compares every memory of one's own, of one's groups and of the tenant: about 2 µs each.

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
        near = store.nearest(self._scope, reading, kinds=kinds, least=least, limit=_CANDIDATES)
        unread = store.unread(self._scope, _AT_ONCE)
        async with self._database.transaction(self._scope, unread, near) as connection:
            masked = [(UUID(str(memory_id)), str(text)) for memory_id, text in connection.first]
            told = (
                None if masked else await self._chosen_and_recorded(connection, connection.firsts[1], tokens)
            )
        if told is None:
            await store_anew(self._database, self._scope, embedder, masked)
            async with self._database.transaction(self._scope, near) as connection:
                told = await self._chosen_and_recorded(connection, connection.first, tokens)
        found, recalled = told
        count_recall(len(recalled.memories))
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
        given = self._as_agent(draft if isinstance(draft, Draft) else Draft(draft))
        _check_choice("audience", audience, AUDIENCES)
        keeper = await self._keeper(audience, group)
        try:
            check_allowed(given, audience, self._room.settings.agents.remember)
        except PermissionDeniedError:
            count_change("refused")
            raise
        (ready,), (reading,) = await self._prepared([given], audience)
        async with self._database.transaction(self._scope) as connection:
            return await keeper.keep(connection, uuid4(), ready, reading, pinned=pinned)

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
        told = [self._as_agent(one) for one in drafts]
        allowed = [one for one in told if may_be_remembered(one, audience, rules)]
        count_change("refused", len(drafts) - len(allowed))
        if not allowed:
            return []
        keeper = await self._keeper(audience, group)
        ready, readings = await self._prepared(allowed, audience, leniently=True)
        if not ready:
            return []
        told_apart = sorted(zip(ready, readings, strict=True), key=lambda one: _place(one[0]))
        async with self._database.transaction(self._scope, *keeper.opening(told_apart[0][0])) as connection:
            return [
                await keeper.keep(connection, _id_of(draft), draft, reading, begun=not place)
                for place, (draft, reading) in enumerate(told_apart)
            ]

    @operation(Permission.MEMORIES_WRITE)
    async def correct(self, memory_id: UUID, text: str) -> Memory:
        """Say what is right: the corrected text supersedes the memory, which stays in the history.

        Raises:
            NotFoundError: there is no such memory, or it is another user's.
            ConflictError: a newer one has superseded it.
            InvalidRequestError: the text is empty or too long.
            PermissionDeniedError: it is not one's own to correct, or an agent corrects in a user's place.
        """
        if self._scope.agent is not None:
            raise PermissionDeniedError("An agent does not correct memories.", remedy="The user has to.")
        async with self._database.transaction(self._scope) as connection:
            before = await found_memory(connection, self._scope, memory_id)
        draft = Draft(text, before.kind, before.subject, before.importance)
        (ready,), (reading,) = await self._prepared([draft], before.audience)
        most = self._room.settings.agents.memories_per_owner
        keeper = Keeper(self._scope, Owner(before.audience, before.owner_id), most)
        async with self._database.transaction(self._scope) as connection:
            new_id = uuid4()
            await store.lock_subject(connection, self._scope, keeper.owner, before.subject)
            if (await found_memory(connection, self._scope, memory_id)).superseded_at is not None:
                raise ConflictError("The memory has been superseded.", remedy="Correct the newer one.")
            await keeper.insert(connection, new_id, ready, reading, pinned=before.pinned)
            if not await store.stand_for(connection, self._scope, new_id, memory_id):
                raise not_yours()
            await record_change(connection, self._scope, memory_id, "correct")
            count_change("corrected")
            return await found_memory(connection, self._scope, new_id)

    @operation(Permission.MEMORIES_WRITE)
    async def pin(self, memory_id: UUID, *, pinned: bool = True) -> Memory:
        """Keep a memory from fading, or let it fade again.

        Raises:
            NotFoundError: there is no such memory, or it is another user's.
            PermissionDeniedError: it is not one's own.
        """
        async with self._database.transaction(self._scope) as connection:
            await found_memory(connection, self._scope, memory_id)
            if not await store.pin_memory(connection, self._scope, memory_id, pinned=pinned):
                raise not_yours()
            await record_change(connection, self._scope, memory_id, "pin" if pinned else "unpin")
            return await found_memory(connection, self._scope, memory_id)

    @operation(Permission.MEMORIES_WRITE)
    async def forget(self, memory_id: UUID) -> int:
        """Remove a memory with its whole history, for good; how many went.

        Raises:
            NotFoundError: there is no such memory, or it is another user's.
            PermissionDeniedError: it is not one's own.
            LegalHoldError: a legal hold stands on it.
        """
        async with self._database.transaction(self._scope) as connection, heeding_holds():
            await found_memory(connection, self._scope, memory_id)
            gone = await store.forget_chain(connection, self._scope, memory_id)
            if not gone:
                raise not_yours()
            await record_change(connection, self._scope, memory_id, "forget", memories=gone)
        count_change("forgotten", gone)
        return gone

    async def _chosen_and_recorded(
        self, connection: Connection, near: Rows, tokens: int
    ) -> tuple[list[tuple[Scored, str]], Recalled]:
        """The candidates, and those of them that fit."""
        found = store.scored(near)
        recalled = fitted((one for one, _ in found), tokens)
        chosen = [one.memory.memory_id for one in recalled.memories]
        await record(
            connection, self._scope, Permission.MEMORIES_READ, resource="memories", memories=len(chosen)
        )
        await store.touch(connection, self._scope, chosen)
        return found, recalled

    def _as_agent(self, draft: Draft) -> Draft:
        """An agent is not the user that it acts for: what it tells is others' text."""
        if self._scope.agent is None:
            return draft
        origin: Origin = "untrusted" if draft.origin == "person" else draft.origin
        return replace(draft, origin=origin, trust="untrusted")

    async def _keeper(self, audience: Audience, group: str) -> Keeper:
        owner = await owner_for(self._database, self._scope, audience, group)
        return Keeper(self._scope, owner, self._room.settings.agents.memories_per_owner)

    async def _prepared(
        self, drafts: Sequence[Draft], audience: Audience, *, leniently: bool = False
    ) -> tuple[list[Draft], list[Reading]]:
        """Texts as they may be kept, without erased people and secrets, with what they are compared by.

        What one member tells a group is others' text to the next. Leniently, a draft that cannot be kept is left out.
        """
        if audience == "group" and self._scope.act != "operate":
            drafts = [replace(draft, trust="untrusted") for draft in drafts]
        erased = await self._room.erased(self._scope)
        redactor = await self._room.tenant_redactor(self._scope.tenant_id)
        masked = self._room.settings.agents.memory_redaction

        def clean() -> list[Draft]:
            found: list[Draft] = []
            for draft in drafts:
                try:
                    found.append(cleaned(draft, erased, redactor, everything=masked == "all"))
                except InvalidRequestError:
                    if not leniently:
                        raise
                    count_change("refused")
            return found

        ready = await asyncio.to_thread(clean)
        embedder = (await self._room.engine()).embedder
        return ready, await read_texts(embedder, [draft.text for draft in ready])


def _place(draft: Draft) -> str:
    """What others who tell something about the same wait for; everybody takes them in one order."""
    return draft.subject or draft.text


def _id_of(draft: Draft) -> UUID:
    return uuid4() if draft.run_id is None else uuid5(draft.run_id, f"{draft.kind}\n{draft.text}")


def _check_choice(name: str, given: str | None, known: Sequence[str]) -> None:
    if given is not None and given not in known:
        raise InvalidRequestError(
            f"'{given[:40]}' is no {name} of memories.", remedy=f"Choose one of: {', '.join(known)}."
        )
