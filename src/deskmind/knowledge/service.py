"""``desk.knowledge``: everything a principal can do with documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

from deskmind.database import Connection, Database
from deskmind.errors import (
    DeskmindError,
    InvalidRequestError,
    PermissionDeniedError,
    UnavailableError,
)
from deskmind.governance.access import Permission, operation
from deskmind.governance.access.operation import streaming_operation
from deskmind.governance.access.principals import ensure_groups
from deskmind.governance.audit import record
from deskmind.jobs import JobQueue
from deskmind.knowledge.answering.caller import Caller
from deskmind.knowledge.asking import Asking
from deskmind.knowledge.characters import check_characters, storable
from deskmind.knowledge.documents import (
    Document,
    DocumentSummary,
    delete_document,
    document_read,
    list_documents,
    reading_document,
)
from deskmind.knowledge.engine import EngineRoom
from deskmind.knowledge.finding import Finder
from deskmind.knowledge.ingest import IngestReport, StagedFile, Stager, load_report
from deskmind.knowledge.loading import SUPPORTED_SUFFIXES, FoundFile, LoadLimits, walk
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.naming import (
    document_versions,
    find_ticket,
    knowledge_view,
    named_documents,
    ticket_versions,
)
from deskmind.knowledge.retrieval import SearchFilter
from deskmind.scope import EVERYONE, Scope
from deskmind.settings import Settings
from deskmind.webhooks import publish

__all__ = ["Knowledge"]

_MAX_LIMIT = 200
_POLL_SECONDS = 0.2
_LONGEST_POLL_SECONDS = 3.0


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
        self._finder = Finder(database, scope, settings, room)
        self._asking = Asking(database, scope, settings, room, self._finder, models)

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
        return await self._finder.find(query, limit, filter, Permission.KNOWLEDGE_SEARCH)

    @operation(Permission.KNOWLEDGE_ASK)
    async def ask(
        self,
        question: str,
        *,
        filter: SearchFilter | None = None,  # noqa: A002
        conversation: UUID | str | None = None,
    ) -> Answer:
        """An answer with citations, or an honest "not found".

        Args:
            question: what one wants to know.
            filter: narrows the documents.
            conversation: id of a conversation of one's own that the question continues, or ``new``; question and answer
                are kept in it.

        Raises:
            QuestionTooLongError: the question is longer than ``knowledge.max_question_chars``.
            InvalidRequestError: the question is empty, or ``conversation`` is neither an id nor ``new``.
            ConversationNotFoundError: one has no such conversation.
        """
        return await self._asking.answer(question, filter, conversation)

    @streaming_operation(Permission.KNOWLEDGE_ASK)
    async def ask_stream(
        self,
        question: str,
        *,
        filter: SearchFilter | None = None,  # noqa: A002
        conversation: UUID | str | None = None,
    ):
        """The same answer as a stream of events; the last one carries the whole answer."""
        async for event in self._asking.stream(question, filter, conversation):
            yield event

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
        reading = reading_document(self._scope, document_id)
        async with self._database.transaction(self._scope, reading) as connection:
            document = document_read(connection, document_id)
            await record(connection, self._scope, Permission.DOCUMENTS_READ, resource=str(document_id))
            return document

    @operation(Permission.DOCUMENTS_READ)
    async def ticket(self, key: str) -> Document:
        """A ticket of a connected system, as it was last read, by what people call it; without internal comments.

        Raises:
            NotFoundError: there is none, or the principal may not see it.
        """
        async with self._database.transaction(self._scope) as connection:
            document = await find_ticket(connection, self._scope, key.strip())
            document_id = str(document.summary.document_id)
            await record(connection, self._scope, Permission.DOCUMENTS_READ, resource=document_id)
            return document

    @operation(Permission.DOCUMENTS_READ)
    async def named(self, text: str, *, limit: int = 20, kind: str = "") -> list[DocumentSummary]:
        """Documents the principal may see whose title holds a text, or whose id or ticket's key begins with it.

        Args:
            text: of 200 characters at most; empty for any.
            limit: how many.
            kind: as a connected system names it, such as ``ticket``; empty for every.

        Raises:
            InvalidRequestError: the limit is not 1 to 200.
        """
        _check_limit(limit)
        async with self._database.transaction(self._scope) as connection:
            return await named_documents(connection, self._scope, text[:200], limit=limit, kind=kind)

    @operation(Permission.DOCUMENTS_READ, told=False)
    async def view(self) -> str:
        """What changes whenever any document does, or which of them the principal may see."""
        async with self._database.transaction(self._scope) as connection:
            return await knowledge_view(connection)

    @operation(Permission.DOCUMENTS_READ, told=False)
    async def versions(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        """What changes whenever a document does, of those the principal may see."""
        async with self._database.transaction(self._scope) as connection:
            return await document_versions(connection, self._scope, ids)

    @operation(Permission.DOCUMENTS_READ, told=False)
    async def ticket_versions(self, keys: Sequence[str]) -> dict[str, str]:
        """The same of tickets of connected systems, by what people call them."""
        async with self._database.transaction(self._scope) as connection:
            return await ticket_versions(connection, self._scope, keys)

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
            await publish(connection, self._scope, "document.deleted", {"document_id": document_id})

    @operation(Permission.KNOWLEDGE_INGEST)
    async def ingest_report(self, ingest_id: UUID) -> IngestReport | None:
        """How far an ingest of one's own is; None when there is none of that id."""
        async with self._database.transaction(self._scope) as connection:
            return await load_report(connection, self._scope.tenant_id, ingest_id)

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
        stager = Stager(
            self._database,
            self._scope,
            pipeline=engine.pipeline,
            masked=self._settings.redaction.ingest,
            suppression=self._room.suppression(self._scope),
        )
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
                started = time.monotonic()
                async with self._database.transaction(self._scope) as connection:
                    report = await load_report(connection, self._scope.tenant_id, ingest_id)
                # a report of thousands of files costs something: looking takes a thirtieth of the time at most
                pause = max(_POLL_SECONDS, min(30 * (time.monotonic() - started), _LONGEST_POLL_SECONDS))
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
                await asyncio.wait([helper], timeout=pause)
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
