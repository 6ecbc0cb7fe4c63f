"""Documents, search, answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from deskmind.cli.remote.refusing import Part
from deskmind.cli.remote.shown import Shown
from deskmind.errors import DeskmindError, DocumentError, InvalidRequestError
from deskmind.knowledge.ingest import FileReport, IngestReport
from deskmind.knowledge.loading import SUPPORTED_SUFFIXES, LoadLimits, walk
from deskmind.knowledge.models import Answer, Citation, Passage, Sentence

if TYPE_CHECKING:
    from deskmind.client import AsyncClient
    from deskmind.client.made.bodies import AnswerBody, PassageBody
    from deskmind.knowledge.loading import FoundFile

__all__ = ["RemoteKnowledge", "answered"]

_AT_ONCE = 4


class RemoteKnowledge(Part):
    """``desk.knowledge``."""

    async def ingest(
        self,
        *paths: Path | str,
        groups: Sequence[str] = (),
        source: str = "files",
        on_progress: Callable[[IngestReport], None] | None = None,
    ) -> IngestReport:
        """Send each file; the report is of all of them."""
        found = await asyncio.to_thread(_found, [Path(path) for path in paths])
        report = IngestReport(
            uuid4(), "ready", tuple(FileReport(one.uri, "pending", 0, 0, None) for one in found)
        )
        places, sending = iter(enumerate(found)), asyncio.Semaphore(_AT_ONCE)
        done: dict[int, FileReport] = {}

        async def send() -> None:
            nonlocal report
            for number, file in places:
                async with sending:
                    done[number] = await _sent(self._client, file, groups, source)
                files = tuple(done.get(place, one) for place, one in enumerate(report.files))
                report = replace(report, files=files)
                if on_progress is not None:
                    on_progress(report)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(send())
        return replace(report, state="done")

    async def search(self, query: str, *, limit: int = 10) -> list[Passage]:
        """Passages, best first."""
        return [_passage(one) for one in (await self._client.search(query, limit=limit)).passages]

    async def documents(self, *, limit: int = 50, after: UUID | None = None) -> list[Any]:
        """A page."""
        page = await self._client.documents.list(limit=limit, after=after)
        return [Shown(one) for one in page.documents]

    async def document(self, document_id: UUID) -> Any:
        """One, with its text."""
        return Shown(await self._client.documents.get(document_id))

    async def delete(self, document_id: UUID) -> None:
        """Remove one."""
        await self._client.documents.delete(document_id)


def answered(told: AnswerBody) -> Answer:
    """The SDK's answer; what was retrieved and not cited is not told."""
    prompt = None if told.prompt is None else Shown(told.prompt)
    window = None if told.window is None else Shown(told.window)
    described: Any = {"prompt": prompt, "window": window}
    return Answer(
        question=told.question,
        found=told.found,
        text=told.text,
        sentences=tuple(Sentence(one.text, one.citation) for one in told.sentences),
        citations=tuple(
            Citation(
                one.number,
                str(one.document_id),
                one.title,
                one.uri,
                one.section,
                one.start,
                one.end,
                one.quote,
            )
            for one in told.citations
        ),
        confidence=told.confidence,
        mode=told.mode,
        request_id=told.request_id,
        model=told.model,
        note=told.note,
        cache=told.cache,
        searched=told.searched,
        conversation=told.conversation,
        **described,
    )


def _passage(told: PassageBody) -> Passage:
    return Passage(
        chunk_id=str(told.chunk_id),
        document_id=str(told.document_id),
        title=told.title,
        uri=told.uri,
        headings=(told.section,) if told.section else (),
        text=told.text,
        start=told.start,
        end=told.end,
        score=told.score,
    )


def _found(paths: list[Path]) -> list[FoundFile]:
    for path in paths:
        if not path.exists():
            raise InvalidRequestError(f"{path} does not exist.", remedy="Check the path.")
    found = list(walk(paths, limits=LoadLimits()))
    if not found:
        raise InvalidRequestError(
            "There is nothing to take in.",
            why=f"{', '.join(ascii(str(path))[1:-1] for path in paths)} holds no file of a known kind.",
            remedy=f"Known are {', '.join(sorted(SUPPORTED_SUFFIXES))}; name a file itself to have it tried.",
        )
    return found


async def _sent(client: AsyncClient, file: FoundFile, groups: Sequence[str], source: str) -> FileReport:
    """What became of a file. One that is refused for what it is does not stop the others."""
    try:
        told = await client.documents.upload(file.path, groups=list(groups), uri=file.uri, source=source)
    except DeskmindError as error:
        if not isinstance(error, DocumentError) and error.status != 413:
            raise
        problem = {name: value for name, value in error.problem().items() if name != "request_id"}
        return FileReport(file.uri, "failed", 0, 0, problem)
    return FileReport(file.uri, "stored" if told.stored else "unchanged", told.documents, told.chunks, None)
