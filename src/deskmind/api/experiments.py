"""Experiments on prompts under ``/v1``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from deskmind.api.schemas import Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk
from deskmind.prompts.experiments import Experiment, Variant
from deskmind.prompts.outcomes import ExperimentReport

__all__ = ["add_experiments"]

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such experiment"}}
_STOPPED: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "it has stopped already"}}
_TAKEN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "no such version of the prompt"},
    409: {"model": Problem, "description": "there is an experiment of this name"},
}
_Name = Annotated[str, Path(min_length=1, max_length=80)]


class VariantBody(Body):
    """One of the things tried."""

    name: str = Field(examples=["control"])
    version: int = Field(ge=0, le=2**31 - 1, description="of the prompt; 0 comes with Deskmind")
    weight: float = Field(1.0, ge=0, description="share of the users relative to the others")


class StartExperiment(Body):
    """An experiment to start."""

    name: str = Field(examples=["brief-answers"], description="never used again")
    prompt: str = Field(examples=["answer"], pattern=r"^[a-z][a-z0-9_.-]{0,79}$")
    variants: list[VariantBody] = Field(
        min_length=2, max_length=20, description="the first is what the others are compared with"
    )


class WeighVariants(Body):
    """New weights by variant; the others keep theirs."""

    weights: dict[str, float] = Field(min_length=1, max_length=20)


class ExperimentBody(BaseModel):
    """An experiment."""

    name: str
    prompt: str
    variants: list[VariantBody]
    running: bool
    started_by: str
    started_at: datetime
    stopped_at: datetime | None

    @classmethod
    def of(cls, experiment: Experiment) -> ExperimentBody:
        """From the SDK's experiment."""
        return cls.model_validate(experiment.as_dict())


class ExperimentList(BaseModel):
    """Every experiment, the newest first."""

    experiments: list[ExperimentBody]


class IntervalBody(BaseModel):
    """An estimate with the bounds of its confidence interval; null where there is too little to say."""

    estimate: float
    low: float | None
    high: float | None


class VariantResultBody(BaseModel):
    """A variant's value of a metric, each user counted once."""

    users: int
    observations: int
    value: IntervalBody
    difference: IntervalBody | None = Field(description="to the first variant; null for the first itself")
    differs: bool = Field(description="whether the interval of the difference excludes zero")


class MetricBody(BaseModel):
    """One metric by variant."""

    metric: str = Field(examples=["feedback"])
    kind: str = Field(description="`proportion` (Wilson, Newcombe) or `mean` (Student, Welch)")
    variants: dict[str, VariantResultBody]


class ExperimentReportBody(BaseModel):
    """What came of an experiment so far; each interval is taken alone."""

    experiment: str
    running: bool
    confidence: float
    metrics: list[MetricBody]

    @classmethod
    def of(cls, report: ExperimentReport) -> ExperimentReportBody:
        """From the SDK's report."""
        return cls.model_validate(report.as_dict())


def add_experiments(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""
    tags: list[Any] = ["experiments"]

    @routes.get(
        "/experiments", operation_id="listExperiments", tags=tags, summary="List experiments (operators)"
    )
    async def list_experiments(desk: Desk = asker) -> ExperimentList:
        return ExperimentList(experiments=[ExperimentBody.of(item) for item in await desk.experiments.all()])

    @routes.post(
        "/experiments",
        operation_id="startExperiment",
        tags=tags,
        status_code=201,
        summary="Give versions of a prompt to shares of the users (operators)",
        responses=_TAKEN,
    )
    async def start(body: StartExperiment, desk: Desk = asker) -> ExperimentBody:
        variants = [Variant(item.name, item.version, item.weight) for item in body.variants]
        return ExperimentBody.of(await desk.experiments.start(body.name, body.prompt, variants))

    @routes.get(
        "/experiments/{name}",
        operation_id="getExperimentReport",
        tags=tags,
        summary="What came of an experiment so far, with confidence intervals (operators)",
        responses=_NOT_FOUND,
    )
    async def report(
        name: _Name, desk: Desk = asker, confidence: Annotated[float, Query(ge=0.5, lt=1)] = 0.95
    ) -> ExperimentReportBody:
        return ExperimentReportBody.of(await desk.experiments.report(name, confidence=confidence))

    @routes.put(
        "/experiments/{name}/weights",
        operation_id="weighExperiment",
        tags=tags,
        summary="Change weights; only users of a variant whose weight changed are moved (operators)",
        responses={**_NOT_FOUND, **_STOPPED},
    )
    async def weigh(name: _Name, body: WeighVariants, desk: Desk = asker) -> ExperimentBody:
        return ExperimentBody.of(await desk.experiments.weigh(name, body.weights))

    @routes.post(
        "/experiments/{name}/stop",
        operation_id="stopExperiment",
        tags=tags,
        summary="End an experiment; everyone gets what is in production (operators)",
        responses={**_NOT_FOUND, **_STOPPED},
    )
    async def stop(name: _Name, desk: Desk = asker) -> ExperimentBody:
        return ExperimentBody.of(await desk.experiments.stop(name))
