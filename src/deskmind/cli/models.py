"""Models, what calls of them used, and budgets."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from deskmind.cli.directory import names
from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_rows, say
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.gateway import Budget
    from deskmind.gateway.service import DeploymentInfo, ModelInfo
    from deskmind.gateway.usage import UsageRow

__all__ = ["budget_app", "models_app", "usage_app"]

models_app = typer.Typer(help="Language models.", no_args_is_help=True)
usage_app = typer.Typer(help="What model calls used and cost.", no_args_is_help=True)
budget_app = typer.Typer(help="Limits on what model calls may use.", no_args_is_help=True)
_FAILED = 1
_NO_MODEL = "No model is configured. Define one under [models.NAME] in deskmind.toml."


@models_app.command("list")
def list_models(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List the configured models, their deployments and prices."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        found = await desk.models.list()
        print_rows(
            [_deployment_row(item, deployment) for item in found for deployment in item.deployments],
            ("model", "policy", "deployment", "in $/M", "out $/M", "reads", "state"),
            as_json=as_json,
            empty=_NO_MODEL,
            document=[item.as_dict() for item in found],
        )

    line.run(work)


@models_app.command("test")
def check_models(
    model: Annotated[list[str] | None, typer.Argument(help="Names; all when left out.")] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Call each deployment of the models once with a few tokens; exit code 1 when one fails."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        return await (await operator_of(app, tenant)).models.test(model or [])

    results = line.run(work)
    columns = ("model", "deployment", "state", "seconds", "finding")
    print_rows(results, columns, as_json=as_json, empty=_NO_MODEL)
    if any(item["state"] != "ok" for item in results):
        raise typer.Exit(_FAILED)


@usage_app.command("report")
def report(
    by: Annotated[
        str, typer.Option("--by", help="tenant, user, key, feature, model, deployment, day, outcome.")
    ] = "model",
    since: Annotated[
        str | None, typer.Option("--since", help="A date (2026-01-31), a time, or 7d, 24h, 30m.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="As --since; now when left out.")] = None,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Over the whole installation; without user and key.")
    ] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Sum up calls, tokens and US dollars; the last 30 days when no time is given."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        groups = names(by)
        usage = app.usage if all_tenants else (await operator_of(app, tenant)).usage
        rows = await usage.report(cast("Any", groups), since=moment(since), until=moment(until))
        print_rows(
            [
                {
                    **row.group,
                    "calls": row.calls,
                    "tokens in": row.input_tokens,
                    "tokens out": row.output_tokens,
                    "US dollars": f"{row.cost:.4f}",
                    "no price": row.unpriced,
                    "errors": row.errors,
                }
                for row in rows
            ],
            (*groups, "calls", "tokens in", "tokens out", "US dollars", "no price", "errors"),
            as_json=as_json,
            empty="No model was called in that time.",
            document=[_usage(row) for row in rows],
        )

    line.run(work)


@budget_app.command("set")
def set_budget(
    name: Annotated[str, typer.Argument()],
    window: Annotated[str, typer.Option("--window", help="minute, day or month, in UTC.")] = "month",
    usd: Annotated[str | None, typer.Option("--usd", help="Limit in US dollars.")] = None,
    tokens: Annotated[int | None, typer.Option("--tokens", min=0, help="Limit in tokens.")] = None,
    per: Annotated[
        str, typer.Option("--per", help="Each of these has the limit to itself: user, key, feature, model.")
    ] = "",
    user: Annotated[str | None, typer.Option("--user", "-u", help="Only this user's calls.")] = None,
    feature: Annotated[str | None, typer.Option("--feature", help="Only calls for this.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only calls of this model.")] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Make or replace a budget of a tenant."""
    line = CommandLine(home, config)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        await desk.budgets.set(
            name,
            window=cast("Any", window),
            usd=_dollars(usd),
            tokens=tokens,
            per=cast("Any", names(per)),
            user=user,
            feature=feature,
            model=model,
        )
        say(f"Set the budget {name}.")

    line.run(work)


@budget_app.command("list")
def list_budgets(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List a tenant's budgets and what is taken of them in the current window."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        found = await desk.budgets.list()
        print_rows(
            [
                {
                    **_budget(budget),
                    "US dollars": None if budget.usd is None else f"{budget.usd.normalize():f}",
                    "taken": [f"{value:f} {name}" for name, value in taken.items()],
                }
                for budget, taken in found
            ],
            ("budget", "window", "US dollars", "tokens", "per", "taken"),
            as_json=as_json,
            empty="No budget is set. Set one with: deskmind budget set NAME --usd 100",
            document=[
                {**_budget(budget), "taken": {name: str(value) for name, value in taken.items()}}
                for budget, taken in found
            ],
        )

    line.run(work)


@budget_app.command("delete")
def delete_budget(
    name: Annotated[str, typer.Argument()], tenant: Tenant = None, home: Home = None, config: Config = None
) -> None:
    """Remove a budget."""
    line = CommandLine(home, config)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        await desk.budgets.delete(name)
        say(f"Removed the budget {name}.")

    line.run(work)


def moment(text: str | None) -> datetime | None:
    """A date, a time, or how long ago: ``7d``, ``24h``, ``30m``.

    Raises:
        InvalidRequestError: it is none of these.
    """
    from deskmind.errors import InvalidRequestError

    if text is None:
        return None
    ago = re.fullmatch(r"(\d{1,6})([dhm])", text.strip())
    try:
        if ago:
            unit = {"d": "days", "h": "hours", "m": "minutes"}[ago[2]]
            return datetime.now(UTC) - timedelta(**{unit: int(ago[1])})
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InvalidRequestError(
            f"'{text}' is not a time.", remedy="Write a date such as 2026-01-31, or 7d, 24h, 30m."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _dollars(text: str | None) -> Decimal | None:
    from deskmind.errors import InvalidRequestError

    if text is None:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise InvalidRequestError(f"'{text}' is not an amount.", remedy="Write US dollars such as 25.50.")
    return found


def _usage(row: UsageRow) -> dict[str, Any]:
    return {
        **row.group,
        "calls": row.calls,
        "input_tokens": row.input_tokens,
        "cached_tokens": row.cached_tokens,
        "output_tokens": row.output_tokens,
        "reasoning_tokens": row.reasoning_tokens,
        "cost_usd": f"{row.cost.normalize():f}",
        "unpriced": row.unpriced,
        "estimated": row.estimated,
        "unsettled": row.unsettled,
        "errors": row.errors,
        "mean_seconds": round(row.mean_seconds, 4),
    }


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "budget": budget.name,
        "window": budget.window,
        "usd": None if budget.usd is None else f"{budget.usd.normalize():f}",
        "tokens": budget.tokens,
        "per": list(budget.per),
        "feature": budget.feature,
        "model": budget.model,
    }


def _deployment_row(model: ModelInfo, item: DeploymentInfo) -> dict[str, Any]:
    return {
        "model": model.name,
        "policy": model.policy,
        "deployment": item.name,
        "in $/M": item.price.input if item.price else "unknown",
        "out $/M": item.price.output if item.price else "unknown",
        "reads": item.max_input_tokens or "unknown",
        "state": "ok" if item.available else "out for a while",
    }
