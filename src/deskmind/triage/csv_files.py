"""Tickets in CSV files, plain or compressed with gzip."""

from __future__ import annotations

import csv
import gzip
import io
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
        return [row[column] for row in self.rows]

    def tickets(self, text_column: str, label_columns: Sequence[str]) -> list[TrainingTicket]:
        """Rows as tickets that are resolved; an empty label is none.

        Raises:
            InvalidRequestError: there is no such column.
        """
        for column in (text_column, *label_columns):
            self._check(column)
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

    def _check(self, column: str) -> None:
        if column not in self.columns:
            raise InvalidRequestError(
                f"The file has no column '{column}'.",
                why=f"Its columns are: {', '.join(self.columns)}.",
                remedy="Name the columns with --text-column and --label-column.",
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
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
        columns = tuple(reader.fieldnames or ())
        rows = tuple({column: row[column] or "" for column in columns} for row in reader)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequestError(
            "The file cannot be read as CSV.",
            why=f"{path.name}: {getattr(error, 'strerror', None) or error}.",
            remedy="Give a CSV file with a header, in UTF-8, plain or compressed with gzip.",
        ) from error
    if not rows:
        raise InvalidRequestError("The file has no rows.", why=f"{path.name} has at most a header.")
    return Table(columns, rows)


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
