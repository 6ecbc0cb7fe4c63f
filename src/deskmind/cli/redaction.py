"""``deskmind redact``: personal and secret data out of texts; without a database unless by a tenant's rules."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.options import Config, Home
from deskmind.cli.output import print_table, say
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.governance.redaction import Redactor

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
        typer.Option("--tenant", "-t", help="By the rules and names of this tenant.", show_default=False),
    ] = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Replace personal and secret data in texts by placeholders."""
    line = CommandLine(home, config, as_json=as_json)

    def act(redactor: Redactor) -> None:
        for content in _contents(files or [], text):
            if as_json:
                _redact_lines(redactor, content)
            else:
                _redact_text(redactor, content, explain=explain)

    async def work(app: Deskmind) -> None:
        act(_with_ner(await (await operator_of(app, tenant)).redaction.redactor(), ner=ner))

    if tenant is not None:
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


def _redact_text(redactor: Redactor, content: str, *, explain: bool) -> None:
    redacted = redactor.redact(content, session=redactor.session())
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


def _redact_lines(redactor: Redactor, content: str) -> None:
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        item = _item(line, number)
        redacted = redactor.redact(item["text"])
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
