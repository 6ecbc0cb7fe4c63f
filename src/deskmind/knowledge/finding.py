"""Finding passages as one principal: what ``search`` shows and ``ask`` answers from."""

from __future__ import annotations

from deskmind.database import Database
from deskmind.errors import InvalidRequestError, QuestionTooLongError
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.knowledge.characters import check_characters
from deskmind.knowledge.engine import EngineRoom
from deskmind.knowledge.models import Passage
from deskmind.knowledge.ranking import analyse
from deskmind.knowledge.retrieval import Retriever, SearchFilter
from deskmind.knowledge.told import note_passages
from deskmind.observability.story import note_question
from deskmind.scope import Scope
from deskmind.settings import Settings

__all__ = ["Finder"]


class Finder:
    """Retrieval in one scope."""

    def __init__(self, database: Database, scope: Scope, settings: Settings, room: EngineRoom) -> None:
        self._database = database
        self._scope = scope
        self._settings = settings
        self._room = room

    async def find(
        self,
        question: str,
        limit: int,
        filter: SearchFilter | None,  # noqa: A002
        permission: Permission,
    ) -> list[Passage]:
        """The passages that fit best, best first; on record under ``permission``.

        Raises:
            QuestionTooLongError: the question is longer than ``knowledge.max_question_chars``.
            InvalidRequestError: the question is empty.
        """
        self.check(question)
        if self._settings.explain.keep_questions:
            note_question(question)
        query = analyse(question)
        engine = await self._room.engine()
        retriever = Retriever(engine.embedder, candidates=self._settings.knowledge.candidates)
        vector = await retriever.embed(query)
        async with self._database.transaction(self._scope) as connection:
            await connection.execute("SET LOCAL synchronous_commit = off")
            fused = await retriever.search(
                connection, self._scope.tenant_id, query, vector, limit=max(limit, 30), filter=filter
            )
            ranked = fused
            if engine.reranker is not None:
                ranked = await engine.reranker.rerank(query, fused)
            note_passages(fused, ranked, limit)
            passages = list(ranked[:limit])
            await record(connection, self._scope, permission, passages=len(passages))
        return passages

    def check(self, question: str) -> None:
        """See that a question can be searched for.

        Raises:
            QuestionTooLongError: it is longer than ``knowledge.max_question_chars``.
            InvalidRequestError: it is empty, or has characters that cannot be searched for.
        """
        longest = self._settings.knowledge.max_question_chars
        if len(question) > longest:
            raise QuestionTooLongError(
                f"The question has {len(question):,} characters.",
                why=f"At most {longest:,} are accepted.",
                remedy="Shorten it, or raise knowledge.max_question_chars.",
                max_chars=longest,
            )
        check_characters(question=question)
        if not question.strip():
            raise InvalidRequestError("The question is empty.", remedy="Write what you want to know.")
