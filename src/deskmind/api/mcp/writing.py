"""The tools that change something; offered only where writes are allowed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from deskmind.api.feedback import FeedbackBody, GiveFeedback
from deskmind.api.mcp.call import Call
from deskmind.api.mcp.tool import Arguments, Tool
from deskmind.api.schemas import DocumentBody, IngestBody

__all__ = ["WRITING"]


class Doomed(Arguments):
    """What to delete."""

    document_id: UUID


class Deleted(BaseModel):
    """What was deleted."""

    document_id: UUID


async def _add(call: Call, given: DocumentBody) -> BaseModel:
    report = await call.desk.knowledge.add(
        given.name,
        given.text.encode("utf-8", "surrogatepass"),
        media_type=given.media_type,
        uri=given.uri,
        groups=given.groups,
    )
    return IngestBody.of(report)


async def _delete(call: Call, given: Doomed) -> BaseModel:
    await call.desk.knowledge.delete(given.document_id)
    return Deleted(document_id=given.document_id)


async def _rate(call: Call, given: GiveFeedback) -> BaseModel:
    return FeedbackBody.of(
        await call.desk.feedback.give(
            given.request_id, given.rating, reason=given.reason, correction=given.correction
        )
    )


WRITING: tuple[Tool[Any], ...] = (
    Tool(
        "add_document",
        "Add a document",
        "Add a document to the knowledge base, or replace the user's document of the same name.",
        DocumentBody,
        IngestBody,
        _add,
        writes=True,
        destroys=True,
    ),
    Tool(
        "delete_document",
        "Delete a document",
        "Delete a document of the user's own, for good.",
        Doomed,
        Deleted,
        _delete,
        writes=True,
        destroys=True,
    ),
    Tool(
        "give_feedback",
        "Rate an answer",
        "Rate an answer that the user was given; replaces an earlier rating of it.",
        GiveFeedback,
        FeedbackBody,
        _rate,
        writes=True,
    ),
)
