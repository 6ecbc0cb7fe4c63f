"""Experiments on prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_table, say
from deskmind.cli.session import CommandLine, operator_of
from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.prompts.experiments import Experiment, Variant
    from deskmind.prompts.intervals import Interval
    from deskmind.prompts.outcomes import ExperimentReport

__all__ = ["experiments_app"]

experiments_app = typer.Typer(
    help="Experiments: versions of a prompt for shares of the users.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="The experiment's name.")]


@experiments_app.command("start")
def start_experiment(
    name: Name,
    prompt: Annotated[str, typer.Argument(help="The prompt tried, such as answer.")],
    variants: Annotated[
        list[str],
        typer.Option(
            "--variant",
            "-v",
            help="NAME=VERSION or NAME=VERSION:WEIGHT; at least two, the first is what others are compared with.",
        ),
    ],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Give versions of a prompt to shares of the users."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        experiments = (await operator_of(app, tenant)).experiments
        _show(await experiments.start(name, prompt, [_variant(text) for text in variants]), as_json=as_json)

    line.run(work)


@experiments_app.command("list")
def list_experiments(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List experiments, the newest first."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        found = await (await operator_of(app, tenant)).experiments.all()
        if as_json:
            print_json([item.as_dict() for item in found])
            return
        print_table(
            ("experiment", "prompt", "state", "variants", "started", "by"),
            [
                (
                    item.name,
                    item.prompt,
                    "running" if item.running else "stopped",
                    _variants(item),
                    f"{item.started_at:%Y-%m-%d %H:%M}",
                    item.started_by,
                )
                for item in found
            ],
            empty="No experiments yet. Start one with: deskmind experiments start NAME PROMPT -v control=0 -v new=1",
        )

    line.run(work)


@experiments_app.command("show")
def show_experiment(
    name: Name,
    confidence: Annotated[
        float, typer.Option("--confidence", min=0.5, max=0.9999, help="Of each interval, taken alone.")
    ] = 0.95,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what came of an experiment so far, with confidence intervals."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        report = await (await operator_of(app, tenant)).experiments.report(name, confidence=confidence)
        if as_json:
            print_json(report.as_dict())
        else:
            print_table(
                ("metric", "kind", "variant", "users", "outcomes", "value", "difference", "differs"),
                _rows(report),
                empty="No outcomes yet.",
            )

    line.run(work)


@experiments_app.command("weigh")
def weigh_experiment(
    name: Name,
    weights: Annotated[list[str], typer.Argument(help="VARIANT=WEIGHT; the others keep theirs.")],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Change weights; only users of a variant whose weight changed are moved."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        experiments = (await operator_of(app, tenant)).experiments
        _show(await experiments.weigh(name, dict(_weight(text) for text in weights)), as_json=as_json)

    line.run(work)


@experiments_app.command("stop")
def stop_experiment(
    name: Name,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """End an experiment; from now on everyone gets what is in production."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        _show(await (await operator_of(app, tenant)).experiments.stop(name), as_json=as_json)

    line.run(work)


def _show(experiment: Experiment, *, as_json: bool) -> None:
    if as_json:
        print_json(experiment.as_dict())
    else:
        state = "runs" if experiment.running else "has stopped"
        say(f"{experiment.name} on {experiment.prompt} {state}: {_variants(experiment)}.")


def _variants(experiment: Experiment) -> str:
    return ", ".join(
        f"{item.name} = version {item.version}, weight {item.weight:g}" for item in experiment.variants
    )


def _rows(report: ExperimentReport) -> list[tuple[Any, ...]]:
    return [
        (
            metric.metric,
            metric.kind,
            variant,
            result.users,
            result.observations,
            _interval(result.value),
            _interval(result.difference) if result.difference else "",
            "yes" if result.differs else "",
        )
        for metric in report.metrics
        for variant, result in metric.variants.items()
    ]


def _interval(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.estimate:.4g}"
    return f"{found.estimate:.4g} ({found.low:.4g} to {found.high:.4g})"


def _variant(text: str) -> Variant:
    from deskmind.prompts.experiments import Variant

    name, _, value = text.partition("=")
    version, _, weight = value.partition(":")
    try:
        return Variant(name, int(version), float(weight or 1))
    except ValueError as error:
        raise InvalidRequestError(
            f"'{text[:80]}' is no variant.", remedy="Write NAME=VERSION or NAME=VERSION:WEIGHT."
        ) from error


def _weight(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise InvalidRequestError(f"'{text[:80]}' is no weight.", remedy="Write VARIANT=WEIGHT.") from error
