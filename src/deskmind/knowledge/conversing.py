"""A question inside a conversation: what was said before, and keeping what is said now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from deskmind.errors import DeskmindError, InvalidRequestError
from deskmind.knowledge.answering.caller import Caller
from deskmind.knowledge.answering.filling import filled
from deskmind.knowledge.answering.room import ModelRoom
from deskmind.knowledge.answering.wording import History
from deskmind.observability import logger
from deskmind.prompts import FirstSentences, Message
from deskmind.prompts.choice import PromptChoice
from deskmind.prompts.conversations import Conversation, Conversations

__all__ = ["NEW", "Conversing", "ModelSummariser", "Talk", "turns_to_keep"]

NEW = "new"
"""Begins a conversation."""

_TITLE_CHARS = 80
_HISTORY_SHARE = 4
"""A history of more than a quarter of the model's window is summed up, but for its newest half."""
_SUMMARY_TOKENS = 256
_WORDS_A_TOKEN = 0.6
_log = logger("deskmind.answer")


@dataclass(frozen=True, slots=True)
class Talk:
    """The conversation a question belongs to.

    Attributes:
        wanted: whether question and answer are kept.
        conversation_id: None for one that begins.
        history: what was said before.
    """

    wanted: bool = False
    conversation_id: UUID | None = None
    history: History = field(default_factory=History)


@dataclass(frozen=True, slots=True)
class ModelSummariser:
    """Sums up turns in a model's words; first sentences where it fails. A ``Summariser``."""

    caller: Caller
    model: str
    choice: PromptChoice
    tokens: int = _SUMMARY_TOKENS

    async def summarise(self, turns: Sequence[Message], *, previous: str, max_tokens: int) -> str:
        """The new summary."""
        try:
            reply = await self.caller.chat(
                self.model,
                await self._messages(turns, previous, max_tokens),
                max_tokens=max_tokens,
                feature="summarise",
                temperature=0,
                cached=False,
            )
        except DeskmindError as error:
            _log.warning("history.not_summarised", model=self.model, error_code=error.code)
            return await self._plain(turns, previous, max_tokens)
        return reply.text.strip() or await self._plain(turns, previous, max_tokens)

    async def _plain(self, turns: Sequence[Message], previous: str, max_tokens: int) -> str:
        return await FirstSentences(self.tokens).summarise(turns, previous=previous, max_tokens=max_tokens)

    async def _messages(
        self, turns: Sequence[Message], previous: str, max_tokens: int
    ) -> list[dict[str, str]]:
        values = {
            "turns": [{"role": turn.role, "content": turn.content} for turn in turns],
            "previous": previous,
            "words": int(max_tokens * _WORDS_A_TOKEN),
        }
        return await filled(self.choice, values)


class Conversing:
    """The asker's own conversations, as asking needs them."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def open(self, conversation: UUID | str | None) -> Talk:
        """What was said before.

        Args:
            conversation: an id, ``new``, or None outside a conversation.

        Raises:
            ConversationNotFoundError: the asker has no such conversation.
            InvalidRequestError: it is neither an id nor ``new``.
        """
        if conversation is None:
            return Talk()
        if conversation == NEW:
            return Talk(wanted=True)
        found = await self._conversations.get(_identified(conversation), recent=True)
        return Talk(True, found.about.conversation_id, _history(found))

    async def shortened(self, talk: Talk, keep: int, summariser: ModelSummariser) -> Talk:
        """The same with a summary in place of all but its newest turns; it is kept for the questions to come."""
        if talk.conversation_id is None:
            return talk
        await self._conversations.summarise(talk.conversation_id, keep=keep, summariser=summariser)
        return await self.open(talk.conversation_id)

    async def keep(self, talk: Talk, question: str, answer: str) -> UUID:
        """Add question and answer; gives the conversation's id.

        Raises:
            ConversationNotFoundError: it was erased or has expired meanwhile.
        """
        turns = (Message("user", question), Message("assistant", answer))
        if talk.conversation_id is not None:
            await self._conversations.append(talk.conversation_id, *turns)
            return talk.conversation_id
        begun = await self._conversations.create(_title(question), messages=turns)
        return begun.about.conversation_id


def turns_to_keep(history: History, room: ModelRoom) -> int | None:
    """How many of the newest turns stay when a history has grown long; None while it has not.

    They take half of what a history may take, so that one summary serves several questions.
    """
    sizes = [room.counter.count(turn.content) for turn in history.turns]
    most = room.limit // _HISTORY_SHARE
    if sum(sizes) <= most:
        return None
    keep = size = 0
    for value in reversed(sizes):
        if size + value > most // 2 and keep:
            break
        keep, size = keep + 1, size + value
    return keep


def _history(found: Conversation) -> History:
    """Tools' calls and results are left out: they belong to the agent that made them."""
    turns = tuple(turn for turn in found.history if turn.role in {"user", "assistant"})
    return History(turns, found.about.summary)


def _identified(conversation: UUID | str) -> UUID:
    try:
        return conversation if isinstance(conversation, UUID) else UUID(conversation)
    except ValueError as error:
        raise InvalidRequestError(
            "This does not name a conversation.", remedy=f"Give its id, or '{NEW}' to begin one."
        ) from error


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 1].rstrip() + "…"
