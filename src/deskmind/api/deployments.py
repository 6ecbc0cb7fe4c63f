"""``/v1/deployments``: the endpoints behind the configured models, their prices, and whether they answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from deskmind.api.schemas import Amount, Problem
from deskmind.api.strictness import Body
from deskmind.desk import Desk

__all__ = ["add_deployments"]

_TAGS: list[Any] = ["deployments"]


class PriceBody(BaseModel):
    """US dollars for a million tokens."""

    input: Amount
    output: Amount
    cached_input: Amount | None


class DeploymentBody(BaseModel):
    """An endpoint behind a model; no credential."""

    deployment: str = Field(examples=["primary"])
    provider: str = Field(examples=["openai"])
    model: str = Field(description="as the provider names it", examples=["gpt-4o-mini"])
    price: PriceBody | None = Field(description="null where it is not known")
    max_input_tokens: int | None
    max_output_tokens: int | None
    available: bool = Field(description="false while it is out because calls of it failed")


class DeployedModelBody(BaseModel):
    """A configured model."""

    model: str = Field(examples=["fast"])
    policy: str = Field(description="how a deployment is chosen", examples=["order"])
    deployments: list[DeploymentBody]


class DeployedModelList(BaseModel):
    """Models, by name."""

    models: list[DeployedModelBody]


class TestModels(Body):
    """Which models are tried."""

    __test__ = False

    models: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list, max_length=100, description="names; all of them when empty"
    )


class TriedBody(BaseModel):
    """What a deployment did with a call of a few tokens."""

    model: str = Field(examples=["fast"])
    deployment: str = Field(examples=["primary"])
    state: str = Field(description="`ok`, or the code of the error", examples=["ok"])
    seconds: float | None = Field(description="until the reply; null without one")
    finding: str = Field(examples=["gpt-4o-mini answers"])


class TriedList(BaseModel):
    """One entry for each deployment."""

    results: list[TriedBody]


def add_deployments(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""

    @routes.get(
        "/deployments",
        operation_id="listDeployments",
        tags=_TAGS,
        summary="The configured models with their deployments and prices",
    )
    async def deployments(desk: Desk = asker) -> DeployedModelList:
        found = await desk.models.list()
        return DeployedModelList.model_validate({"models": [one.as_dict() for one in found]})

    @routes.post(
        "/deployments/test",
        operation_id="testDeployments",
        tags=_TAGS,
        responses={404: {"model": Problem, "description": "no such model"}},
        summary="Call each deployment once with a few tokens; for operators",
    )
    async def test(body: TestModels, desk: Desk = asker) -> TriedList:
        return TriedList.model_validate({"results": await desk.models.test(body.models)})
