"""Tickets in CSV files, plain or compressed with gzip."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deskmind.errors import ConfigurationError, InvalidRequestError
from deskmind.triage.predictions import Prediction
from deskmind.triage.tickets import TrainingTicket

__all__ = ["Table", "read_table", "write_predictions"]

_GZIP = b"\x1f\x8b"
_LONGEST_FIELD = 10_000_000
_SEPARATED = "The header has no comma: separate the columns with commas, not with semicolons or tabs."


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file.

    Attributes:
        columns: names, in order.
        rows: by column.
    """

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def texts(self, column: str) -> list[str]:
        """One column.

        Raises:
            InvalidRequestError: there is no such column.
        """
        self._check(column)
        self._check_texts(column)
        return [row[column] for row in self.rows]

    def tickets(self, text_column: str, label_columns: Sequence[str]) -> list[TrainingTicket]:
        """Rows as tickets that are resolved; an empty label is none.

        Raises:
            InvalidRequestError: there is no such column.
        """
        for column in (text_column, *label_columns):
            self._check(column)
        self._check_texts(text_column)
        return [
            TrainingTicket(
                row[text_column],
                {column: row[column].strip() for column in label_columns if row[column].strip()},
            )
            for row in self.rows
        ]

    def new_tickets(
        self, text_column: str, reference_column: str | None = None, time_column: str | None = None
    ) -> list[TrainingTicket]:
        """Rows as tickets without labels, to be compared with each other; without a zone a time is UTC.

        Raises:
            InvalidRequestError: there is no such column, or a time is not one of ISO 8601.
        """
        for column in (text_column, reference_column, time_column):
            if column is not None:
                self._check(column)
        return [
            TrainingTicket(
                row[text_column],
                resolved=False,
                created_at=_time(row[time_column], number) if time_column is not None else None,
                reference=row[reference_column] if reference_column is not None else str(number),
            )
            for number, row in enumerate(self.rows, start=1)
        ]

    def _check_texts(self, column: str) -> None:
        if not any(row[column].strip() for row in self.rows):
            raise InvalidRequestError(
                f"The column '{column}' is empty in every row.",
                why="There are no texts of tickets.",
                remedy="Name the column of the texts with --text-column.",
            )

    def _check(self, column: str) -> None:
        if column not in self.columns:
            raise InvalidRequestError(
                f"The file has no column '{column}'.",
                why=f"Its columns are: {', '.join(self.columns)[:500]}.",
                remedy=_SEPARATED
                if len(self.columns) == 1 and any(mark in self.columns[0] for mark in ";\t|")
                else "Name the columns with --text-column and --label-column.",
            )


def read_table(path: Path) -> Table:
    """A CSV file with a header, in UTF-8; gzip is recognised by its first bytes.

    Raises:
        InvalidRequestError: it cannot be read, or is no such file.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data.startswith(_GZIP) else data).decode("utf-8-sig")
        csv.field_size_limit(_LONGEST_FIELD)
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns = tuple(next(reader, ()))
        _check_columns(columns, path)
        rows = tuple(_row(columns, fields, reader.line_num) for fields in reader if fields)
    except UnicodeDecodeError as error:
        raise _unreadable(
            path, f"Byte {error.start + 1:,} is no UTF-8; it may be a file of another encoding"
        ) from error
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise _unreadable(path, str(getattr(error, "strerror", None) or error)) from error
    if not rows:
        raise InvalidRequestError(
            "The file has no rows.",
            why=f"{path.name} has at most a header.",
            remedy="Give a CSV file with a header and a row for each ticket.",
        )
    return Table(columns, rows)


def _check_columns(columns: Sequence[str], path: Path) -> None:
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise InvalidRequestError(
            f"The file has two columns '{twice[0][:80]}'.",
            why=f"It is not clear which one of {path.name} is meant.",
            remedy="Name each column differently.",
        )


def _row(columns: Sequence[str], fields: Sequence[str], line: int) -> dict[str, str]:
    if len(fields) > len(columns):
        raise InvalidRequestError(
            f"Line {line:,} has {len(fields)} fields, and the header has {len(columns)}.",
            why="A comma in a text splits it where the text is not in quotes.",
            remedy='Put such texts in double quotes: "printer, second floor".',
        )
    return dict(zip(columns, [*fields, *[""] * (len(columns) - len(fields))], strict=True))


def _unreadable(path: Path, why: str) -> InvalidRequestError:
    return InvalidRequestError(
        "The file cannot be read as CSV.",
        why=f"{path.name or path}: {why}.",
        remedy="Give a CSV file with a header, in UTF-8, plain or compressed with gzip.",
    )


def write_predictions(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]], said: Iterable[Prediction]
) -> None:
    """The rows with what was said of them.

    For one target the columns ``label``, ``confidence`` (0 to 1) and ``abstained`` (``true`` or ``false``) are added; for
    several, three for each, such as ``priority_label``. The label is the likeliest also where it is abstained from.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for number, (row, prediction) in enumerate(zip(rows, said, strict=True)):
        added = _added(prediction)
        if number == 0:
            writer.writerow([*columns, *(_free(name, columns) for name in added)])
        writer.writerow([*(row[column] for column in columns), *added.values()])
    data = out.getvalue().encode()
    try:
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    except OSError as error:
        raise ConfigurationError(
            "The predictions cannot be written.",
            why=f"{path}: {error.strerror}.",
            remedy="Name another file with --output.",
        ) from error


def _time(text: str, number: int) -> datetime | None:
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidRequestError(
            f"Row {number} has no time that can be read.",
            remedy="Give times such as 2026-03-02T08:15:00+00:00.",
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _added(prediction: Prediction) -> dict[str, str]:
    several = len(prediction.guesses) > 1
    made: dict[str, str] = {}
    for target, guess in prediction.guesses.items():
        prefix = f"{target}_" if several else ""
        made[f"{prefix}label"] = guess.label
        made[f"{prefix}confidence"] = f"{guess.confidence:.4f}"
        made[f"{prefix}abstained"] = "true" if guess.abstained else "false"
    return made


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"predicted_{name}"
    return name
