"""Triage of tickets under ``/v1/triage``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from deskmind.api.addresses import place
from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.triage import THRESHOLD, TrainingTicket

__all__ = ["add_triage"]

Text = Annotated[str, Field(min_length=1, max_length=20_000, description="summary first")]


class PredictRequest(Body):
    """Tickets whose labels are wanted."""

    texts: list[Text] = Field(min_length=1, max_length=200)
    threshold: float | None = Field(None, ge=0, le=1, description="abstain below this; default the model's")


class Chance(BaseModel):
    """A label and the chance that it is right."""

    label: str
    confidence: float


class TermBody(BaseModel):
    """What speaks for a label."""

    text: str
    weight: float


class GuessBody(BaseModel):
    """One target of one ticket."""

    label: str = Field(description="the likeliest, also where it is abstained from")
    confidence: float
    abstained: bool = Field(description="a person should choose")
    alternatives: list[Chance]
    terms: list[TermBody]


class NeighbourBody(BaseModel):
    """A ticket of the past that reads alike."""

    reference: str
    similarity: float
    resolved: bool
    labels: dict[str, str]
    uri: str = Field(description="where to look at it, where known")


class PredictionBody(BaseModel):
    """All targets of one ticket."""

    guesses: dict[str, GuessBody] = Field(description="by target")
    by_meaning: bool = Field(description="an embedder counted too; false where words were sure")
    neighbours: list[NeighbourBody] = Field(
        description="tickets of the past that read alike and that you may see"
    )


class PredictResponse(BaseModel):
    """In the order of the texts."""

    predictions: list[PredictionBody]


class TriageModelBody(BaseModel):
    """A trained model."""

    version: int
    trained_by: str
    trained_at: datetime
    tickets: int = Field(description="how many it has learned from")
    release: str
    sha256: str
    size: int = Field(description="bytes")
    evaluation: dict[str, dict[str, float]] = Field(description="by target, on tickets held out in training")
    left_out: dict[str, dict[str, int]] = Field(description="by target, labels of too few tickets")
    embedding: str = Field(description="space of the embedder that counted; empty without one")
    words_only: dict[str, dict[str, float]] = Field(
        description="as evaluation, where that embedder is absent"
    )


class TriageModelList(BaseModel):
    """Models, newest first; the first one predicts."""

    models: list[TriageModelBody]


class TrainingRequest(Body):
    """How to learn from the synchronised tickets."""

    threshold: float = Field(THRESHOLD, ge=0, le=1, description="confidence below which is abstained")
    embed: bool = Field(True, description="let meaning count beside words, where an embedder is")


class TrainingBody(BaseModel):
    """A training by a worker."""

    training_id: UUID
    asked_at: datetime
    scheduled: bool = Field(description="by the schedule, not by a person")
    threshold: float
    embed: bool
    state: Literal["waiting", "running", "done", "failed"]
    started_at: datetime | None
    finished_at: datetime | None
    tickets: int = Field(description="how many were learned from")
    version: int | None = Field(description="of the model that came of it")
    problem: str = Field(description="what went wrong")


class TrainingList(BaseModel):
    """The last twenty, newest first."""

    trainings: list[TrainingBody]


class SimilarRequest(Body):
    """A ticket to find others like it."""

    text: Text
    limit: int = Field(5, ge=1, le=50)
    least: float = Field(0.0, ge=0, le=1, description="similarity; from 0.8 on two tickets say the same")
    resolved_only: bool = True


class SimilarResponse(BaseModel):
    """Best first."""

    tickets: list[NeighbourBody]


class NewTicket(Body):
    """A ticket to be compared with others."""

    reference: str = Field(min_length=1, max_length=200)
    text: Text
    created_at: AwareDatetime | None = None

    def ticket(self) -> TrainingTicket:
        """As triage takes it."""
        return TrainingTicket(self.text, resolved=False, created_at=self.created_at, reference=self.reference)


class DuplicatesRequest(Body):
    """Tickets among which duplicates are looked for."""

    tickets: list[NewTicket] = Field(min_length=1, max_length=2_000)
    least: float = Field(0.8, gt=0, le=1)


class DuplicateBody(BaseModel):
    """Tickets that say the same, in the order they were given."""

    references: list[str]
    similarity: float


class DuplicatesResponse(BaseModel):
    """Groups, by their first ticket."""

    groups: list[DuplicateBody]


class ClustersRequest(Body):
    """New tickets among which a major incident may hide."""

    tickets: list[NewTicket] = Field(min_length=1, max_length=2_000)
    window_minutes: float = Field(120, gt=0, le=60 * 24 * 30)
    least: int = Field(5, ge=2, description="tickets that make a cluster")
    similarity: float = Field(0.3, gt=0, le=1)


class ClusterBody(BaseModel):
    """Tickets that may have one cause."""

    references: list[str]
    first_at: datetime
    last_at: datetime
    terms: list[str] = Field(description="what they share and others do not")
    cohesion: float


class ClustersResponse(BaseModel):
    """The largest first."""

    clusters: list[ClusterBody]


def add_triage(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["triage"]
    untrained: dict[int | str, dict[str, Any]] = {
        404: {"model": Problem, "description": "no model is trained"}
    }

    @routes.post(
        "/triage/predict",
        operation_id="predictTriage",
        tags=tags,
        responses=untrained,
        summary="What people would choose for these tickets, how sure that is, and why",
    )
    async def predict(body: PredictRequest, desk: Desk = asker) -> PredictResponse:
        said = await desk.triage.predict(body.texts, threshold=body.threshold)
        return PredictResponse.model_validate({"predictions": [one.as_dict() for one in said]})

    @routes.get(
        "/triage/models",
        operation_id="listTriageModels",
        tags=tags,
        summary="The trained models, newest first, with how good they are",
    )
    async def models(desk: Desk = asker) -> TriageModelList:
        found = await desk.triage.models()
        return TriageModelList.model_validate({"models": [one.as_dict() for one in found]})

    @routes.post(
        "/triage/trainings",
        operation_id="trainTriage",
        tags=tags,
        status_code=202,
        summary="Have a worker learn from the synchronised tickets; for operators",
    )
    async def train(
        body: TrainingRequest, request: Request, response: Response, desk: Desk = asker
    ) -> TrainingBody:
        asked = await desk.triage.retrain(threshold=body.threshold, embed=body.embed)
        response.headers["Location"] = place(request, f"/triage/trainings/{asked.training_id}")
        return TrainingBody.model_validate(asked.as_dict())

    @routes.get(
        "/triage/trainings",
        operation_id="listTriageTrainings",
        tags=tags,
        summary="The last trainings by workers, newest first; for operators",
    )
    async def trainings(desk: Desk = asker) -> TrainingList:
        found = await desk.triage.trainings()
        return TrainingList.model_validate({"trainings": [one.as_dict() for one in found]})

    @routes.get(
        "/triage/trainings/{training_id}",
        operation_id="getTriageTraining",
        tags=tags,
        responses={404: {"model": Problem, "description": "no such training"}},
        summary="How far a training is; for operators",
    )
    async def training(training_id: UUID, desk: Desk = asker) -> TrainingBody:
        found = await desk.triage.training(training_id)
        return TrainingBody.model_validate(found.as_dict())

    @routes.post(
        "/triage/similar",
        operation_id="findSimilarTickets",
        tags=tags,
        responses=untrained,
        summary="Tickets of the past that are like a new one, among those you may see",
    )
    async def similar(body: SimilarRequest, desk: Desk = asker) -> SimilarResponse:
        found = await desk.triage.similar(
            body.text, limit=body.limit, least=body.least, resolved_only=body.resolved_only
        )
        return SimilarResponse.model_validate({"tickets": [one.as_dict() for one in found]})

    @routes.post(
        "/triage/duplicates",
        operation_id="findDuplicateTickets",
        tags=tags,
        summary="Which of these tickets say the same; for operators",
    )
    async def duplicates(body: DuplicatesRequest, desk: Desk = asker) -> DuplicatesResponse:
        found = await desk.triage.duplicates([one.ticket() for one in body.tickets], least=body.least)
        return DuplicatesResponse.model_validate({"groups": [one.as_dict() for one in found]})

    @routes.post(
        "/triage/clusters",
        operation_id="findTicketClusters",
        tags=tags,
        summary="Major incidents among these tickets, the largest first; for operators",
    )
    async def clusters(body: ClustersRequest, desk: Desk = asker) -> ClustersResponse:
        found = await desk.triage.clusters(
            [one.ticket() for one in body.tickets],
            window=timedelta(minutes=body.window_minutes),
            least=body.least,
            similarity=body.similarity,
        )
        return ClustersResponse.model_validate({"clusters": [one.as_dict() for one in found]})
