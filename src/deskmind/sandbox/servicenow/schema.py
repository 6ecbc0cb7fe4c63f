"""Tables as the vendor has them: columns with their types, and classes that extend each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Column", "ColumnKind", "Schema", "Table", "parse_tables"]

ColumnKind = Literal[
    "string",
    "html",
    "integer",
    "decimal",
    "boolean",
    "choice",
    "glide_date_time",
    "glide_date",
    "glide_duration",
    "reference",
    "glide_list",
    "journal_input",
    "journal_list",
    "sys_class_name",
    "GUID",
    "domain_id",
]
_KINDS: dict[str, ColumnKind] = {
    "": "string",
    "html": "html",
    "int": "integer",
    "dec": "decimal",
    "bool": "boolean",
    "choice": "choice",
    "time": "glide_date_time",
    "date": "glide_date",
    "duration": "glide_duration",
    "journal": "journal_input",
    "journals": "journal_list",
    "class": "sys_class_name",
    "id": "GUID",
    "domain": "domain_id",
}
_COLUMN = re.compile(r"(?P<name>\w+)(?:(?P<mark>[>*])(?P<table>\w+)|:(?P<kind>\w+))?")
_HEADER = re.compile(
    r"(?P<name>\w+)(?: < (?P<parent>\w+))? \"(?P<label>[^\"]+)\" (?P<display>\w+)(?: (?P<prefix>[A-Z]+))?"
)
_LABELS = {"close_code": "Resolution code", "close_notes": "Resolution notes", "cmdb_ci": "Configuration item",
           "caller_id": "Caller", "comments": "Additional comments", "sys_id": "Sys ID"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `reference` names the table that references and lists point to."""

    name: str
    kind: ColumnKind
    reference: str = ""

    @property
    def label(self) -> str:
        """What forms call it."""
        plain = self.name.removeprefix("sys_").replace("_", " ")
        return _LABELS.get(self.name, plain.capitalize())


@dataclass(frozen=True, slots=True)
class Table:
    """One class of records. A class that extends another has its columns first, at the same places."""

    name: str
    label: str
    parent: str
    display: str
    prefix: str
    columns: tuple[Column, ...]
    places: dict[str, int]

    def place(self, column: str) -> int:
        """Where a column's value is in a row."""
        return self.places[column]


class Schema:
    """All tables by name."""

    def __init__(self, tables: Iterator[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self._families: dict[str, tuple[str, ...]] = {}
        for name in self.tables:
            for ancestor in self.ancestors(name):
                self._families[ancestor] = (*self._families.get(ancestor, ()), name)

    def __contains__(self, name: str) -> bool:
        return name in self.tables

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def ancestors(self, name: str) -> Iterator[str]:
        """The table itself and what it extends, upwards."""
        while name:
            yield name
            name = self.tables[name].parent

    def family(self, name: str) -> tuple[str, ...]:
        """The table itself and all that extend it."""
        return self._families[name]

    def is_a(self, name: str, ancestor: str) -> bool:
        """Whether `name` is `ancestor` or extends it."""
        return name in self._families.get(ancestor, ())

    def instance_of(self, table: str, column: str) -> bool:
        """Whether a table has a column."""
        return column in self.tables[table].places


def parse_tables(text: str) -> Iterator[Table]:
    """Tables from text: a header `name < parent "Label" display PREFIX`, then indented columns.

    A column is `name` (a string), `name:kind`, `name>table` (a reference) or `name*table` (a list of references).
    """
    known: dict[str, Table] = {}
    for block in re.split(r"\n(?=\w)", text.strip()):
        header, _, body = block.partition("\n")
        found = _HEADER.fullmatch(header.strip())
        if found is None:
            raise ValueError(f"not a table: {header}")
        parent = known.get(found["parent"] or "")
        columns = (*(parent.columns if parent else ()), *(_column(word) for word in body.split()))
        places = {column.name: place for place, column in enumerate(columns)}
        name, prefix = found["name"], found["prefix"] or ""
        known[name] = Table(
            name, found["label"], found["parent"] or "", found["display"], prefix, columns, places
        )
        yield known[name]


def _column(word: str) -> Column:
    found = _COLUMN.fullmatch(word)
    if found is None:
        raise ValueError(f"not a column: {word}")
    if found["mark"]:
        return Column(found["name"], "reference" if found["mark"] == ">" else "glide_list", found["table"])
    return Column(found["name"], _KINDS[found["kind"] or ""])
