"""Finding passages as one principal: what ``search`` shows and ``ask`` answers from."""

from __future__ import annotations

from deskmind.database import Connection, Database
from deskmind.errors import InvalidRequestError, QuestionTooLongError
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.knowledge.characters import check_characters
from deskmind.knowledge.embedding import Embedder, RememberedQueries
from deskmind.knowledge.engine import Engine, EngineRoom
from deskmind.knowledge.measures import count_results, retrieving
from deskmind.knowledge.models import Passage
from deskmind.knowledge.ranking import Query, analyse
from deskmind.knowledge.retrieval import RememberedRankings, Retriever, SearchFilter
from deskmind.knowledge.told import note_passages
from deskmind.observability.story import note_question
from deskmind.scope import Scope
from deskmind.settings import Settings

__all__ = ["Finder"]

_LEAST_DEPTH = 30
"""Passages that are reranked at least."""


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
        with retrieving("whole"):
            passages = await self._ranked(engine, query, limit, filter, permission)
        count_results(len(passages))
        return passages

    async def _ranked(
        self,
        engine: Engine,
        query: Query,
        limit: int,
        filter: SearchFilter | None,  # noqa: A002
        permission: Permission,
    ) -> list[Passage]:
        retriever = Retriever(self.embedder(engine), candidates=self._settings.knowledge.candidates)
        rankings = self._rankings(engine)
        vector = await retriever.embed(query)
        depth = max(limit, _LEAST_DEPTH)

        def noted(fused: list[Passage], ranked: list[Passage]) -> list[Passage]:
            note_passages(fused, ranked, limit)
            return ranked

        async def search(connection: Connection) -> list[Passage]:
            fused = await retriever.search(
                connection, self._scope.tenant_id, query, vector, limit=depth, filter=filter
            )
            if engine.reranker is None:
                return noted(fused, fused)
            with retrieving("rerank"):
                return noted(fused, await engine.reranker.rerank(query, fused))

        async with self._database.transaction(self._scope) as connection:
            await connection.execute("SET LOCAL synchronous_commit = off")
            found = await rankings.find(connection, query, search, limit=limit, depth=depth, filter=filter)
            await record(connection, self._scope, permission, passages=len(found.passages))
        if found.recalled:
            noted(found.passages, found.passages)
        await rankings.keep(found)
        return found.passages

    def embedder(self, engine: Engine) -> Embedder | None:
        """The engine's, with questions of the tenant remembered."""
        if engine.embedder is None:
            return None
        return RememberedQueries(engine.embedder, self._room.cache, self._scope)

    def _rankings(self, engine: Engine) -> RememberedRankings:
        settings = self._settings.knowledge
        space = engine.embedder.space.name if engine.embedder is not None else ""
        method = f"{space} {type(engine.reranker).__qualname__} {settings.candidates}"
        return RememberedRankings(
            self._room.cache, self._scope, seconds=settings.remember_seconds, method=method
        )

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
