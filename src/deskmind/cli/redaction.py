"""``deskmind redact``: personal and secret data out of texts; without a database unless by a tenant's rules."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.options import Config, Home
from deskmind.cli.output import print_table, say
from deskmind.cli.server import not_remote
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.governance.redaction import Redacted, Redactor

__all__ = ["redact"]


def redact(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to read; standard input when none is named.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="A text instead of files.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each finding, its score and reason.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Read JSON lines {id, text}; write {id, text, spans}.")
    ] = False,
    ner: Annotated[bool, typer.Option("--ner", help="Look for names with a model as well.")] = False,
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant",
            "-t",
            help="By the rules and names of this tenant; a server knows which.",
            show_default=False,
        ),
    ] = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Replace personal and secret data in texts by placeholders."""
    line = CommandLine(home, config, as_json=as_json)

    def show(items: list[dict[str, Any]], redacted: Iterable[Redacted]) -> None:
        for item, found in zip(items, redacted, strict=True):
            if as_json:
                _print_item(item, found)
            else:
                _print_text(found, explain=explain)

    def act(redactor: Redactor) -> None:
        for items in _items_of(files or [], text, as_json=as_json):
            show(items, (redactor.redact(item["text"]) for item in items))

    async def work(app: Deskmind) -> None:
        redactor: Any = await (await operator_of(app, tenant)).redaction.redactor()
        if not line.afar():
            act(_with_ner(redactor, ner=ner))
            return
        if ner:
            raise not_remote("Looking for names with a model, --ner,")
        for items in _items_of(files or [], text, as_json=as_json):
            show(items, await redactor.redact_all([item["text"] for item in items]))

    if tenant is not None or line.guard(line.afar):
        line.run(work)
    else:
        line.guard(lambda: act(_plain(ner=ner)))


def _plain(*, ner: bool) -> Redactor:
    from deskmind.governance.redaction import Redactor

    return _with_ner(Redactor(), ner=ner)


def _with_ner(redactor: Redactor, *, ner: bool) -> Redactor:
    from deskmind.governance.redaction import NerDetector

    return redactor.with_detector(NerDetector()) if ner and not redactor.slow else redactor


def _contents(files: list[Path], text: str | None) -> Iterator[str]:
    from deskmind.errors import InvalidRequestError

    if text is not None:
        yield text
    elif not files:
        yield sys.stdin.read()
    for file in files:
        try:
            yield file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise InvalidRequestError(
                f"{file} cannot be read.", why=f"{why}.", remedy="Name text files in UTF-8."
            ) from error


def _items_of(files: list[Path], text: str | None, *, as_json: bool) -> Iterator[list[dict[str, Any]]]:
    """The texts of each file, or of standard input: one, or those of its lines."""
    for content in _contents(files, text):
        if not as_json:
            yield [{"text": content}]
            continue
        lines = enumerate(content.splitlines(), start=1)
        yield [_item(line, number) for number, line in lines if line.strip()]


def _print_text(redacted: Redacted, *, explain: bool) -> None:
    say(redacted.text.rstrip("\n"))
    if explain:
        print_table(
            ("start", "end", "type", "score", "reason", "detector"),
            [
                (found.start, found.end, found.type, f"{found.score:.2f}", found.reason, found.detector)
                for found in redacted.findings
            ],
            empty="Nothing was found.",
        )


def _print_item(item: dict[str, Any], redacted: Redacted) -> None:
    spans = [
        {"start": found.start, "end": found.end, "type": str(found.type), "score": round(found.score, 3)}
        for found in redacted.findings
    ]
    result = {"id": item.get("id"), "text": redacted.text, "spans": spans}
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")


def _item(line: str, number: int) -> dict[str, Any]:
    from deskmind.errors import InvalidRequestError

    try:
        item = json.loads(line)
    except ValueError:
        item = None
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):  # pyright: ignore[reportUnknownMemberType]
        raise InvalidRequestError(
            f"Line {number} is not a JSON object with a text.",
            remedy='Give one JSON object a line: {"id": "1", "text": "…"}.',
        )
    return item  # pyright: ignore[reportUnknownVariableType]
