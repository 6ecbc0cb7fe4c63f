"""Conversations: kept turn by turn for the one who has them, and for nobody else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from deskmind.database import Connection, Database
from deskmind.errors import ConversationNotFoundError, InvalidRequestError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import Person, record
from deskmind.governance.privacy.holds import heeding_holds
from deskmind.prompts.messages import Message
from deskmind.prompts.summary import FirstSentences, Summariser, cut_to
from deskmind.prompts.tokens import Estimate
from deskmind.prompts.turns import Turn, check_turns, insert_turns, read_turns
from deskmind.scope import Scope

__all__ = ["Conversation", "ConversationSummary", "Conversations"]

_MAX_TITLE = 200
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_COLUMNS = (
    "conversation_id, title, summary, summarised_through, turn_count, created_at, updated_at, expires_at"
)

_LIST = f"""
SELECT {_COLUMNS} FROM conversations
 WHERE tenant_id = %s AND principal_id = %s AND (%s::timestamptz IS NULL OR (updated_at, conversation_id) < (%s, %s))
 ORDER BY updated_at DESC, conversation_id DESC LIMIT %s
"""

_GET = f"SELECT {_COLUMNS} FROM conversations WHERE tenant_id = %s AND conversation_id = %s"


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation without its turns.

    Attributes:
        conversation_id: its id.
        title: for the list.
        summary: what stands for its older turns.
        summarised_through: the position of the last turn that the summary stands for; 0 for none.
        turn_count: how many turns it has.
        created_at: when it began.
        updated_at: when it last changed.
        expires_at: when it is gone; None for never.
    """

    conversation_id: UUID
    title: str
    summary: str
    summarised_through: int
    turn_count: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list of conversations."""
        return self.updated_at, self.conversation_id

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "conversation_id": str(self.conversation_id),
            "title": self.title,
            "summary": self.summary,
            "summarised_through": self.summarised_through,
            "turn_count": self.turn_count,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with its turns, oldest first."""

    about: ConversationSummary
    turns: tuple[Turn, ...]

    @property
    def history(self) -> tuple[Message, ...]:
        """What a context window takes together with ``about.summary``: the turns it does not stand for."""
        through = self.about.summarised_through
        return tuple(turn.message for turn in self.turns if turn.position > through)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.about.as_dict(), "turns": [turn.as_dict() for turn in self.turns]}


