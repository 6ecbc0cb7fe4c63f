"""What travels over HTTP."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from deskmind.api.strictness import Body
from deskmind.knowledge.documents import Document, DocumentSummary
from deskmind.knowledge.ingest import IngestReport
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.retrieval import SearchFilter

__all__ = [
    "UUID_PATTERN",
    "Amount",
    "AnswerBody",
    "AskRequest",
    "CitationBody",
    "DocumentBody",
    "DocumentList",
    "DocumentSummaryBody",
    "DocumentText",
    "Health",
    "IngestBody",
    "PassageBody",
    "Problem",
    "Readiness",
    "SearchRequest",
    "SearchResponse",
]


UUID_PATTERN = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
Amount = Annotated[Decimal, WithJsonSchema({"type": "string", "format": "decimal"}, mode="serialization")]
"""A decimal number in an answer, such as US dollars; the format tells clients that the string is one."""


class DeskmindProblem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(examples=["urn:deskmind:problem:question-too-long"])
    title: str
    status: int
    detail: str = Field(description="what happened, why, and the remedy")
    why: str = ""
    remedy: str = ""
    request_id: str = ""


Problem = DeskmindProblem
"""In the document of an application that mounts ours, which may have a ``Problem`` of its own, it has the longer name."""


class FilterBody(Body):
    """Conditions on documents; all given must hold."""

    metadata: dict[str, str] = Field(default_factory=dict[str, str], max_length=20)
    media_type: str | None = Field(None, max_length=200)
    uri_prefix: str | None = Field(None, max_length=2000)
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    document_ids: list[UUID] = Field(default_factory=list[UUID], max_length=1000)

    def as_filter(self) -> SearchFilter:
        """The SDK's filter."""
        return SearchFilter(
            metadata=self.metadata,
            media_type=self.media_type,
            uri_prefix=self.uri_prefix,
            updated_after=self.updated_after,
            updated_before=self.updated_before,
            document_ids=tuple(self.document_ids),
        )


class SearchRequest(Body):
    """A query."""

    query: str = Field(pattern=r"\S", examples=["reset VPN token"])
    limit: int = Field(10, ge=1, le=200)
    filter: FilterBody | None = None


class AskRequest(Body):
    """A question."""

    question: str = Field(pattern=r"\S", examples=["How do I reset my VPN token?"])
    filter: FilterBody | None = None
    conversation: str | None = Field(
        None,
        pattern=f"^(new|{UUID_PATTERN})$",
        description="id of a conversation of your own that the question continues, or `new`",
        examples=["new"],
    )


class PassageBody(BaseModel):
    """A passage that was found."""

    chunk_id: UUID
    document_id: UUID
    title: str
    uri: str
    section: str
    text: str
    start: int = Field(description="offset in characters in the document's text")
    end: int
    score: float = Field(description="0 to 1, higher is better")

    @classmethod
    def of(cls, passage: Passage) -> Self:
        """From the SDK's passage."""
        return cls(
            chunk_id=UUID(passage.chunk_id),
            document_id=UUID(passage.document_id),
            title=passage.title,
            uri=passage.uri,
            section=" > ".join(passage.headings),
            text=passage.text,
            start=passage.start,
            end=passage.end,
            score=round(passage.score, 6),
        )


class SearchResponse(BaseModel):
    """Passages, best first."""

    passages: list[PassageBody]


class CitationBody(BaseModel):
    """Where a sentence stands."""

    number: int
    document_id: UUID
    title: str
    uri: str
    section: str
    start: int
    end: int
    quote: str


class SentenceBody(BaseModel):
    """A part of the answer and the number of its citation."""

    text: str
    citation: int


class PromptUseBody(BaseModel):
    """The prompt that a model worded an answer with."""

    name: str
    version: int = Field(description="0 is the prompt that comes with Deskmind")
    experiment: str = Field(description="the experiment that chose the version; empty outside one")
    variant: str


class DroppedBody(BaseModel):
    """What did not fit into the model's window."""

    part: str
    what: str = Field(examples=["passage 4"])
    tokens: int
    reason: str = Field(description="`room`, `share` or `orphan`")


