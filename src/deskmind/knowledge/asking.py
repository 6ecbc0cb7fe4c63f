"""Asking as one principal: what was said before, what is found, who words the answer, what is kept of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from uuid import UUID

from deskmind.database import Database
from deskmind.governance.access import Permission
from deskmind.knowledge.answering import Answerer, AnswerEvent, ExtractiveAnswerer
from deskmind.knowledge.answering.caller import Caller
from deskmind.knowledge.answering.following import joined
from deskmind.knowledge.conversing import Conversing, Talk
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.engine import EngineRoom
from deskmind.knowledge.finding import Finder
from deskmind.knowledge.measures import count_answer
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.retrieval import SearchFilter
from deskmind.knowledge.told import note_answer
from deskmind.knowledge.voice import Voice
from deskmind.observability import correlation_id
from deskmind.prompts.conversations import Conversations
from deskmind.scope import Scope
from deskmind.settings import Settings

__all__ = ["Asking"]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A question ready to be answered.

    Attributes:
        question: as asked.
        searched: as searched for.
        talk: the conversation.
        passages: what was found.
        answerer: who words the answer.
        embedder: of the engine.
    """

    question: str
    searched: str
    talk: Talk
    passages: list[Passage]
    answerer: Answerer
    embedder: Embedder | None


class Asking:
    """Answers in one scope."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        settings: Settings,
        room: EngineRoom,
        finder: Finder,
        models: Caller | None,
    ) -> None:
        self._room = room
        self._finder = finder
        self._passages = settings.answer.passages
        self._most_chars = settings.knowledge.max_question_chars
        self._conversing = Conversing(Conversations(database, scope))
        self._voice: Voice | None = None
        if models is not None and settings.answer.model is not None:
            self._voice = Voice(database, scope, settings, room, models, settings.answer.model)

    async def answer(
        self,
        question: str,
        filter: SearchFilter | None,  # noqa: A002
        conversation: UUID | str | None,
    ) -> Answer:
        """The whole answer."""
        started = time.perf_counter()
        asked = await self._prepared(question, filter, conversation)
        answer = await asked.answerer.answer(asked.searched, asked.passages, embedder=asked.embedder)
        return await self._finished(asked, answer, started)

    async def stream(
        self,
        question: str,
        filter: SearchFilter | None,  # noqa: A002
        conversation: UUID | str | None,
    ) -> AsyncIterator[AnswerEvent]:
        """The answer in pieces, the last event carrying the whole."""
        started = time.perf_counter()
        asked = await self._prepared(question, filter, conversation)
        events = asked.answerer.stream(asked.searched, asked.passages, embedder=asked.embedder)
        async for event in events:
            if event.answer is None:
                yield event
            else:
                yield replace(event, answer=await self._finished(asked, event.answer, started))

    async def _prepared(
        self,
        question: str,
        filter: SearchFilter | None,  # noqa: A002
        conversation: UUID | str | None,
    ) -> _Prepared:
        self._finder.check(question)
        engine = await self._room.engine()
        talk = await self._conversing.open(conversation)
        if self._voice is not None:
            talk = await self._voice.shortened(talk, self._conversing)
        searched = await self._searched(question, talk)
        passages = await self._finder.find(searched, self._passages, filter, Permission.KNOWLEDGE_ASK)
        answerer = engine.answerer
        if self._voice is not None and isinstance(answerer, ExtractiveAnswerer):
            answerer = await self._voice.answerer(question, talk, answerer)
        return _Prepared(question, searched, talk, passages, answerer, self._finder.embedder(engine))

    async def _searched(self, question: str, talk: Talk) -> str:
        """The question so that it stands on its own."""
        if not talk.history:
            return question
        if self._voice is None:
            return joined(question, talk.history.turns)[: self._most_chars]
        return (await self._voice.standalone(question, talk))[: self._most_chars]

    async def _finished(self, asked: _Prepared, answer: Answer, started: float) -> Answer:
        """The answer with what it was made from, kept in its conversation and counted for its experiment."""
        answer = replace(
            answer,
            question=asked.question,
            searched=asked.searched if asked.searched != asked.question else "",
            passages=tuple(asked.passages),
            request_id=correlation_id(),
        )
        count_answer(answer, time.perf_counter() - started)
        note_answer(answer)
        if self._voice is not None:
            await self._voice.observe(answer)
        if not asked.talk.wanted:
            return answer
        kept = await self._conversing.keep(asked.talk, asked.question, answer.text)
        return replace(answer, conversation=str(kept))
