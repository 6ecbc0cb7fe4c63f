"""``deskmind eval``: measuring quality on question files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.options import AsJson, Config, Home
from deskmind.cli.output import print_json, print_table, say
from deskmind.cli.session import CommandLine

if TYPE_CHECKING:
    from deskmind.app import Deskmind

__all__ = ["eval_app"]

eval_app = typer.Typer(help="Measure quality.", no_args_is_help=True)


@eval_app.callback()
def root() -> None:
    """Measure quality."""


@eval_app.command("retrieval")
def retrieval(
    corpus: Annotated[
        Path, typer.Option("--corpus", help="A folder of files, or a JSON list of {item, article}.")
    ],
    questions: Annotated[
        Path, typer.Option("--questions", help="JSON lines: question, item or document, value, …")
    ],
    details: Annotated[Path | None, typer.Option("--details", help="Write one JSON line a question.")] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ingest a corpus into a throw-away tenant, ask every question, print the scores."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> dict[str, Any]:
        from deskmind.evaluation import evaluate_retrieval

        return await evaluate_retrieval(app, corpus, questions, details=details)

    scores = line.run(work)
    if as_json:
        print_json(scores)
    else:
        print_table(
            ("measure", "value"),
            [(name, f"{value:.4f}" if isinstance(value, float) else value) for name, value in scores.items()],
            empty="",
        )


@eval_app.command("agent")
def agent(
    cases: Annotated[Path, typer.Argument(help="A YAML file of cases.", exists=True, dir_okay=False)],
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", help="An earlier result (--json) to compare with.", exists=True, dir_okay=False
        ),
    ] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Run cases of agents against a sandbox, with a scripted model; ends with 1 where one fails or fails anew."""
    line = CommandLine(home, config, as_json=as_json)

    def act() -> tuple[dict[str, Any], list[dict[str, Any]]]:
        from deskmind.evaluation.agents import compared, evaluate_agents, load_cases, summary

        settings = line.settings()
        before = json.loads(against.read_text("utf-8")) if against is not None else None
        found = summary(asyncio.run(evaluate_agents(load_cases(cases), settings=settings)))
        return found, compared(found, before) if before is not None else []

    scores, changes = line.guard(act)
    if as_json:
        print_json({**scores, "changes": changes} if against is not None else scores)
    else:
        _print_agents(scores, changes, compared_with=against)
    if scores["passed"] < scores["cases"]:
        raise typer.Exit(1)


def _print_agents(
    scores: dict[str, Any], changes: list[dict[str, Any]], *, compared_with: Path | None
) -> None:
    rows = [
        (
            "ok" if one["passed"] else "FAILED",
            one["name"],
            one["state"],
            one["proposals"],
            len(one["refused"]),
            one["usd"],
            "; ".join(one["failures"]),
        )
        for one in scores["outcomes"]
    ]
    print_table(("", "case", "state", "approvals", "refused", "usd", "why"), rows, empty="There is no case.")
    say(
        f"{scores['passed']} of {scores['cases']} passed ({scores['share']:.1%}); {scores['approvals']} approvals were asked for,"
        f" {scores['refused_calls']} calls refused; {scores['usd']} dollars."
    )
    _print_judges(scores)
    if compared_with is not None:
        table = [(one["case"], one["what"], one["before"], one["now"]) for one in changes]
        print_table(("case", "what", "before", "now"), table, empty="Nothing differs from before.")


def _print_judges(scores: dict[str, Any]) -> None:
    """What models said of the answers, and which of them were not asked."""
    verdicts = [
        (
            one["name"],
            said["model"],
            "skipped" if said["skipped"] else said["score"],
            said["threshold"],
            said["reason"],
        )
        for one in scores["outcomes"]
        for said in one["judged"]
    ]
    if not verdicts:
        return
    print_table(("case", "judge", "score", "wanted", "reason"), verdicts, empty="")
    say(
        f"{scores['judged']} verdicts of judges for {scores['judges_usd']} dollars; {scores['judges_skipped']} skipped,"
        " because their model is not configured."
    )


@eval_app.command("redaction")
def redaction(
    file: Annotated[Path, typer.Argument(help="Labelled texts: a JSON list or JSON lines of {text, spans}.")],
    ner: Annotated[bool, typer.Option("--ner", help="Look for names with a model as well.")] = False,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Find personal data in labelled texts, print how much was found and how much invented."""
    line = CommandLine(home, config, as_json=as_json)

    def act() -> dict[str, Any]:
        from deskmind.evaluation.redaction import evaluate_redaction, load_labelled
        from deskmind.governance.redaction import NerDetector, Redactor

        redactor = Redactor().with_detector(NerDetector()) if ner else Redactor()
        return evaluate_redaction(redactor, load_labelled(file))

    scores = line.guard(act)
    if as_json:
        print_json(scores)
        return
    columns = ("f2", "precision", "recall", "found", "missed", "invented")
    rows = [("all", *(scores[column] for column in columns))]
    rows += [(kind, *(of_type[column] for column in columns)) for kind, of_type in scores["by_type"].items()]
    print_table(("type", *columns), rows, empty="")
