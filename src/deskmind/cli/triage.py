"""``deskmind triage``: what people would choose for a ticket, learned from what they chose before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import print_json, print_rows, print_table, say
from deskmind.cli.session import CommandLine, desk_or_operator_of, operator_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deskmind.app import Deskmind
    from deskmind.triage import Embedded, Evaluation, Judged, Prediction, Table, TrainingTicket, TriageModel

__all__ = ["triage_app"]

triage_app = typer.Typer(
    help="Category, priority and group of tickets, without a language model.", no_args_is_help=True
)

CsvFile = Annotated[Path, typer.Option("--csv", help="Tickets with a header, in UTF-8; may be gzipped.")]
TextColumn = Annotated[str, typer.Option("--text-column", help="Column of the text, summary first.")]
LabelColumns = Annotated[
    list[str] | None,
    typer.Option("--label-column", help="Column of what people chose; again for further targets."),
]
ModelFolder = Annotated[
    Path | None,
    typer.Option(
        "--model", help="Folder of the model [default: triage in the data folder].", file_okay=False
    ),
]
ReferenceColumn = Annotated[
    str | None,
    typer.Option("--reference-column", help="Column of what people call it [default: line number]."),
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", min=0.0, max=1.0, help="Abstain below this confidence [default: 0.5]."),
]
Embed = Annotated[
    bool,
    typer.Option("--embed/--no-embed", help="Let meaning count beside words, where an embedder is there."),
]

_DEFAULT_FOLDER = "triage"
_DEFAULT_TARGET = "category"


@triage_app.command("train")
def train(
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="Tickets with a header; may be gzipped. Without it the tenant's synced tickets are learned from.",
            show_default=False,
        ),
    ] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumns = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "--output",
            help="Folder to write [default: triage in the data folder].",
            file_okay=False,
        ),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-t", help="Keep the model for this tenant, not in a folder.")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Of synced tickets: until it is done, or leave it to workers."),
    ] = True,
    threshold: Threshold = None,
    embed: Embed = True,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Learn from tickets of the past; minutes for tens of thousands. Of synced tickets it is a job that workers do."""
    line = CommandLine(home, config, as_json=as_json)
    line.guard(lambda: _check_training(csv, model, tenant, label_column))
    if csv is None:
        _train_on_synced(line, tenant, threshold=_threshold(threshold), embed=embed, wait=wait)
        return
    labels = label_column or [_DEFAULT_TARGET]

    def act() -> dict[str, Any]:
        from deskmind import __version__
        from deskmind.triage import learn, read_table, write_model

        tickets = read_table(csv).tickets(text_column, labels)
        learned = learn(
            tickets,
            embedded=_embedded(line, tickets, embed=embed),
            targets=labels,
            threshold=_threshold(threshold),
            release=__version__,
        )
        folder = model or line.settings(anywhere=True).home / _DEFAULT_FOLDER
        return {"model": str(folder), "sha256": write_model(learned, folder), **learned.provenance.as_dict()}

    async def store(app: Deskmind) -> dict[str, Any]:
        from deskmind.triage import read_table

        desk = await operator_of(app, tenant)
        tickets = read_table(csv).tickets(text_column, labels)
        stored = await desk.triage.train(
            tickets, targets=labels, threshold=_threshold(threshold), embed=embed
        )
        return stored.as_dict()

    told = line.guard(act) if tenant is None else line.run(store)
    if as_json:
        print_json(told)
        return
    where = told["model"] if tenant is None else f"version {told['version']} of {tenant}"
    _print_learned(told, where)


