"""Stories of requests under ``/v1``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from deskmind.api.cursors import Before, cursor_of, place_of
from deskmind.api.schemas import Amount, Problem
from deskmind.desk import Desk
from deskmind.explain.explanation import AnswerFacts, CacheDecision, PassageFate, PromptUse, Try
from deskmind.observability.story import ToldStep

__all__ = ["add_requests"]

Kind = Literal["http", "operation", "job"]


class RequestBody(BaseModel):
    """One story in a list."""

    request_id: str
    kind: Kind
    operation: str = Field(examples=["knowledge.ask"])
    error: str = Field(description="code, empty for none")
    began_at: datetime
    seconds: float
    principal: str
    found: bool | None = Field(description="whether a question was answered; null where none was asked")


class RequestList(BaseModel):
    """Stories, newest first."""

    requests: list[RequestBody]
    next: str | None = Field(description="give it as `before` for the next page; null on the last one")


class PartBody(BaseModel):
    """A request, or a job that ran for it."""

    kind: Kind
    operation: str
    outcome: Literal["ok", "error", "cancelled"]
    error: str
    began_at: datetime
    seconds: float
    principal: str
    principal_id: str
    role: str
    groups: list[str] = Field(description="names, or ids, at that time")
    question: str = Field(description="empty unless explain.keep_questions")
    http: dict[str, str | int] = Field(description="method, route and status of a request over HTTP")
    prompts: list[PromptUse]
    candidates: dict[str, int]
    limit: int | None
    passages: list[PassageFate]
    answer: AnswerFacts | None
    caches: list[CacheDecision]
    redactions: dict[str, int]
    jobs: list[dict[str, str]]
    steps: list[ToldStep] = Field(description="a tree; times in seconds from `began_at`")
    dropped: int = Field(description="steps and facts beyond the bounds of a story")


class CallBody(BaseModel):
    """A model call in the ledger."""

    call_id: str
    started_at: datetime
    feature: str
    operation: str
    model: str
    deployment: str
    outcome: str
    error: str
    seconds: float
    first_token_seconds: float | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Amount | None = Field(description="null when the price is not known")
    attempts: int
    tries: list[Try]


class ExplanationBody(BaseModel):
    """Everything that is known of one request."""

    request_id: str
    tenant: str
    parts: list[PartBody]
    calls: list[CallBody]
    input_tokens: int
    output_tokens: int
    cost_usd: Amount
    unpriced: int


def add_requests(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""

    @routes.get(
        "/requests",
        operation_id="listRequests",
        tags=["requests"],
        summary="List requests, newest first: one's own, or all as an operator",
    )
    async def list_requests(
        desk: Desk = asker,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Before = None,
        operation: Annotated[str | None, Query(max_length=100)] = None,
        failed: bool = False,
    ) -> RequestList:
        found = await desk.requests.list(
            limit=limit, before=place_of(before), operation=operation, failed=failed
        )
        return RequestList(
            requests=[RequestBody.model_validate(item, from_attributes=True) for item in found],
            next=cursor_of(found[-1].place) if len(found) == limit else None,
        )

    @routes.get(
        "/requests/{request_id}",
        operation_id="explainRequest",
        tags=["requests"],
        summary="Explain a request: scope, passages, caches, model calls, cost, timings",
        responses={404: {"model": Problem, "description": "no such request of yours"}},
    )
    async def explain_request(
        request_id: Annotated[str, Path(max_length=128)], desk: Desk = asker
    ) -> ExplanationBody:
        return ExplanationBody.model_validate((await desk.requests.explain(request_id)).as_dict())
