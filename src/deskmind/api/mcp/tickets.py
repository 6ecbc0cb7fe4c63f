"""The tools about tickets; they change nothing either."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from deskmind.api.mcp.tool import Tool
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
from deskmind.desk import Desk

__all__ = ["TICKETS"]


async def _predict(desk: Desk, given: PredictRequest) -> BaseModel:
    said = await desk.triage.predict(given.texts, threshold=given.threshold)
    return PredictResponse.model_validate({"predictions": [one.as_dict() for one in said]})


async def _similar(desk: Desk, given: SimilarRequest) -> BaseModel:
    found = await desk.triage.similar(
        given.text, limit=given.limit, least=given.least, resolved_only=given.resolved_only
    )
    return SimilarResponse.model_validate({"tickets": [one.as_dict() for one in found]})


async def _duplicates(desk: Desk, given: DuplicatesRequest) -> BaseModel:
    found = await desk.triage.duplicates([one.ticket() for one in given.tickets], least=given.least)
    return DuplicatesResponse.model_validate({"groups": [one.as_dict() for one in found]})


async def _clusters(desk: Desk, given: ClustersRequest) -> BaseModel:
    found = await desk.triage.clusters(
        [one.ticket() for one in given.tickets],
        window=timedelta(minutes=given.window_minutes),
        least=given.least,
        similarity=given.similarity,
    )
    return ClustersResponse.model_validate({"clusters": [one.as_dict() for one in found]})


TICKETS: tuple[Tool[Any], ...] = (
    Tool(
        "predict_triage",
        "Predict a ticket's labels",
        "Say which category, priority and group people would choose for tickets, how sure that is, and why."
        " Where a guess is abstained from, a person should choose.",
        PredictRequest,
        PredictResponse,
        _predict,
    ),
    Tool(
        "similar_tickets",
        "Find similar tickets",
        "Find tickets of the past that are like a new one, best first, among those you may see.",
        SimilarRequest,
        SimilarResponse,
        _similar,
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
)
