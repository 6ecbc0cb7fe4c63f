"""The tools about tickets; they change nothing either."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field

from deskmind.api.agents import ProposalBody
from deskmind.api.mcp.call import Call
from deskmind.api.mcp.reading import PieceBody
from deskmind.api.mcp.tool import Arguments, Tool
from deskmind.api.triage import (
    ClustersRequest,
    ClustersResponse,
    DuplicatesRequest,
    DuplicatesResponse,
    PredictRequest,
    PredictResponse,
    SimilarRequest,
    SimilarResponse,
)
from deskmind.triage.predictions import Prediction

__all__ = ["TICKETS"]


_AT_ONCE = 50
"""Tickets between two words of progress."""


class TicketPiece(Arguments):
    """Which part of a ticket."""

    ticket: str = Field(min_length=1, max_length=200, description="what people call it, such as INC0012345")
    offset: int = Field(0, ge=0, description="characters to leave out; `next_offset` of the piece before")
    limit: int = Field(20_000, ge=1, le=100_000, description="characters")


class Waiting(Arguments):
    """Which proposals."""

    waiting: bool = Field(True, description="false adds what is decided")
    limit: int = Field(50, ge=1, le=200)


class Proposals(BaseModel):
    """Proposals, the oldest first."""

    proposals: list[ProposalBody]
    more: bool = Field(description="whether there are further ones: ask with a higher limit")


async def _ticket(call: Call, given: TicketPiece) -> BaseModel:
    return PieceBody.cut(await call.desk.knowledge.ticket(given.ticket), given.offset, given.limit)


async def _approvals(call: Call, given: Waiting) -> BaseModel:
    found = await call.desk.approvals.list(waiting=given.waiting, limit=given.limit + 1)
    shown = [one.as_dict() for one in found[: given.limit]]
    return Proposals.model_validate({"proposals": shown, "more": len(found) > given.limit})


async def _predict(call: Call, given: PredictRequest) -> BaseModel:
    at_once = _AT_ONCE if call.wants_progress else len(given.texts)
    said: list[Prediction] = []
    for first in range(0, len(given.texts), at_once):
        texts = given.texts[first : first + at_once]
        said += await call.desk.triage.predict(texts, threshold=given.threshold)
        await call.progress(len(said), len(given.texts), f"{len(said)} of {len(given.texts)} tickets")
    return PredictResponse.model_validate({"predictions": [one.as_dict() for one in said]})


async def _similar(call: Call, given: SimilarRequest) -> BaseModel:
    found = await call.desk.triage.similar(
        given.text, limit=given.limit, least=given.least, resolved_only=given.resolved_only
    )
    return SimilarResponse.model_validate({"tickets": [one.as_dict() for one in found]})


async def _duplicates(call: Call, given: DuplicatesRequest) -> BaseModel:
    found = await call.desk.triage.duplicates([one.ticket() for one in given.tickets], least=given.least)
    return DuplicatesResponse.model_validate({"groups": [one.as_dict() for one in found]})


async def _clusters(call: Call, given: ClustersRequest) -> BaseModel:
    found = await call.desk.triage.clusters(
        [one.ticket() for one in given.tickets],
        window=timedelta(minutes=given.window_minutes),
        least=given.least,
        similarity=given.similarity,
    )
    return ClustersResponse.model_validate({"clusters": [one.as_dict() for one in found]})


TICKETS: tuple[Tool[Any], ...] = (
    Tool(
        "read_ticket",
        "Read a ticket",
        "Read a ticket of a connected system that the user may see, with its public comments, as it was last read, a piece at a"
        " time. Where `next_offset` is not null there is more: give it as `offset`.",
        TicketPiece,
        PieceBody,
        _ticket,
        foreign=True,
    ),
    Tool(
        "predict_triage",
        "Predict a ticket's labels",
        "Say which category, priority and group people would choose for tickets, how sure that is, and why."
        " Where a guess is abstained from, a person should choose.",
        PredictRequest,
        PredictResponse,
        _predict,
        foreign=True,
    ),
    Tool(
        "similar_tickets",
        "Find similar tickets",
        "Find tickets of the past that are like a new one, best first, among those you may see.",
        SimilarRequest,
        SimilarResponse,
        _similar,
        foreign=True,
    ),
    Tool(
        "duplicate_tickets",
        "Find duplicates",
        "Say which of these tickets say the same; for operators.",
        DuplicatesRequest,
        DuplicatesResponse,
        _duplicates,
    ),
    Tool(
        "ticket_clusters",
        "Find major incidents",
        "Find groups among new tickets that may have one cause; for operators.",
        ClustersRequest,
        ClustersResponse,
        _clusters,
    ),
    Tool(
        "list_approvals",
        "List what waits for approval",
        "List what agents propose and a person has to decide, the oldest first; for technicians.",
        Waiting,
        Proposals,
        _approvals,
        foreign=True,
    ),
)
