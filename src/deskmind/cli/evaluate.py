"""``deskmind eval``: measuring quality on question files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.options import AsJson, Config, Home
from deskmind.cli.output import print_json, print_table
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
