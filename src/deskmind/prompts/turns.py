"""Turns of a conversation as rows: what may be added, and reading them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from deskmind.database import Connection
from deskmind.errors import InvalidRequestError
from deskmind.prompts.messages import Message
from deskmind.scope import Scope

__all__ = ["MAX_TURN_CHARS", "Turn", "check_turns", "insert_turns", "read_turns"]

MAX_TURN_CHARS = 1_000_000

_INSERT = """
INSERT INTO turns (tenant_id, conversation_id, position, principal_id, role, content, call_id, tool)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""

_SELECT = """
SELECT position, role, content, call_id, tool, created_at FROM turns
 WHERE tenant_id = %s AND conversation_id = %s AND position > %s ORDER BY position
"""

_OPEN_CALLS = """
SELECT call_id FROM turns WHERE tenant_id = %s AND conversation_id = %s AND role = 'tool_call' AND call_id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn.

    Attributes:
        position: counts the conversation's turns, from 1 on.
        message: who said what.
        created_at: when.
    """

    position: int
    message: Message
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "position": self.position,
            **self.message.as_dict(),
            "created_at": self.created_at.isoformat(),
        }


async def check_turns(
    connection: Connection, scope: Scope, conversation_id: UUID, messages: Sequence[Message]
) -> None:
    """See that the messages can follow.

    Raises:
        InvalidRequestError: a role, identifier or length is not acceptable, or a result answers no call.
    """
    for message in messages:
        _check(message)
    cursor = await connection.execute(
        _OPEN_CALLS,
        (
            scope.tenant_id,
            conversation_id,
            [message.call_id for message in messages if message.role == "tool_result"],
        ),
    )
    known = {row[0] for row in await cursor.fetchall()}
    for message in messages:
        if message.role == "tool_call":
            known.add(message.call_id)
        elif message.role == "tool_result" and message.call_id not in known:
            raise InvalidRequestError(
                f"A tool's result answers the call '{message.call_id[:80]}', which is not in the conversation.",
                remedy="Append the call first.",
            )


async def insert_turns(
    connection: Connection, scope: Scope, conversation_id: UUID, first: int, messages: Sequence[Message]
) -> None:
    """Write messages from position ``first`` on."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            _INSERT,
            [
                (
                    scope.tenant_id,
                    conversation_id,
                    position,
                    scope.principal_id,
                    message.role,
                    message.content,
                    message.call_id,
                    message.tool,
                )
                for position, message in enumerate(messages, first)
            ],
        )


async def read_turns(
    connection: Connection, scope: Scope, conversation_id: UUID, *, after: int = 0
) -> tuple[Turn, ...]:
    """The turns after a position, oldest first."""
    cursor = await connection.execute(_SELECT, (scope.tenant_id, conversation_id, after))
    return tuple(Turn(row[0], Message(*row[1:5]), row[5]) for row in await cursor.fetchall())


def _check(message: Message) -> None:
    if message.role not in {"user", "assistant", "tool_call", "tool_result"}:
        raise InvalidRequestError(
            f"A turn cannot have the role '{message.role[:80]}'.",
            why="A conversation keeps user, assistant, tool_call and tool_result; instructions are prompts.",
        )
    if (message.role in {"tool_call", "tool_result"}) != bool(message.call_id):
        raise InvalidRequestError("A tool's call and its result carry a call_id; other turns carry none.")
    if len(message.content) > MAX_TURN_CHARS:
        raise InvalidRequestError(f"A turn has at most {MAX_TURN_CHARS:,} characters.")
    if len(message.call_id) > 200 or len(message.tool) > 200:
        raise InvalidRequestError("A call_id and a tool's name have at most 200 characters.")
    if any(_unstorable(text) for text in (message.content, message.call_id, message.tool)):
        raise InvalidRequestError("A turn holds no NUL and no half of a surrogate pair.")


def _unstorable(text: str) -> bool:
    return "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)
