"""Tables and colour on a terminal, plain text or JSON in a pipe."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

__all__ = ["one_line", "print_json", "print_rows", "print_table", "print_value", "say", "shown", "write_file"]

_SEPARATORS = re.compile(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
# what a terminal acts on instead of showing: controls, the overrides of the writing direction, halves of characters
_ACTING = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)")
_HALVES = re.compile("[\ud800-\udfff]")


def shown(text: str) -> str:
    """``text`` with everything that a terminal would act on as an escape such as ``\\x1b``; lines and tabs stay."""
    return _ACTING.sub(_escaped, text)


def one_line(text: str) -> str:
    """As ``shown``, with line ends and tabs escaped too: a name is one line."""
    return shown(text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t"))


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write(_HALVES.sub(_json_escaped, text) + "\n")


def say(text: str) -> None:
    """A line on standard output; a terminal is not made to act on it."""
    sys.stdout.write((shown(text) if sys.stdout.isatty() else text) + "\n")


def print_value(value: Any, text: str, *, as_json: bool) -> None:
    """JSON, or the line that says the same to a person."""
    if as_json:
        print_json(value)
    else:
        say(text)


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    as_json: bool,
    empty: str,
    document: Any = None,
) -> None:
    """Rows as JSON, or as a table of some of their fields.

    Args:
        rows: by field.
        columns: the fields of the table, which are its headings too.
        as_json: whether JSON is wanted.
        empty: what a terminal is shown where there is no row.
        document: the JSON, where it is not the rows themselves.
    """
    if as_json:
        print_json(rows if document is None else document)
    else:
        print_table(columns, [[_cell(row[column]) for column in columns] for row in rows], empty=empty)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str) -> None:
    """A table on a terminal, tab-separated lines with a header in a pipe."""
    if not sys.stdout.isatty():
        if rows:
            say("\t".join(columns))
        for row in rows:
            say("\t".join(shown(_SEPARATORS.sub(" ", str(cell))) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        say(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(str(cell))) for cell in row))
    Console().print(table)


def write_file(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read.

    Raises:
        InvalidRequestError: it cannot be written.
    """
    from deskmind.errors import InvalidRequestError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be written.", why=f"{error.strerror}.") from error


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, cast("Sequence[Any]", value)))
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)


def _escaped(found: re.Match[str]) -> str:
    return ascii(found.group())[1:-1]


def _json_escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"
