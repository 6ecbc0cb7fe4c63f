"""Usage and budgets under ``/v1``."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from deskmind.api.schemas import Amount, Problem
from deskmind.api.strictness import Body, Moment
from deskmind.desk import Desk
from deskmind.gateway.usage import Grouping, UsageRow

__all__ = ["add_spending"]


class UsageLine(BaseModel):
    """What calls of one group used."""

    group: dict[str, str] = Field(examples=[{"model": "fast"}])
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Amount = Field(description="of the calls whose price is known")
    unpriced: int = Field(description="calls without a known price; they are not in cost_usd")
    estimated: int
    unsettled: int
    errors: int
    mean_seconds: float

    @classmethod
    def of(cls, row: UsageRow) -> UsageLine:
        """From a row of the report."""
        return cls(
            group=row.group,
            calls=row.calls,
            input_tokens=row.input_tokens,
            cached_tokens=row.cached_tokens,
            output_tokens=row.output_tokens,
            reasoning_tokens=row.reasoning_tokens,
            cost_usd=row.cost,
            unpriced=row.unpriced,
            estimated=row.estimated,
            unsettled=row.unsettled,
            errors=row.errors,
            mean_seconds=row.mean_seconds,
        )


class UsageReport(BaseModel):
    """A report, dearest group first."""

    usage: list[UsageLine]


class BudgetBody(Body):
    """A limit; US dollars, tokens, or both."""

    window: Literal["minute", "day", "month"] = Field(description="in UTC")
    usd: Decimal | None = Field(None, ge=0, lt=10**12, examples=["100"])
    tokens: int | None = Field(None, ge=0, lt=2**63)
    per: list[Literal["user", "key", "feature", "model"]] = Field(default_factory=list[Any])
    user: str | None = None
    key: str | None = None
    feature: str | None = None
    model: str | None = None


class BudgetState(BaseModel):
    """A budget and what is taken of it in its current window."""

    name: str
    window: str
    usd: Amount | None
    tokens: int | None
    per: list[str]
    feature: str | None
    model: str | None
    taken: dict[str, Amount]


class BudgetList(BaseModel):
    """A tenant's budgets."""

    budgets: list[BudgetState]


Name = Annotated[str, Path(min_length=1, max_length=100)]


def add_spending(routes: APIRouter, asker: Any) -> None:
    """Add the resources to a router; ``asker`` is the dependency that gives the desk."""

    @routes.get(
        "/usage", operation_id="reportUsage", tags=["usage"], summary="What model calls used and cost"
    )
    async def report_usage(
        by: Annotated[list[Grouping], Query(min_length=1, max_length=4)],
        desk: Desk = asker,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> UsageReport:
        rows = await desk.usage.report(by, since=since, until=until)
        return UsageReport(usage=[UsageLine.of(row) for row in rows])

    @routes.get("/budgets", operation_id="listBudgets", tags=["usage"], summary="List budgets")
    async def list_budgets(desk: Desk = asker) -> BudgetList:
        return BudgetList(
            budgets=[
                BudgetState(
                    name=budget.name,
                    window=budget.window,
                    usd=budget.usd,
                    tokens=budget.tokens,
                    per=list(budget.per),
                    feature=budget.feature,
                    model=budget.model,
                    taken=taken,
                )
                for budget, taken in await desk.budgets.list()
            ]
        )

    @routes.put(
        "/budgets/{name}",
        operation_id="setBudget",
        tags=["usage"],
        status_code=204,
        summary="Make or replace a budget",
        responses={404: {"model": Problem, "description": "no such user"}},
    )
    async def set_budget(name: Name, body: BudgetBody, desk: Desk = asker) -> Response:
        await desk.budgets.set(name, **body.model_dump())
        return Response(status_code=204)

    @routes.delete(
        "/budgets/{name}",
        operation_id="deleteBudget",
        tags=["usage"],
        status_code=204,
        summary="Remove a budget",
        responses={404: {"model": Problem, "description": "no such budget"}},
    )
    async def delete_budget(name: Name, desk: Desk = asker) -> Response:
        await desk.budgets.delete(name)
        return Response(status_code=204)
