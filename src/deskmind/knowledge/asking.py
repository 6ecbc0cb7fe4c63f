"""Asking as one principal: find passages, have them answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID

from deskmind.cache import JsonCodec
from deskmind.database import Database
from deskmind.governance.access import Permission
from deskmind.knowledge.answering import Answerer, AnswerEvent, ExtractiveAnswerer
from deskmind.knowledge.answering.generated import INSTRUCTIONS, Caller, GeneratedAnswerer
from deskmind.knowledge.answering.remembered import AnswerMemory, RememberedAnswer
from deskmind.knowledge.engine import Engine, EngineRoom
from deskmind.knowledge.finding import Finder
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.retrieval import SearchFilter
from deskmind.knowledge.told import note_answer
from deskmind.observability import correlation_id
from deskmind.scope import Scope
from deskmind.settings import Settings

__all__ = ["Asking"]


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
        self._database = database
        self._scope = scope
        self._settings = settings
        self._room = room
        self._finder = finder
        self._models = models

    async def answer(self, question: str, filter: SearchFilter | None) -> Answer:  # noqa: A002
        """The whole answer."""
        passages = await self._found(question, filter)
        engine = await self._room.engine()
        answer = await self._answerer(engine).answer(question, passages, embedder=engine.embedder)
        note_answer(answer, passages)
        return replace(answer, passages=tuple(passages), request_id=correlation_id())

    async def stream(self, question: str, filter: SearchFilter | None) -> AsyncIterator[AnswerEvent]:  # noqa: A002
        """The answer in pieces, the last event carrying the whole."""
        passages = await self._found(question, filter)
        engine = await self._room.engine()
        async for event in self._answerer(engine).stream(question, passages, embedder=engine.embedder):
            if event.answer is not None:
                note_answer(event.answer, passages)
            yield _with_request(event, passages)

    async def _found(self, question: str, filter: SearchFilter | None) -> list[Passage]:  # noqa: A002
        return await self._finder.find(
            question, self._settings.answer.passages, filter, Permission.KNOWLEDGE_ASK
        )

    def _answerer(self, engine: Engine) -> Answerer:
        """A model's words where one is configured."""
        settings = self._settings.answer
        if settings.model is None or self._models is None:
            return engine.answerer
        extractive = engine.answerer
        if not isinstance(extractive, ExtractiveAnswerer):
            return extractive
        memory = None
        if settings.remember:
            cache = self._room.cache.scoped(
                self._scope.tenant_id,
                "answers",
                codec=JsonCodec(list[RememberedAnswer]),
                ttl=settings.remember_seconds,
                refresh_at=None,
            )
            memory = AnswerMemory(cache, model=settings.model, instructions=INSTRUCTIONS)
        return GeneratedAnswerer(
            self._models, settings.model, settings.max_tokens, extractive, memory, self._all_visible
        )

    async def _all_visible(self, chunks: Sequence[str]) -> bool:
        """Whether the principal may see every one of these chunks; a chunk that changed has another id."""
        wanted = {UUID(chunk) for chunk in chunks}
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(
                "SELECT count(*) FROM chunks WHERE tenant_id = %s AND chunk_id = ANY (%s)",
                (self._scope.tenant_id, list(wanted)),
            )
            row = await cursor.fetchone()
        return row is not None and row[0] == len(wanted)


def _with_request(event: AnswerEvent, passages: Sequence[Passage]) -> AnswerEvent:
    if event.answer is None:
        return event
    return replace(event, answer=replace(event.answer, passages=tuple(passages), request_id=correlation_id()))
