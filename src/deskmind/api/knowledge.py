"""Finding passages, answering from them, and the documents that both come from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response, UploadFile

from deskmind.api.events import Sent, described_events, event_stream
from deskmind.api.problems import described_problems
from deskmind.api.resuming import EVENT_ID, AnswerStreams
from deskmind.api.schemas import (
    AnswerBody,
    AskRequest,
    DocumentBody,
    DocumentList,
    DocumentSummaryBody,
    DocumentText,
    IngestBody,
    PassageBody,
    SearchRequest,
    SearchResponse,
)
from deskmind.desk import Desk
from deskmind.errors import DocumentError, DocumentTooLargeError, NotFoundError
from deskmind.governance.access import Permission, authorize
from deskmind.knowledge.answering import AnswerEvent

__all__ = ["add_ask", "add_documents", "add_search"]

_NOT_FOUND = described_problems(_404="no such document")
_TAKING_IN = described_problems(_415="kind not supported", _507="storage is full")


def add_search(routes: APIRouter, asker: Any) -> None:
    """Add the resource to a router; ``asker`` is the dependency that gives the desk."""

    @routes.post("/search", operation_id="search", tags=["knowledge"], summary="Find passages")
    async def search(body: SearchRequest, desk: Desk = asker) -> SearchResponse:
        passages = await desk.knowledge.search(
            body.query, limit=body.limit, filter=body.filter.as_filter() if body.filter else None
        )
        return SearchResponse(passages=[PassageBody.of(passage) for passage in passages])


def add_ask(routes: APIRouter, asker: Any, *, streams: AnswerStreams) -> None:
    """Add the resource to a router.

    Args:
        routes: the router.
        asker: the dependency that gives the desk.
        streams: keeps those whose connection broke.
    """

    @routes.post(
        "/ask",
        operation_id="ask",
        tags=["knowledge"],
        summary="Get a cited answer; as server-sent events with `Accept: text/event-stream`",
        response_model=AnswerBody,
        responses={
            **described_events(
                delta={
                    "title": "AnswerDelta",
                    "description": "A piece of the answer's text.",
                    "type": "object",
                    "properties": {"text": {"type": "string"}},
                    "required": ["text"],
                },
                answer=AnswerBody,
                until="answer",
            ),
            **described_problems(
                _404="no such conversation",
                _410="the stream that Last-Event-ID names is not kept here any more",
                _502="the model's provider refused, or broke off",
            ),
        },
    )
    async def ask(
        body: AskRequest,
        request: Request,
        desk: Desk = asker,
        accept: Annotated[str, Header()] = "application/json",
        last_event_id: Annotated[
            str | None,
            Header(pattern=EVENT_ID, description="of a stream: go on after the event of this id"),
        ] = None,
    ) -> AnswerBody | Response:
        conditions = body.filter.as_filter() if body.filter else None
        if "text/event-stream" not in accept:
            return AnswerBody.of(
                await desk.ask(body.question, filter=conditions, conversation=body.conversation)
            )
        if last_event_id is not None:
            await _still_asks(desk)
            return await event_stream(streams.resume(desk.scope, last_event_id), request.receive)
        events = desk.ask_stream(body.question, filter=conditions, conversation=body.conversation)
        return await event_stream(streams.begin(desk.scope, _told(events)), request.receive)


def add_documents(routes: APIRouter, asker: Any, *, max_upload_bytes: int) -> None:
    """Add the resources to a router.

    Args:
        routes: the router.
        asker: the dependency that gives the desk.
        max_upload_bytes: largest document.
    """
    _add_list(routes, asker)
    _add_taking_in(routes, asker, max_upload_bytes)
    _add_single(routes, asker)


def _add_list(routes: APIRouter, asker: Any) -> None:
    @routes.get("/documents", operation_id="listDocuments", tags=["documents"], summary="List documents")
    async def list_documents(
        desk: Desk = asker, limit: Annotated[int, Query(ge=1, le=200)] = 50, after: UUID | None = None
    ) -> DocumentList:
        found = await desk.knowledge.documents(limit=limit, after=after)
        return DocumentList(
            documents=[DocumentSummaryBody.of(item) for item in found],
            next=found[-1].document_id if len(found) == limit else None,
        )


def _add_taking_in(routes: APIRouter, asker: Any, max_upload_bytes: int) -> None:
    @routes.post(
        "/documents",
        operation_id="addDocument",
        tags=["documents"],
        status_code=201,
        summary="Add or replace a document given as text",
        responses=_TAKING_IN,
    )
    async def add_document(body: DocumentBody, desk: Desk = asker) -> IngestBody:
        content = body.text.encode("utf-8", "surrogatepass")
        if len(content) > max_upload_bytes:
            raise _too_large(body.name, max_upload_bytes)
        report = await desk.knowledge.add(
            body.name, content, media_type=body.media_type, uri=body.uri, groups=body.groups
        )
        return _taken_in(IngestBody.of(report))

    @routes.post(
        "/documents/upload",
        operation_id="uploadDocument",
        tags=["documents"],
        status_code=201,
        summary="Add or replace a document given as a file",
        responses=_TAKING_IN,
    )
    async def upload_document(
        file: UploadFile,
        desk: Desk = asker,
        groups: Annotated[list[str] | None, Query(max_length=100)] = None,
        uri: Annotated[
            str | None, Query(max_length=2000, description="where it came from; else its name")
        ] = None,
        source: Annotated[
            str, Query(min_length=1, max_length=200, description="the same file in it is replaced")
        ] = "uploads",
    ) -> IngestBody:
        if file.size is not None and file.size > max_upload_bytes:
            raise _too_large(file.filename or "the file", max_upload_bytes)
        report = await desk.knowledge.add(
            file.filename or "upload",
            await file.read(max_upload_bytes + 1),
            uri=uri,
            groups=groups or (),
            source=source,
        )
        return _taken_in(IngestBody.of(report))


def _add_single(routes: APIRouter, asker: Any) -> None:
    @routes.get(
        "/documents/{document_id:uuid}",
        operation_id="getDocument",
        tags=["documents"],
        summary="Read a document",
        responses=_NOT_FOUND,
    )
    async def get_document(document_id: Annotated[UUID, Path()], desk: Desk = asker) -> DocumentText:
        return DocumentText.of_document(await desk.knowledge.document(document_id))

    @routes.delete(
        "/documents/{document_id:uuid}",
        operation_id="deleteDocument",
        tags=["documents"],
        status_code=204,
        summary="Delete a document",
        responses=_NOT_FOUND,
    )
    async def delete_document(document_id: Annotated[UUID, Path()], desk: Desk = asker) -> Response:
        await desk.knowledge.delete(document_id)
        return Response(status_code=204)

    @routes.get(
        "/ingests/{ingest_id}",
        operation_id="getIngest",
        tags=["documents"],
        summary="How far an upload of one's own is",
        responses=described_problems(_404="no such upload of yours"),
    )
    async def get_ingest(ingest_id: UUID, desk: Desk = asker) -> IngestBody:
        found = await desk.knowledge.ingest_report(ingest_id)
        if found is None:
            raise NotFoundError("There is no such upload of yours.", remedy="Give `ingest_id` of an upload.")
        return IngestBody.of(found)


async def _still_asks(desk: Desk) -> None:
    """See that whoever goes on with an answer might ask for it now."""
    authority = desk.database.authority
    if authority is None:
        authorize(desk.scope, Permission.KNOWLEDGE_ASK)
    else:
        await authority.admit(desk.scope, Permission.KNOWLEDGE_ASK)


async def _told(events: AsyncIterator[AnswerEvent]) -> AsyncIterator[Sent]:
    """``delta`` events with pieces of text, then ``answer`` with the whole."""
    number = 0
    async for event in events:
        number += 1
        if event.answer is not None:
            yield Sent("answer", str(number), AnswerBody.of(event.answer).model_dump(mode="json"))
        else:
            yield Sent("delta", str(number), {"text": event.text})


def _too_large(name: str, limit: int) -> DocumentTooLargeError:
    return DocumentTooLargeError(
        f"{name} is too large.", why=f"At most {limit:,} bytes are accepted.", remedy="Split the document."
    )


def _taken_in(report: IngestBody) -> IngestBody:
    """An upload of one file that failed is an error of the request."""
    if report.failed and not report.stored and report.failures:
        problem = report.failures[0]
        error = _RefusedDocument(
            str(problem.get("detail") or problem.get("title")),
            why=str(problem.get("why", "")),
            remedy=str(problem.get("remedy")),
        )
        error.problem_status = int(problem.get("status", 422))
        error.problem_type = str(problem.get("type"))
        raise error
    return report


class _RefusedDocument(DocumentError):
    problem_status = 422
    problem_type = "urn:deskmind:problem:document"

    def problem(self) -> dict[str, Any]:
        return {
            **super().problem(),
            "detail": self.what,
            "status": self.problem_status,
            "type": self.problem_type,
        }
