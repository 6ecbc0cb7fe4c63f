"""The resources under ``/v1``."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from deskmind.api.access import add_access
from deskmind.api.agent_runs import add_agent_runs
from deskmind.api.agents import add_agents
from deskmind.api.audit import add_audit
from deskmind.api.connections import add_connections
from deskmind.api.connectors import add_connectors
from deskmind.api.conversations import add_conversations
from deskmind.api.deployments import add_deployments
from deskmind.api.directory import add_directory
from deskmind.api.events import Sent, described_events, event_stream
from deskmind.api.evidence import add_evidence
from deskmind.api.experiments import add_experiments
from deskmind.api.feedback import add_feedback
from deskmind.api.jobs import add_jobs
from deskmind.api.memories import add_memories
from deskmind.api.privacy import add_privacy
from deskmind.api.prompts import add_prompts
from deskmind.api.reaching import reaches
from deskmind.api.redaction import add_redaction
from deskmind.api.requests import add_requests
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
    Problem,
    SearchRequest,
    SearchResponse,
)
from deskmind.api.spending import add_spending
from deskmind.api.stored_agents import add_stored_agents
from deskmind.api.tenants import add_tenants
from deskmind.api.triage import add_triage
from deskmind.api.webhooks import add_webhooks
from deskmind.api.workflows import add_workflows
from deskmind.api.writes import add_writes
from deskmind.desk import Desk
from deskmind.errors import DocumentError, DocumentTooLargeError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, authorize
from deskmind.knowledge.answering import AnswerEvent

__all__ = ["DeskFor", "router"]

DeskFor = Callable[[Request], Awaitable[Desk]]


_LONGEST_KEY, _LONGEST_TOKEN = 1_000, 8_192
_DESK = "deskmind.desk"


def _problems(**texts: str) -> dict[int | str, dict[str, Any]]:
    """A model named here would be built anew for each of them in each operation, 1,500 times: most of a service's start."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {
        int(status[1:]): {"description": text, "content": copy.deepcopy(content)}
        for status, text in texts.items()
    }


_PROBLEMS = _problems(
    _400="cannot be parsed",
    _401="no valid API key",
    _403="not permitted",
    _408="not received in time",
    _413="too large",
    _422="not valid",
    _429="more requests than a limit admits",
    _500="an error of ours",
    _503="temporarily unavailable",
    _504="not answered in time",
)
_MORE = (
    add_spending,
    add_deployments,
    add_redaction,
    add_access,
    add_directory,
    add_audit,
    add_prompts,
    add_experiments,
    add_conversations,
    add_requests,
    add_feedback,
    add_privacy,
    add_evidence,
    add_jobs,
    add_tenants,
    add_triage,
    add_connectors,
    add_writes,
    add_agents,
    add_agent_runs,
    add_workflows,
    add_stored_agents,
    add_memories,
    add_webhooks,
)
_NOT_FOUND = _problems(_404="no such document")
_TAKING_IN = _problems(_415="kind not supported", _507="storage is full")


