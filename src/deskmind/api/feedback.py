"""Feedback on answers, and quality, under ``/v1``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from deskmind.api.cursors import Before, cursor_of, place_of
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.feedback import FeedbackEntry, QualityGrouping, QualityRow, Rating, Reason
from deskmind.prompts.intervals import Interval

__all__ = ["add_feedback"]


class GiveFeedback(Body):
    """A rating of an answer one was given."""

    request_id: str = Field(min_length=1, max_length=128, description="of the answer")
    rating: Rating
    reason: Reason = ""
    correction: str = Field("", max_length=4_000, description="what the answer should have been")


class FeedbackBody(BaseModel):
    """A rating as it stands."""

    feedback_id: UUID
    request_id: str
    principal: str
    rating: Rating
    reason: Reason
    correction: str
    given_at: datetime
    revisions: int = Field(description="how often it was replaced")
    answered_at: datetime
    found: bool
    mode: str | None
    prompt: str | None
    prompt_version: int | None
    experiment: str | None
    variant: str | None
    documents: list[UUID] = Field(description="those the answer cites")

    @classmethod
    def of(cls, entry: FeedbackEntry) -> FeedbackBody:
        """From an entry."""
        return cls.model_validate(entry, from_attributes=True)


class FeedbackList(BaseModel):
    """Ratings, newest first."""

    feedback: list[FeedbackBody]
    next: str | None = Field(description="give it as `before` for the next page; null on the last one")


class QualityLine(BaseModel):
    """What is known of the answers of one group."""

    key: str
    name: str
    answers: int
    not_found: int
    not_found_rate: float
    up: int
    down: int
    corrections: int
    approval: Interval = Field(description="share of ratings that are up, with its 95 % interval")

    @classmethod
    def of(cls, row: QualityRow) -> QualityLine:
        """From a row of the report."""
        return cls.model_validate(row.as_dict())


class QualityReport(BaseModel):
    """A report, most thumbs down first."""

    quality: list[QualityLine]


def add_feedback(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["feedback"]

    @routes.post(
        "/feedback",
        operation_id="giveFeedback",
        tags=tags,
        status_code=201,
        summary="Rate an answer one was given; replaces an earlier rating of it",
        responses={404: {"model": Problem, "description": "no such answer of yours"}},
    )
    async def give_feedback(body: GiveFeedback, desk: Desk = asker) -> FeedbackBody:
        return FeedbackBody.of(
            await desk.feedback.give(
                body.request_id, body.rating, reason=body.reason, correction=body.correction
            )
        )

    @routes.get(
        "/feedback",
        operation_id="listFeedback",
        tags=tags,
        summary="List ratings, newest first: one's own, or all as an operator",
    )
    async def list_feedback(
        desk: Desk = asker,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Before = None,
        rating: Rating | None = None,
    ) -> FeedbackList:
        found = await desk.feedback.list(limit=limit, before=place_of(before), rating=rating)
        return FeedbackList(
            feedback=[FeedbackBody.of(item) for item in found],
            next=cursor_of(found[-1].place) if len(found) == limit else None,
        )

    @routes.get(
        "/quality",
        operation_id="reportQuality",
        tags=tags,
        summary="How answers are rated and how often nothing is found",
    )
    async def report_quality(
        by: QualityGrouping, desk: Desk = asker, since: datetime | None = None, until: datetime | None = None
    ) -> QualityReport:
        rows = await desk.quality.report(by, since=since, until=until)
        return QualityReport(quality=[QualityLine.of(row) for row in rows])