class Conversations:
    """The conversations of the scope's principal. Operators are no exception: nobody reads another's."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where conversations are kept."""
        return self._database

    @operation(Permission.CONVERSATIONS_WRITE)
    async def create(
        self, title: str = "", *, messages: Sequence[Message] = (), expires_at: datetime | None = None
    ) -> Conversation:
        """Begin a conversation.

        Args:
            title: at most 200 characters.
            messages: its first turns.
            expires_at: when it is gone, with its time zone; None for never.

        Raises:
            InvalidRequestError: the title, a turn or the expiry is not acceptable.
        """
        _check_title(title)
        if expires_at is not None and not _to_come(expires_at):
            raise InvalidRequestError("A conversation expires at a time to come, given with its time zone.")
        conversation_id = uuid4()
        async with self._database.transaction(self._scope) as connection:
            await connection.execute(
                "INSERT INTO conversations (tenant_id, conversation_id, principal_id, title, expires_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                (self._scope.tenant_id, conversation_id, self._scope.principal_id, title, expires_at),
            )
            if messages:
                await self._append(connection, conversation_id, messages)
            await self._recorded(connection, conversation_id, "create", turns=len(messages))
            return await self._get(connection, conversation_id)

    @operation(Permission.CONVERSATIONS_READ)
    async def list(
        self, *, limit: int = 50, before: tuple[datetime, UUID] | None = None
    ) -> list[ConversationSummary]:
        """One's own conversations, the last changed first.

        Args:
            limit: at most so many, 1 to 200.
            before: the ``place`` of the last one of the list that this one continues.
        """
        if not 1 <= limit <= 200:
            raise InvalidRequestError("A list has 1 to 200 conversations.")
        at = before or (None, None)
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                _LIST, (self._scope.tenant_id, self._scope.principal_id, at[0], *at, limit)
            )
            return [ConversationSummary(*row) for row in await cursor.fetchall()]

    @operation(Permission.CONVERSATIONS_READ)
    async def get(self, conversation_id: UUID, *, recent: bool = False) -> Conversation:
        """One conversation with its turns.

        Args:
            conversation_id: the conversation.
            recent: only the turns that its summary does not stand for.

        Raises:
            ConversationNotFoundError: one has no such conversation.
        """
        async with self._database.transaction(self._scope) as connection:
            return await self._get(connection, conversation_id, recent=recent)

    @operation(Permission.CONVERSATIONS_WRITE)
    async def append(self, conversation_id: UUID, *messages: Message) -> ConversationSummary:
        """Add turns at the end; together or not at all, also when several are appending.

        Raises:
            ConversationNotFoundError: one has no such conversation.
            InvalidRequestError: a turn is not acceptable, or a tool's result answers no call.
        """
        async with self._database.transaction(self._scope) as connection:
            await self._append(connection, conversation_id, messages)
            await self._recorded(connection, conversation_id, "append", turns=len(messages))
            return await self._about(connection, conversation_id)

    @operation(Permission.CONVERSATIONS_WRITE)
    async def rename(self, conversation_id: UUID, title: str) -> ConversationSummary:
        """Give it another title.

        Raises:
            ConversationNotFoundError: one has no such conversation.
            InvalidRequestError: the title is too long.
        """
        _check_title(title)
        async with self._database.transaction(self._scope) as connection:
            await self._about(connection, conversation_id)
            await connection.execute(
                "UPDATE conversations SET title = %s, updated_at = clock_timestamp()"
                " WHERE tenant_id = %s AND conversation_id = %s",
                (title, self._scope.tenant_id, conversation_id),
            )
            await self._recorded(connection, conversation_id, "rename")
            return await self._about(connection, conversation_id)

    @operation(Permission.CONVERSATIONS_WRITE)
    async def summarise(
        self, conversation_id: UUID, *, keep: int = 10, summariser: Summariser | None = None
    ) -> ConversationSummary:
        """Let a summary stand for all but the newest turns. The turns stay; ``history`` leaves them out.

        Args:
            conversation_id: the conversation.
            keep: how many of the newest turns stay as they are; a few more where a tool's call and its result
                would come apart.
            summariser: makes the summary; first sentences when left out.

        Raises:
            ConversationNotFoundError: one has no such conversation.
        """
        if keep < 0:
            raise InvalidRequestError("The number of turns to keep is 0 or more.")
        async with self._database.transaction(self._scope) as connection:
            found = await self._get(connection, conversation_id)
        through = _boundary(found.turns, len(found.turns) - keep)
        older = [
            turn.message for turn in found.turns if found.about.summarised_through < turn.position <= through
        ]
        if not older:
            return found.about
        chosen = summariser or FirstSentences()
        text = await chosen.summarise(older, previous=found.about.summary, max_tokens=chosen.tokens)
        summary = cut_to(_UNSTORABLE.sub("", text), Estimate(), chosen.tokens)
        async with self._database.transaction(self._scope) as connection:
            await connection.execute(
                "UPDATE conversations SET summary = %s, summarised_through = %s, updated_at = clock_timestamp()"
                " WHERE tenant_id = %s AND conversation_id = %s AND summarised_through < %s",
                (summary, through, self._scope.tenant_id, conversation_id, through),
            )
            return await self._about(connection, conversation_id)

    @operation(Permission.CONVERSATIONS_WRITE)
    async def erase(self, conversation_id: UUID) -> None:
        """Remove a conversation with its turns, for good.

        Raises:
            ConversationNotFoundError: one has no such conversation.
            LegalHoldError: a legal hold stands on it.
        """
        async with self._database.transaction(self._scope) as connection, heeding_holds():
            cursor = await connection.execute(
                "DELETE FROM conversations WHERE tenant_id = %s AND conversation_id = %s",
                (self._scope.tenant_id, conversation_id),
            )
            if cursor.rowcount == 0:
                raise _none(conversation_id)
            await self._recorded(connection, conversation_id, "erase")

    @operation(Permission.CONVERSATIONS_ERASE)
    async def purge(self) -> int:
        """Remove what has expired in the tenant, unread; gives how many conversations."""
        return await self._remove("purge", "SELECT purge_conversations()")

    @operation(Permission.CONVERSATIONS_ERASE)
    async def erase_of(self, principal_id: UUID) -> int:
        """Remove all conversations of one user of the tenant, unread; gives how many."""
        return await self._remove("erase", "SELECT erase_conversations_of(%s)", principal_id)

    async def _remove(self, act: str, statement: str, *values: UUID) -> int:
        async with self._database.transaction(self._scope) as connection, heeding_holds():
            row = await (await connection.execute(statement.encode(), values)).fetchone()
            count = int(row[0]) if row else 0
            await record(
                connection,
                self._scope,
                Permission.CONVERSATIONS_ERASE,
                resource=Person(principal_id=values[0]) if values else "",
                act=act,
                conversations=count,
            )
            return count

    async def _recorded(
        self, connection: Connection, conversation_id: UUID, act: str, turns: int = 0
    ) -> None:
        permission, resource = Permission.CONVERSATIONS_WRITE, str(conversation_id)
        await record(connection, self._scope, permission, resource=resource, act=act, turns=turns)

    async def _append(
        self, connection: Connection, conversation_id: UUID, messages: Sequence[Message]
    ) -> None:
        """The row is locked first, so that positions follow each other without a gap."""
        cursor = await connection.execute(
            "UPDATE conversations SET turn_count = turn_count + %s, updated_at = clock_timestamp()"
            " WHERE tenant_id = %s AND conversation_id = %s RETURNING turn_count",
            (len(messages), self._scope.tenant_id, conversation_id),
        )
        row = await cursor.fetchone()
        if row is None:
            raise _none(conversation_id)
        await check_turns(connection, self._scope, conversation_id, messages)
        await insert_turns(connection, self._scope, conversation_id, row[0] - len(messages) + 1, messages)

    async def _about(self, connection: Connection, conversation_id: UUID) -> ConversationSummary:
        cursor = await connection.execute(_GET, (self._scope.tenant_id, conversation_id))
        row = await cursor.fetchone()
        if row is None:
            raise _none(conversation_id)
        return ConversationSummary(*row)

    async def _get(
        self, connection: Connection, conversation_id: UUID, *, recent: bool = False
    ) -> Conversation:
        about = await self._about(connection, conversation_id)
        after = about.summarised_through if recent else 0
        return Conversation(about, await read_turns(connection, self._scope, conversation_id, after=after))


def _boundary(turns: Sequence[Turn], wanted: int) -> int:
    """The position up to which turns can be left out: none of them is a call whose result comes later."""
    results: dict[str, int] = {
        turn.message.call_id: turn.position for turn in turns if turn.message.role == "tool_result"
    }
    through = max(wanted, 0)
    for turn in reversed(turns[:through]):
        if turn.message.role == "tool_call" and results.get(turn.message.call_id, through + 1) > through:
            through = turn.position - 1
    return through


def _to_come(moment: datetime) -> bool:
    """Whether a time lies ahead, with its zone, and has a year in UTC."""
    try:
        return moment.tzinfo is not None and moment.astimezone(UTC) > datetime.now(UTC)
    except OverflowError:
        return False


def _check_title(title: str) -> None:
    if len(title) > _MAX_TITLE or _UNSTORABLE.search(title):
        raise InvalidRequestError(
            f"A title has at most {_MAX_TITLE} characters, none of them NUL or half of a surrogate pair."
        )


def _none(conversation_id: UUID) -> ConversationNotFoundError:
    return ConversationNotFoundError(
        f"You have no conversation {conversation_id}.",
        why="It is not yours, was erased, has expired, or never was.",
        remedy="List your conversations.",
    )
