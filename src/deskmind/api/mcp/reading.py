"""The tools that change nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from deskmind.api.access import DecisionBody
from deskmind.api.cursors import cursor_of, place_of
from deskmind.api.mcp.call import Call
from deskmind.api.mcp.tool import Arguments, Nothing, Tool
from deskmind.api.prompts import MessageBody, PromptList, PromptSummaryBody, RenderedMessages
from deskmind.api.requests import ExplanationBody, RequestBody, RequestList
from deskmind.api.schemas import (
    AnswerBody,
    DocumentList,
    DocumentSummaryBody,
    FilterBody,
    PassageBody,
    SearchRequest,
    SearchResponse,
)
from deskmind.errors import UnavailableError
from deskmind.knowledge.answering import AnswerEvent
from deskmind.knowledge.documents import Document
from deskmind.knowledge.models import Answer

__all__ = ["READING"]

_MOST_CHARS = 20_000


class Question(Arguments):
    """What to answer."""

    question: str = Field(examples=["How do I reset my VPN token?"])
    filter: FilterBody | None = None


class Page(Arguments):
    """Which part of a list."""

    limit: int = Field(50, ge=1, le=100)
    after: UUID | None = Field(None, description="`next` of the page before")


class Piece(Arguments):
    """Which part of a document."""

    document_id: UUID
    offset: int = Field(0, ge=0, description="characters to leave out; `next_offset` of the piece before")
    limit: int = Field(_MOST_CHARS, ge=1, le=100_000, description="characters")


class PieceBody(DocumentSummaryBody):
    """A piece of a document's text."""

    text: str
    offset: int
    total_chars: int
    next_offset: int | None = Field(description="where the next piece begins; null for the last one")

    @classmethod
    def cut(cls, document: Document, offset: int, limit: int) -> PieceBody:
        """A piece of at most so many characters."""
        end = min(offset + limit, len(document.text))
        return cls.model_validate(
            {
                **document.summary.as_dict(),
                "text": document.text[offset:end],
                "offset": offset,
                "total_chars": len(document.text),
                "next_offset": end if end < len(document.text) else None,
            }
        )


class Named(Arguments):
    """A request."""

    request_id: str = Field(max_length=128, description="as an answer names it")


class Stories(Arguments):
    """Which requests."""

    limit: int = Field(20, ge=1, le=100)
    before: Annotated[str | None, Field(max_length=100, description="`next` of the page before")] = None
    failed: bool = Field(False, description="only those that failed")


class Asked(Arguments):
    """A permission."""

    permission: str = Field(max_length=100, examples=["knowledge:ask"])


class Filled(Arguments):
    """A prompt and its values."""

    name: str = Field(min_length=1, max_length=80)
    values: dict[str, Any] = Field(default_factory=dict[str, Any])


async def _search(call: Call, given: SearchRequest) -> BaseModel:
    conditions = given.filter.as_filter() if given.filter else None
    found = await call.desk.knowledge.search(given.query, limit=given.limit, filter=conditions)
    return SearchResponse(passages=[PassageBody.of(passage) for passage in found])


async def _ask(call: Call, given: Question) -> BaseModel:
    conditions = given.filter.as_filter() if given.filter else None
    if call.wants_progress:
        answer = await _followed(call, call.desk.ask_stream(given.question, filter=conditions))
    else:
        answer = await call.desk.ask(given.question, filter=conditions)
    if answer.note:
        await call.tell("notice", {"request_id": answer.request_id, "note": answer.note})
    return AnswerBody.of(answer)


async def _followed(call: Call, events: AsyncIterator[AnswerEvent]) -> Answer:
    written = 0
    async for event in events:
        if event.answer is not None:
            return event.answer
        written += len(event.text)  # what was voided, too: progress only grows
        if event.text:
            await call.progress(written, None, f"{written:,} characters written")
    raise UnavailableError("The answer ended before it was whole.", remedy="Ask again.")


async def _documents(call: Call, given: Page) -> BaseModel:
    found = await call.desk.knowledge.documents(limit=given.limit + 1, after=given.after)
    shown = found[: given.limit]
    return DocumentList(
        documents=[DocumentSummaryBody.of(item) for item in shown],
        next=shown[-1].document_id if len(found) > given.limit else None,
    )


async def _document(call: Call, given: Piece) -> BaseModel:
    return PieceBody.cut(await call.desk.knowledge.document(given.document_id), given.offset, given.limit)


async def _explain(call: Call, given: Named) -> BaseModel:
    return ExplanationBody.model_validate((await call.desk.requests.explain(given.request_id)).as_dict())


async def _requests(call: Call, given: Stories) -> BaseModel:
    found = await call.desk.requests.list(
        limit=given.limit + 1, before=place_of(given.before), failed=given.failed
    )
    shown = found[: given.limit]
    return RequestList(
        requests=[RequestBody.model_validate(item, from_attributes=True) for item in shown],
        next=cursor_of(shown[-1].place) if len(found) > given.limit else None,
    )


async def _check(call: Call, given: Asked) -> BaseModel:
    decision = await call.desk.access.check(given.permission)
    return DecisionBody(allowed=decision.allowed, permission=decision.permission, because=decision.because)


async def _prompts(call: Call, _: Nothing) -> BaseModel:
    return PromptList(prompts=[PromptSummaryBody.of(item) for item in await call.desk.prompts.list()])


async def _render(call: Call, given: Filled) -> BaseModel:
    messages = await call.desk.prompts.render(given.name, given.values)
    return RenderedMessages(messages=[MessageBody.of(message) for message in messages])


READING: tuple[Tool[Any], ...] = (
    Tool(
        "search",
        "Find passages",
        "Find passages in the knowledge base that the user may see, best first. Use it to read what is known about a problem.",
        SearchRequest,
        SearchResponse,
        _search,
        foreign=True,
    ),
    Tool(
        "ask",
        "Get a cited answer",
        "Answer a question from the knowledge base, with citations. `found` is false where it holds no answer: say so then.",
        Question,
        AnswerBody,
        _ask,
        foreign=True,
    ),
    Tool(
        "list_documents",
        "List documents",
        "List the documents that the user may see. Where `next` is not null there are more: give it as `after`.",
        Page,
        DocumentList,
        _documents,
    ),
    Tool(
        "read_document",
        "Read a document",
        "Read a document's text, a piece at a time. Where `next_offset` is not null there is more: give it as `offset`.",
        Piece,
        PieceBody,
        _document,
        foreign=True,
    ),
    Tool(
        "explain_request",
        "Explain a request",
        "Say how a request came about: what was searched, found, cached, sent to which model, and what it cost.",
        Named,
        ExplanationBody,
        _explain,
    ),
    Tool(
        "list_requests",
        "List requests",
        "List the user's requests, newest first; for operators all of the tenant.",
        Stories,
        RequestList,
        _requests,
    ),
    Tool(
        "check_access",
        "Check a permission",
        "Say whether the user may do something, and why.",
        Asked,
        DecisionBody,
        _check,
    ),
    Tool("list_prompts", "List prompts", "List the prompt templates.", Nothing, PromptList, _prompts),
    Tool(
        "render_prompt",
        "Fill in a prompt",
        "Fill in the variables of a prompt template's production version.",
        Filled,
        RenderedMessages,
        _render,
    ),
)
