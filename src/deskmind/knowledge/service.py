"""``desk.knowledge``: everything a principal can do with documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from uuid import UUID

from deskmind.cache import Cache, JsonCodec
from deskmind.database import Connection, Database
from deskmind.errors import (
    DeskmindError,
    InvalidRequestError,
    PermissionDeniedError,
    QuestionTooLongError,
    UnavailableError,
)
from deskmind.governance.access import Permission, operation
from deskmind.governance.access.operation import streaming_operation
from deskmind.governance.access.principals import ensure_groups
from deskmind.governance.audit import record
from deskmind.jobs import JobQueue
from deskmind.knowledge.answering import Answerer, AnswerEvent, ExtractiveAnswerer
from deskmind.knowledge.answering.generated import INSTRUCTIONS, Caller, GeneratedAnswerer
from deskmind.knowledge.answering.remembered import AnswerMemory, RememberedAnswer
from deskmind.knowledge.characters import check_characters, storable
from deskmind.knowledge.documents import (
    Document,
    DocumentSummary,
    delete_document,
    list_documents,
    read_document,
)
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.ingest import IngestReport, StagedFile, Stager, load_report
from deskmind.knowledge.loading import SUPPORTED_SUFFIXES, FoundFile, LoadLimits, walk
from deskmind.knowledge.measures import count_answer, count_results, retrieving
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.ranking import Query, Reranker, analyse
from deskmind.knowledge.retrieval import Retriever, SearchFilter
from deskmind.observability import correlation_id
from deskmind.scope import EVERYONE, Scope
from deskmind.settings import Settings

__all__ = ["Engine", "Knowledge"]

_MAX_LIMIT = 200
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Engine:
    """What answering needs beside the database; the same for every desk of an application."""

    embedder: Embedder | None
    answerer: Answerer
    reranker: Reranker | None
    pipeline: str


class EngineRoom(Protocol):
    """Where the engine comes from: made once, on first use."""

    async def engine(self) -> Engine:
        """The engine."""
        ...

    @property
    def cache(self) -> Cache:
        """Values that are slow to make, by tenant."""
        ...


class Knowledge:
    """The documents of a tenant as one principal sees them."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        settings: Settings,
        jobs: JobQueue,
        room: EngineRoom,
        models: Caller | None = None,
    ) -> None:
        self._database = database
        self._scope = scope
        self._settings = settings
        self._jobs = jobs
        self._room = room
        self._models = models

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where documents are kept."""
        return self._database

    @operation(Permission.KNOWLEDGE_INGEST)
    async def ingest(
        self,
        *paths: Path | str,
        groups: Sequence[str] = (),
        source: str = "files",
        on_progress: Callable[[IngestReport], None] | None = None,
    ) -> IngestReport:
        """Take in files and folders; wait until each is stored, unchanged, or reported as failed.

        Args:
            paths: files, or folders with everything below them.
            groups: who may see the documents: members of any of them; everyone of the tenant when empty.
            source: name of the collection; the same file in the same source is replaced, not doubled.
            on_progress: called with the state so far.

        Raises:
            InvalidRequestError: a path does not exist, or holds nothing that can be taken in.
            PermissionDeniedError: a member names a group that is not its own.
        """
        _check_paths(paths)
        limits = self._limits()
        if await asyncio.to_thread(_holds_nothing, paths, limits):
            raise InvalidRequestError(
                "There is nothing to take in.",
                why=f"{', '.join(ascii(str(path))[1:-1] for path in paths)} holds no file of a known kind.",
                remedy=f"Known are {', '.join(sorted(SUPPORTED_SUFFIXES))}; name a file itself to have it tried.",
            )
        return await self._take_in(
            lambda: _read_all([Path(path) for path in paths], limits), groups, source, on_progress
        )

    @operation(Permission.KNOWLEDGE_INGEST)
    async def add(
        self,
        name: str,
        content: bytes,
        *,
        media_type: str | None = None,
        uri: str | None = None,
        groups: Sequence[str] = (),
        source: str = "uploads",
    ) -> IngestReport:
        """Take in one document from memory.

        Args:
            name: file name; its suffix tells the format unless ``media_type`` does.
            content: the file's bytes.
            media_type: such as ``text/html``.
            uri: where it came from, shown in citations; the name when left out.
            groups: as for ``ingest``.
            source: as for ``ingest``.

        Raises:
            InvalidRequestError: a name has characters that cannot be stored.
            PermissionDeniedError: a member names a group that is not its own.
        """
        check_characters(name=name, uri=uri, media_type=media_type)
        file = StagedFile(uri or name, uri or name, name, content, media_type)
        return await self._take_in(lambda: iter([file]), groups, source, None)

    @operation(Permission.KNOWLEDGE_INGEST)
    async def add_files(
        self, files: Iterable[StagedFile], *, groups: Sequence[str] = (), source: str = "uploads"
    ) -> IngestReport:
        """Take in many documents from memory; as ``add`` for each."""
        return await self._take_in(lambda: files, groups, source, None)

    @operation(Permission.KNOWLEDGE_SEARCH)
    async def search(
        self,
        query: str,
        *,
        limit: int = 10,
        filter: SearchFilter | None = None,  # noqa: A002
    ) -> list[Passage]:
        """The passages that fit a query best, best first, among the documents the principal may see.

        Raises:
            QuestionTooLongError: the query is longer than ``knowledge.max_question_chars``.
            InvalidRequestError: the query is empty or the limit is not 1 to 200.
        """
        _check_limit(limit)
        return await self._retrieve(query, limit, filter, Permission.KNOWLEDGE_SEARCH)

    @operation(Permission.KNOWLEDGE_ASK)
    async def ask(self, question: str, *, filter: SearchFilter | None = None) -> Answer:  # noqa: A002
        """An answer with citations, or an honest "not found".

        Raises:
            QuestionTooLongError: the question is longer than ``knowledge.max_question_chars``.
            InvalidRequestError: the question is empty.
        """
        started = time.perf_counter()
        passages = await self._retrieve(
            question, self._settings.answer.passages, filter, Permission.KNOWLEDGE_ASK
        )
        engine = await self._room.engine()
        answer = await self._answerer(engine).answer(question, passages, embedder=engine.embedder)
        count_answer(answer, time.perf_counter() - started)
        return replace(answer, passages=tuple(passages), request_id=correlation_id())

    @streaming_operation(Permission.KNOWLEDGE_ASK)
    async def ask_stream(self, question: str, *, filter: SearchFilter | None = None):  # noqa: A002
        """The same answer as a stream of events; the last one carries the whole answer."""
        started = time.perf_counter()
        passages = await self._retrieve(
            question, self._settings.answer.passages, filter, Permission.KNOWLEDGE_ASK
        )
        engine = await self._room.engine()
        async for event in self._answerer(engine).stream(question, passages, embedder=engine.embedder):
            if event.answer is not None:
                count_answer(event.answer, time.perf_counter() - started)
            yield _with_request(event, passages)

    @operation(Permission.DOCUMENTS_READ)
    async def documents(self, *, limit: int = 50, after: UUID | None = None) -> list[DocumentSummary]:
        """Documents the principal may see, in order of their ids; ``after`` continues a list.

        Raises:
            InvalidRequestError: the limit is not 1 to 200.
        """
        _check_limit(limit)
        async with self._database.transaction(self._scope) as connection:
            return await list_documents(connection, self._scope, limit=limit, after=after)

    @operation(Permission.DOCUMENTS_READ)
    async def document(self, document_id: UUID) -> Document:
        """One document with its text.

        Raises:
            NotFoundError: there is none, or the principal may not see it.
        """
        async with self._database.transaction(self._scope) as connection:
            return await read_document(connection, self._scope, document_id)

    @operation(Permission.DOCUMENTS_DELETE)
    async def delete(self, document_id: UUID) -> None:
        """Remove a document and everything derived from it.

        Raises:
            NotFoundError: there is none, or the principal may not see it.
            PermissionDeniedError: it belongs to someone else.
        """
        async with self._database.transaction(self._scope) as connection:
            await delete_document(connection, self._scope, document_id)
            await record(connection, self._scope, Permission.DOCUMENTS_DELETE, resource=str(document_id))

    @operation(Permission.KNOWLEDGE_INGEST)
    async def ingest_report(self, ingest_id: UUID) -> IngestReport | None:
        """How far an ingest of one's own is; None when there is none of that id."""
        async with self._database.transaction(self._scope) as connection:
            return await load_report(connection, self._scope.tenant_id, ingest_id)

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

    async def _retrieve(
        self,
        question: str,
        limit: int,
        filter: SearchFilter | None,  # noqa: A002
        permission: Permission,
    ) -> list[Passage]:
        query = self._analyse(question)
        engine = await self._room.engine()
        with retrieving("whole"):
            passages = await self._passages(engine, query, limit, filter, permission)
        count_results(len(passages))
        return passages

    async def _passages(
        self,
        engine: Engine,
        query: Query,
        limit: int,
        filter: SearchFilter | None,  # noqa: A002
        permission: Permission,
    ) -> list[Passage]:
        retriever = Retriever(engine.embedder, candidates=self._settings.knowledge.candidates)
        vector = await retriever.embed(query)
        async with self._database.transaction(self._scope) as connection:
            await connection.execute("SET LOCAL synchronous_commit = off")
            passages = await retriever.search(
                connection, self._scope.tenant_id, query, vector, limit=max(limit, 30), filter=filter
            )
            if engine.reranker is not None:
                with retrieving("rerank"):
                    passages = await engine.reranker.rerank(query, passages)
            passages = passages[:limit]
            await record(connection, self._scope, permission, passages=len(passages))
        return passages

    def _analyse(self, question: str) -> Query:
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
        return analyse(question)

    def _limits(self) -> LoadLimits:
        settings = self._settings.ingest
        return LoadLimits(
            max_file_bytes=settings.max_file_bytes,
            max_unpacked_bytes=settings.max_unpacked_bytes,
            max_text_chars=settings.max_text_chars,
        )

    async def _take_in(
        self,
        files: Callable[[], Iterable[StagedFile]],
        groups: Sequence[str],
        source: str,
        on_progress: Callable[[IngestReport], None] | None,
    ) -> IngestReport:
        engine = await self._room.engine()
        async with self._database.transaction(self._scope) as connection:
            audience = await self._audience(connection, groups)
        stager = Stager(self._database, self._scope, pipeline=engine.pipeline)
        ingest_id = await stager.stage(files(), source=source, acl=[audience])
        report = await self._finish(ingest_id, on_progress)
        async with self._database.transaction(self._scope) as connection:
            await record(
                connection,
                self._scope,
                Permission.KNOWLEDGE_INGEST,
                resource=str(ingest_id),
                stored=report.count("stored"),
                unchanged=report.count("unchanged"),
                failed=report.count("failed"),
                groups=list(groups),
            )
            if report.count("stored"):
                await connection.execute("SELECT refresh_statistics()")
        return report

    async def _finish(
        self, ingest_id: UUID, on_progress: Callable[[IngestReport], None] | None
    ) -> IngestReport:
        """Help with the queue until this ingest is done, here or by another worker."""
        helper = asyncio.create_task(self._jobs.drain())
        waited = False
        try:
            while True:
                async with self._database.transaction(self._scope) as connection:
                    report = await load_report(connection, self._scope.tenant_id, ingest_id)
                if report is None:
                    raise InvalidRequestError("The ingest was removed while it was being processed.")
                if on_progress is not None:
                    on_progress(report)
                if report.state == "done":
                    return report
                if helper.done():
                    helper.result()
                    if waited and not await self._jobs.alive(str(ingest_id)):
                        await self._give_up(ingest_id)
                    waited = True
                    await asyncio.sleep(_POLL_SECONDS)
                    helper = asyncio.create_task(self._jobs.drain())
                await asyncio.wait([helper], timeout=_POLL_SECONDS)
        finally:
            if not helper.done():
                helper.cancel()
            await asyncio.gather(helper, return_exceptions=True)

    async def _give_up(self, ingest_id: UUID) -> None:
        """Say that nobody works on an ingest any more, unless it was finished just now."""
        async with self._database.transaction(self._scope) as connection:
            report = await load_report(connection, self._scope.tenant_id, ingest_id)
        if report is not None and report.state != "done":
            raise UnavailableError(
                f"{report.count('pending')} of {len(report.files)} files could not be taken in.",
                why="Their job failed several times and was given up; the logs say why.",
                remedy="Repeat the command once the cause is gone: what was stored is kept and not done again.",
                ingest_id=str(ingest_id),
            )

    async def _audience(self, connection: Connection, groups: Sequence[str]) -> list[UUID]:
        if not groups:
            return [EVERYONE]
        for name in groups:
            check_characters(name_of_a_group=name)
        if self._scope.act == "operate":
            return sorted((await ensure_groups(connection, self._scope, groups)).values())
        cursor = await connection.execute(
            "SELECT name, principal_id FROM principals WHERE tenant_id = %s AND kind = 'group' AND name = ANY (%s)",
            (self._scope.tenant_id, list(groups)),
        )
        own: dict[str, UUID] = dict(await cursor.fetchall())
        for name in groups:
            if name not in own:
                raise PermissionDeniedError(
                    f"{self._scope.principal} is not a member of the group '{name}'.",
                    why="One may give access to one's own groups only.",
                    remedy="Leave the group out, or ask an operator to add the document.",
                )
        return sorted(own.values())