@triage_app.command("trainings")
def trainings(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List the last trainings by workers, newest first."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        desk = await operator_of(app, tenant)
        return [one.as_dict() for one in await desk.triage.trainings()]

    columns = ("training_id", "asked_at", "state", "tickets", "version", "problem")
    print_rows(line.run(work), columns, as_json=as_json, empty="No training was asked for yet.")


@triage_app.command("predict")
def predict(
    text: Annotated[str | None, typer.Argument(help="One ticket, in place of --csv.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Tickets with a header; may be gzipped.")] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumns = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Write the rows with label, confidence and abstained.", dir_okay=False),
    ] = None,
    model: ModelFolder = None,
    threshold: Threshold = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Predict with a trained model: a folder's, or with --tenant the tenant's newest; judge too if labels are there."""
    line = CommandLine(home, config, as_json=as_json)
    table, texts = line.guard(lambda: _asked(text, csv, output, text_column))

    def act() -> list[Prediction]:
        from deskmind.cli.triage_embedding import predict_new

        learned = _read(line, model)
        return predict_new(line.settings(anywhere=True), learned, texts, threshold=threshold)

    async def ask(app: Deskmind) -> list[Prediction]:
        desk = await desk_or_operator_of(app, tenant, user)
        return await desk.triage.predict(texts, threshold=threshold)

    said = line.guard(act) if tenant is None and not line.guard(line.afar) else line.run(ask)
    if table is not None and output is not None:
        line.guard(lambda: _write(output, table, said))
        figures = line.guard(lambda: _figures(table, text_column, label_column, said, threshold))
        _print_written(output, said, figures, as_json=as_json)
    elif as_json:
        print_json([prediction.as_dict() for prediction in said])
    else:
        _print_predictions(texts, said)


@triage_app.command("evaluate")
def evaluate(
    csv: CsvFile,
    text_column: TextColumn = "text",
    label_column: LabelColumns = None,
    test: Annotated[
        Path | None, typer.Option("--test", help="Judge on this file; learn from all of --csv.")
    ] = None,
    folds: Annotated[
        int,
        typer.Option("--folds", min=1, max=20, help="1 holds out a fifth; more hold out every ticket once."),
    ] = 1,
    model: Annotated[
        Path | None,
        typer.Option("--model", help="Judge this model on --csv; learn nothing.", file_okay=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write the held-out rows with what was said of them.")
    ] = None,
    threshold: Threshold = None,
    embed: Embed = True,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Learn from a part, judge on the rest: accuracy, macro F1, calibration, each label, confusion."""
    line = CommandLine(home, config, as_json=as_json)
    labels = label_column or [_DEFAULT_TARGET]

    def act() -> Judged:
        from deskmind import triage

        tickets = triage.read_table(csv).tickets(text_column, labels)
        if model is not None:
            return _judged(line, triage.read_model(model), tickets, threshold)
        vectors = _embedded(line, tickets, embed=embed)
        if test is None:
            return triage.evaluate(tickets, embedded=vectors, folds=folds, threshold=_threshold(threshold))
        held = triage.read_table(test).tickets(text_column, labels)
        learned = triage.learn(tickets, embedded=vectors, targets=labels, threshold=_threshold(threshold))
        return _judged(line, learned, held, None)

    judged = line.guard(act)
    if output is not None:
        line.guard(lambda: _write_judged(output, text_column, labels, judged))
    if as_json:
        print_json({target: found.as_dict() for target, found in judged.evaluations.items()})
        return
    _print_figures({target: found.figures() for target, found in judged.evaluations.items()})
    for target, found in judged.evaluations.items():
        _print_classes(target, found)


@triage_app.command("models")
def models(tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """List a tenant's models, newest first; the first one predicts."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        desk = await operator_of(app, tenant)
        return [stored.as_dict() for stored in await desk.triage.models()]

    columns = ("version", "trained_at", "trained_by", "tickets", "size")
    print_rows(line.run(work), columns, as_json=as_json, empty="Nothing has been learned yet.")


@triage_app.command("similar")
def similar(
    text: Annotated[str, typer.Argument(help="The new ticket.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=50)] = 5,
    everything: Annotated[bool, typer.Option("--all", help="Tickets that are open, too.")] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Find resolved tickets of a tenant's past that are like this one."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        desk = await operator_of(app, tenant)
        found = await desk.triage.similar(text, limit=limit, resolved_only=not everything)
        return [one.as_dict() for one in found]

    columns = ("reference", "similarity", "resolved", "labels")
    print_rows(line.run(work), columns, as_json=as_json, empty="Nothing is like it.")


@triage_app.command("duplicates")
def duplicates(
    csv: CsvFile,
    text_column: TextColumn = "text",
    reference_column: ReferenceColumn = None,
    least: Annotated[
        float, typer.Option("--least", min=0.01, max=1.0, help="Similarity from which two say the same.")
    ] = 0.8,
    as_json: AsJson = False,
) -> None:
    """Group the tickets of a file that say the same."""

    def act() -> list[dict[str, Any]]:
        from deskmind.triage import find_duplicates, read_table

        tickets = read_table(csv).new_tickets(text_column, reference_column)
        return [group.as_dict() for group in find_duplicates(tickets, least=least)]

    rows = CommandLine(None, None, as_json=as_json).guard(act)
    print_rows(rows, ("similarity", "references"), as_json=as_json, empty="No two say the same.")


@triage_app.command("clusters")
def clusters(
    csv: CsvFile,
    text_column: TextColumn = "text",
    reference_column: ReferenceColumn = None,
    time_column: Annotated[
        str, typer.Option("--time-column", help="Column of ISO 8601 times; without a zone they are UTC.")
    ] = "created_at",
    window: Annotated[float, typer.Option("--window", min=1, help="Minutes between neighbours.")] = 120,
    least: Annotated[int, typer.Option("--least", min=2, help="Tickets that make a cluster.")] = 5,
    similarity: Annotated[
        float, typer.Option("--similarity", min=0.01, max=1.0, help="From which two are neighbours.")
    ] = 0.3,
    as_json: AsJson = False,
) -> None:
    """Find major incidents: many tickets of a file that read alike within a short time."""

    def act() -> list[dict[str, Any]]:
        from datetime import timedelta

        from deskmind.triage import find_clusters, read_table

        tickets = read_table(csv).new_tickets(text_column, reference_column, time_column)
        found = find_clusters(tickets, window=timedelta(minutes=window), least=least, similarity=similarity)
        return [cluster.as_dict() for cluster in found]

    rows = CommandLine(None, None, as_json=as_json).guard(act)
    columns = ("first_at", "last_at", "terms", "references")
    print_rows(rows, columns, as_json=as_json, empty="There is no cluster.")


def _check_training(
    csv: Path | None, model: Path | None, tenant: str | None, labels: list[str] | None
) -> None:
    from deskmind.errors import InvalidRequestError

    if model is not None and (tenant is not None or csv is None):
        raise InvalidRequestError(
            "A tenant's model is kept in the database, not in a folder.",
            remedy="Leave out --model, or give --csv FILE without --tenant.",
        )
    if csv is None and labels:
        raise InvalidRequestError(
            "--label-column names a column of a file, and there is none.",
            why="Of synced tickets category, priority and assignment group are learned.",
            remedy="Give --csv FILE, or leave out --label-column.",
        )


def _train_on_synced(
    line: CommandLine, tenant: str | None, *, threshold: float, embed: bool, wait: bool
) -> None:
    async def work(app: Deskmind) -> tuple[dict[str, Any], dict[str, Any] | None]:
        from deskmind.errors import InvalidRequestError

        desk = await operator_of(app, tenant)
        asked = await desk.triage.retrain(threshold=threshold, embed=embed, wait=wait)
        if asked.state == "failed":
            raise InvalidRequestError(
                "Triage was not trained.",
                why=asked.problem,
                remedy="Connect a system and run `deskmind sync run`, or give --csv FILE.",
            )
        made = [one for one in await desk.triage.models() if one.version == asked.version]
        return asked.as_dict(), made[0].as_dict() if made else None

    asked, made = line.run(work)
    if line.as_json:
        print_json({**asked, "model": made})
    elif made is None:
        say(
            f"Training {asked['training_id']} waits for a worker; `deskmind triage trainings` shows how far it is."
        )
    else:
        _print_learned(made, f"version {made['version']}")


def _print_learned(told: dict[str, Any], where: str) -> None:
    by = "words and meaning" if told["embedding"] else "words alone"
    say(f"Learned from {told['tickets']:,} tickets, by {by}: {where}.")
    _print_figures(told["evaluation"])


def _threshold(given: float | None) -> float:
    from deskmind.triage import THRESHOLD

    return THRESHOLD if given is None else given


def _asked(
    text: str | None, csv: Path | None, output: Path | None, column: str
) -> tuple[Table | None, list[str]]:
    from deskmind.errors import InvalidRequestError
    from deskmind.triage import read_table

    if (text is None) == (csv is None):
        raise InvalidRequestError("What is to be predicted?", remedy="Give one ticket's text, or --csv FILE.")
    if output is not None and csv is None:
        raise InvalidRequestError(
            "There are no rows to write.", remedy="Give --csv FILE beside --output, or leave out --output."
        )
    if csv is None:
        return None, [text or ""]
    table = read_table(csv)
    return table, table.texts(column)


def _read(line: CommandLine, folder: Path | None) -> TriageModel:
    from deskmind.triage import read_model

    return read_model(folder or line.settings(anywhere=True).home / _DEFAULT_FOLDER)


def _embedded(line: CommandLine, tickets: Sequence[TrainingTicket], *, embed: bool) -> Embedded | None:
    from deskmind.cli.triage_embedding import embed_past

    return embed_past(line.settings(anywhere=True), [ticket.text for ticket in tickets]) if embed else None


def _judged(
    line: CommandLine, model: TriageModel, tickets: Sequence[TrainingTicket], threshold: float | None
) -> Judged:
    from deskmind.cli.triage_embedding import predict_new
    from deskmind.triage import judged

    texts = [ticket.text for ticket in tickets]
    said = predict_new(line.settings(anywhere=True), model, texts, threshold=threshold)
    return judged(tickets, said, threshold=model.threshold if threshold is None else threshold)


def _write(output: Path, table: Table, said: Sequence[Prediction]) -> None:
    from deskmind.triage import write_predictions

    write_predictions(output, table.columns, table.rows, said)


def _write_judged(output: Path, text_column: str, labels: Sequence[str], judged: Judged) -> None:
    from deskmind.triage import write_predictions

    rows = [
        {text_column: one.text, **{label: one.labels.get(label, "") for label in labels}}
        for one in judged.tickets
    ]
    write_predictions(output, (text_column, *labels), rows, judged.predictions)


def _figures(
    table: Table,
    text_column: str,
    label_columns: Sequence[str] | None,
    said: Sequence[Prediction],
    threshold: float | None,
) -> dict[str, dict[str, float | int]]:
    """How right the predictions are, where the file tells."""
    from deskmind.triage import judged

    told = [label for label in label_columns or [_DEFAULT_TARGET] if label in table.columns]
    found = judged(table.tickets(text_column, told), said, threshold=_threshold(threshold))
    return {target: evaluation.figures() for target, evaluation in found.evaluations.items()}


def _print_written(
    output: Path, said: Sequence[Prediction], figures: dict[str, Any], *, as_json: bool
) -> None:
    abstained = sum(any(guess.abstained for guess in one.guesses.values()) for one in said)
    if as_json:
        print_json(
            {"output": str(output), "tickets": len(said), "abstained": abstained, "evaluation": figures}
        )
        return
    say(f"Wrote {len(said):,} predictions to {output}; {abstained:,} are for a person to decide.")
    if figures:
        _print_figures(figures)


def _print_predictions(texts: Sequence[str], said: Sequence[Prediction]) -> None:
    rows = [
        (
            " ".join(text.split())[:60],
            target,
            guess.label if not guess.abstained else f"({guess.label}?)",
            f"{guess.confidence:.2f}",
            ", ".join(term.text for term in guess.terms),
            ", ".join(f"{one.reference} ({one.similarity:.2f})" for one in prediction.neighbours[:3]),
        )
        for text, prediction in zip(texts, said, strict=True)
        for target, guess in prediction.guesses.items()
    ]
    print_table(("ticket", "target", "label", "confidence", "because of", "reads like"), rows, empty="")


def _print_figures(figures: dict[str, Any]) -> None:
    columns = ("tickets", "accuracy", "macro_f1", "calibration_error", "accuracy_at_80")
    rows = [(target, *(found[column] for column in columns)) for target, found in figures.items()]
    print_table(("target", *columns), rows, empty="")


def _print_classes(target: str, found: Evaluation) -> None:
    say("")
    print_table(
        (target, "precision", "recall", "f1", "tickets", "taken for"),
        [
            (
                one.label,
                f"{one.precision:.3f}",
                f"{one.recall:.3f}",
                f"{one.f1:.3f}",
                one.tickets,
                _taken_for(found, place),
            )
            for place, one in enumerate(found.classes)
        ],
        empty="",
    )


def _taken_for(found: Evaluation, place: int) -> str:
    """The labels that a label is mistaken for most."""
    counts = [
        (count, found.classes[other].label)
        for other, count in enumerate(found.confusion[place])
        if count and other != place
    ]
    return ", ".join(f"{label} {count}" for count, label in sorted(counts, reverse=True)[:3])