def router(
    *,
    desk_for: DeskFor,
    prefix: str = "/v1",
    max_upload_bytes: int = 50 * 2**20,
    streams: AnswerStreams | None = None,
    private_connections: bool = False,
) -> APIRouter:
    """Deskmind's resources for any FastAPI application.

    Args:
        desk_for: tells whose desk a request is for; raises ``AuthenticationError`` when nobody's. The host
            application authenticates, Deskmind authorises.
        prefix: path before every resource.
        max_upload_bytes: largest file of an upload.
        streams: keeps streams of answers whose connection broke; when left out, an answer ends with its reader.
        private_connections: whether connections that are added here may reach private addresses.

    The host application renders errors as it likes; ``deskmind.api.problems.install(app)`` gives RFC 9457.
    """
    current = _asker(desk_for)
    routes = APIRouter(prefix=prefix, responses=_PROBLEMS, route_class=_asked_first(current))
    asker: Any = Depends(current)
    kept = streams or AnswerStreams(0)

    @routes.post("/search", operation_id="search", tags=["knowledge"], summary="Find passages")
    async def search(body: SearchRequest, desk: Desk = asker) -> SearchResponse:
        passages = await desk.knowledge.search(
            body.query, limit=body.limit, filter=body.filter.as_filter() if body.filter else None
        )
        return SearchResponse(passages=[PassageBody.of(passage) for passage in passages])

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
                    "properties": {
                        "text": {"type": "string"},
                        "restarted": {
                            "type": "boolean",
                            "default": False,
                            "description": "the text begins anew with this event: its pieces so far are void",
                        },
                    },
                    "required": ["text"],
                },
                answer={"$ref": "#/components/schemas/AnswerBody"},
                until="answer",
            ),
            **_problems(
                _404="no such conversation",
                _410="the stream that Last-Event-ID names is not kept here any more",
                _502="the model's provider refused, or broke off",
            ),
        },
    )
    async def ask(
        body: AskRequest,
        desk: Desk = asker,
        accept: Annotated[str, Header()] = "application/json",
        last_event_id: Annotated[
            str | None,
            Header(pattern=EVENT_ID, description="of a stream: go on after the event of this id"),
        ] = None,
    ) -> AnswerBody | StreamingResponse:
        conditions = body.filter.as_filter() if body.filter else None
        if "text/event-stream" not in accept:
            return AnswerBody.of(
                await desk.ask(body.question, filter=conditions, conversation=body.conversation)
            )
        if last_event_id is not None:
            await _still_asks(desk)
            return await event_stream(kept.resume(desk.scope, last_event_id))
        events = desk.ask_stream(body.question, filter=conditions, conversation=body.conversation)
        return await event_stream(kept.begin(desk.scope, _told(events)))

    @routes.get("/documents", operation_id="listDocuments", tags=["documents"], summary="List documents")
    async def list_documents(
        desk: Desk = asker, limit: Annotated[int, Query(ge=1, le=200)] = 50, after: UUID | None = None
    ) -> DocumentList:
        found = await desk.knowledge.documents(limit=limit, after=after)
        return DocumentList(
            documents=[DocumentSummaryBody.of(item) for item in found],
            next=found[-1].document_id if len(found) == limit else None,
        )

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
        responses=_problems(_404="no such upload of yours"),
    )
    async def get_ingest(ingest_id: UUID, desk: Desk = asker) -> IngestBody:
        found = await desk.knowledge.ingest_report(ingest_id)
        if found is None:
            raise NotFoundError("There is no such upload of yours.", remedy="Give `ingest_id` of an upload.")
        return IngestBody.of(found)

    for add in _MORE:
        add(routes, asker)
    add_connections(routes, asker, private=private_connections)
    return routes


def _asker(desk_for: DeskFor) -> DeskFor:
    """Tells whose desk a request is for, once for each request; again where it has less when its body has come."""

    async def current(request: Request) -> Desk:
        desk: Desk | None = request.scope.get(_DESK)
        if desk is None or not await reaches(desk):
            request.scope[_DESK] = desk = await desk_for(request)
        return desk

    return current


def _asked_first(current: DeskFor) -> type[APIRoute]:
    """Routes that look who is asking before they read a body: the framework reads it first, whoever sent it."""

    class Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()
            if all(needed.call is not current for needed in self.dependant.dependencies):
                return handle

            async def known(request: Request) -> Response:
                await current(request)
                return await handle(request)

            return known

    return Route


async def _still_asks(desk: Desk) -> None:
    """See that whoever goes on with an answer might ask for it now."""
    authority = desk.database.authority
    if authority is None:
        authorize(desk.scope, Permission.KNOWLEDGE_ASK)
    else:
        await authority.admit(desk.scope, Permission.KNOWLEDGE_ASK)


async def _told(events: AsyncIterator[AnswerEvent]) -> AsyncIterator[Sent]:
    """``delta`` events with pieces of text, which one that is ``restarted`` voids, then ``answer`` with the whole."""
    number = 0
    async for event in events:
        number += 1
        if event.answer is not None:
            yield Sent("answer", str(number), AnswerBody.of(event.answer).model_dump(mode="json"))
        else:
            restarted = {"restarted": True} if event.restarted else {}
            yield Sent("delta", str(number), {"text": event.text, **restarted})


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


def bearer(request: Request) -> str:
    """The API key of a request.

    Raises:
        AuthenticationError: there is none.
    """
    given = b""
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            given = value
            break
    scheme, _, key = given.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        from deskmind.errors import AuthenticationError

        raise AuthenticationError(
            "The request carries no API key.",
            remedy="Send `Authorization: Bearer dk_…`; `deskmind key create --user NAME --tenant NAME` makes a key.",
        )
    if len(key) > (_LONGEST_KEY if key.startswith("dk_") else _LONGEST_TOKEN):
        raise InvalidRequestError("The API key is too long.")
    return key.strip()