def _with_request(event: AnswerEvent, passages: Sequence[Passage]) -> AnswerEvent:
    if event.answer is None:
        return event
    return replace(event, answer=replace(event.answer, passages=tuple(passages), request_id=correlation_id()))


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= _MAX_LIMIT:
        raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy=f"Choose 1 to {_MAX_LIMIT}.")


def _check_paths(paths: Sequence[Path | str]) -> None:
    if not paths:
        raise InvalidRequestError("No path was given.", remedy="Name files or folders to take in.")
    for path in paths:
        if not Path(path).exists():
            raise InvalidRequestError(f"{path} does not exist.", remedy="Check the path.")


def _holds_nothing(paths: Sequence[Path | str], limits: LoadLimits) -> bool:
    return next(walk([Path(path) for path in paths], limits=limits), None) is None


def _read_all(paths: Sequence[Path], limits: LoadLimits) -> Iterator[StagedFile]:
    for found in walk(paths, limits=limits):
        yield _read(found, limits)


def _read(found: FoundFile, limits: LoadLimits) -> StagedFile:
    from deskmind.errors import DocumentTooLargeError, UnreadableDocumentError

    try:
        if not storable(found.uri):
            raise UnreadableDocumentError(
                f"The name of {found.path.name!a} is not UTF-8.", remedy="Rename the file."
            )
        if found.size > limits.max_file_bytes:
            raise DocumentTooLargeError(
                f"{found.path.name} has {found.size:,} bytes.",
                why=f"At most {limits.max_file_bytes:,} are accepted.",
                remedy="Split the file, or raise ingest.max_file_bytes.",
            )
        try:
            content = found.path.read_bytes()
        except OSError as error:
            raise UnreadableDocumentError(
                f"{found.path.name} cannot be read.",
                why=f"{error.strerror}.",
                remedy="Check its permissions.",
            ) from error
    except DeskmindError as error:
        uri, name = (text.encode(errors="replace").decode() for text in (found.uri, found.path.name))
        return StagedFile.unreadable(uri, name, error)
    return StagedFile(found.uri, found.uri, found.path.name, content)