class WindowBody(BaseModel):
    """What the request to the model held: tokens by part, how much was kept, what was left out."""

    limit: int = Field(description="tokens of the model's window, reply included")
    used: int
    tokens: dict[str, int]
    kept: dict[str, int]
    dropped: list[DroppedBody]
    summarised: int = Field(description="turns that a summary stands for")
    counter: str
    exact: bool = Field(description="whether the tokens are the model's own count, not an estimate")


class AnswerBody(BaseModel):
    """An answer with its citations."""

    question: str
    found: bool = Field(description="false when the knowledge you may see does not answer the question")
    text: str
    sentences: list[SentenceBody]
    citations: list[CitationBody]
    confidence: float
    mode: str = Field(description="`extractive` or `generated`", examples=["extractive"])
    model: str = Field("", description="the model that worded it")
    note: str = Field("", description="how it came about, such as that no model answered")
    prompt: PromptUseBody | None = Field(None, description="null without a model's words")
    window: WindowBody | None = Field(None, description="null where no request to a model was made")
    cache: str = Field(
        "", description="an answer worded before: `hit`, `miss` or `off`; empty without a model"
    )
    searched: str = Field("", description="what was searched for, where it is not the question as asked")
    conversation: str = Field("", description="id of the conversation that keeps it; empty without one")
    request_id: str

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """From the SDK's answer."""
        return cls(
            question=answer.question,
            found=answer.found,
            text=answer.text,
            sentences=[SentenceBody(text=item.text, citation=item.citation) for item in answer.sentences],
            citations=[
                CitationBody(
                    number=item.number,
                    document_id=UUID(item.document_id),
                    title=item.title,
                    uri=item.uri,
                    section=item.section,
                    start=item.start,
                    end=item.end,
                    quote=item.quote,
                )
                for item in answer.citations
            ],
            confidence=round(answer.confidence, 4),
            mode=answer.mode,
            model=answer.model,
            note=answer.note,
            prompt=PromptUseBody.model_validate(answer.prompt.as_dict()) if answer.prompt else None,
            window=WindowBody.model_validate(answer.window.as_dict()) if answer.window else None,
            cache=answer.cache,
            searched=answer.searched,
            conversation=answer.conversation,
            request_id=answer.request_id,
        )


class DocumentBody(Body):
    """A document as text."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=500, examples=["vpn.md"], description="its suffix tells the format"),
    ]
    text: Annotated[str, Field(min_length=1)]
    uri: str | None = Field(None, max_length=2000)
    media_type: str | None = Field(None, max_length=200)
    groups: list[str] = Field(default_factory=list[str], max_length=100)


class DocumentSummaryBody(BaseModel):
    """A document in a list."""

    document_id: UUID
    title: str
    uri: str
    media_type: str
    chunks: int
    version: int
    updated_at: datetime
    metadata: dict[str, Any]

    @classmethod
    def of(cls, summary: DocumentSummary) -> Self:
        """From the SDK's summary."""
        return cls.model_validate(summary.as_dict())


class DocumentText(DocumentSummaryBody):
    """A document with its text."""

    text: str

    @classmethod
    def of_document(cls, document: Document) -> Self:
        """From the SDK's document."""
        return cls.model_validate(document.as_dict())


class DocumentList(BaseModel):
    """One page; ``next`` continues it."""

    documents: list[DocumentSummaryBody]
    next: UUID | None = None


class IngestBody(BaseModel):
    """What became of an upload."""

    ingest_id: UUID
    state: str
    stored: int
    unchanged: int
    failed: int
    pending: int
    documents: int
    chunks: int
    failures: list[dict[str, Any]]

    @classmethod
    def of(cls, report: IngestReport) -> Self:
        """From the SDK's report."""
        return cls.model_validate(report.as_dict())


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"
    version: str


class Readiness(BaseModel):
    """Whether requests can be served, with the reason when not."""

    status: str
    checks: dict[str, str]
