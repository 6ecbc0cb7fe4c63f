"""The instance's database: rows by table and sys_id."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from importlib import resources
from operator import itemgetter
from typing import Any

from deskmind.sandbox.servicenow.schema import Schema, Table, parse_tables

__all__ = ["Row", "Store", "moment", "schema"]

Row = list[str]
"""The values of one record in the order of its table's columns; all are strings, empty where there is none."""


def moment(at: datetime | None) -> str:
    """A time as the vendor writes it: UTC, to the second; empty for None."""
    return str(at)[:19] if at else ""


@lru_cache(maxsize=1)
def schema() -> Schema:
    """The tables of every instance."""
    text = resources.files(__package__ or "").joinpath("tables.txt").read_text("utf-8")
    return Schema(parse_tables(text))


class Store:
    """Rows of all tables. `seed` decides the sys_ids of what is created."""

    def __init__(self, seed: int) -> None:
        self.schema = schema()
        self._seed = seed
        self._rows: dict[str, dict[str, Row]] = {name: {} for name in self.schema.tables}
        self._versions = dict.fromkeys(self.schema.tables, 0)
        self._ordered: dict[tuple[str, tuple[tuple[str, bool], ...]], tuple[int, list[Row]]] = {}
        self._indexes: dict[tuple[str, str], dict[str, dict[str, Row]]] = {}
        self._numbers: dict[str, int] = {}
        self._created = 0

    def key(self, table: str, name: object) -> str:
        """The sys_id of the seeded record that `name` identifies within its table."""
        return hashlib.md5(f"{self._seed}/{table}/{name}".encode(), usedforsecurity=False).hexdigest()

    def fresh_key(self) -> str:
        """The sys_id of the next record that somebody creates."""
        self._created += 1
        return self.key("", self._created)

    def next_number(self, table: str) -> str:
        """The next number of a table that has them, e.g. `INC0010481`; empty for others."""
        prefix = self.schema[table].prefix
        if not prefix:
            return ""
        self._numbers[prefix] = self._numbers.get(prefix, 10_000) + 1
        return f"{prefix}{self._numbers[prefix]:07d}"

    def count_from(self, table: str, number: int) -> None:
        """Numbers below or equal to `number` are taken."""
        prefix = self.schema[table].prefix
        self._numbers[prefix] = max(self._numbers.get(prefix, 10_000), number)

    def add(self, table: str, values: Mapping[str, str]) -> Row:
        """Stores a new record; `sys_id` is among `values`. Columns that are not named are empty."""
        shape = self.schema[table]
        row = [""] * len(shape.columns)
        places = shape.places
        for column, value in values.items():
            row[places[column]] = value
        if "sys_class_name" in places:
            row[places["sys_class_name"]] = table
        self._rows[table][values["sys_id"]] = row
        self._index(table, values["sys_id"], row)
        self._touched(table)
        return row

    def change(self, table: str, row: Row, values: Mapping[str, str]) -> None:
        """Sets columns of a stored record."""
        places = self.schema[table].places
        sys_id = row[places["sys_id"]]
        self._unindex(table, sys_id, row)
        for column, value in values.items():
            row[places[column]] = value
        self._index(table, sys_id, row)
        self._touched(table)

    def remove(self, table: str, sys_id: str) -> None:
        """Deletes a record."""
        self._unindex(table, sys_id, self._rows[table].pop(sys_id))
        self._touched(table)

    def by(self, table: str, column: str, value: str) -> list[Row]:
        """The rows of a table, and of those that extend it, with this value in a column; quick however many there are."""
        found: list[Row] = []
        for name in self.schema.family(table):
            index = self._indexes.get((name, column))
            if index is None:
                place = self.schema[name].places[column]
                index = self._indexes[name, column] = {}
                for sys_id, row in self._rows[name].items():
                    index.setdefault(row[place], {})[sys_id] = row
            found.extend(index.get(value, {}).values())
        return found

    def find(self, table: str, sys_id: str) -> tuple[str, Row] | None:
        """The record with this id in `table` or a class that extends it, with the class it is of."""
        for name in self.schema.family(table):
            if row := self._rows[name].get(sys_id):
                return name, row
        return None

    def rows(self, table: str) -> Iterator[Row]:
        """All records of a table and of the classes that extend it."""
        for name in self.schema.family(table):
            yield from self._rows[name].values()

    def value(self, table: str, sys_id: str, column: str) -> str:
        """One value of the record with this id; empty if there is no such record or column."""
        found = self.find(table, sys_id)
        return "" if found is None else self.read(found[0], found[1], column)

    def read(self, table: str, row: Row, column: str) -> str:
        """One value of a row; empty if its table has no such column."""
        place = self.schema[table].places.get(column)
        return "" if place is None else row[place]

    def class_of(self, table: str, row: Row) -> Table:
        """The class a row is of, where `table` is it or an ancestor."""
        place = self.schema[table].places.get("sys_class_name")
        return (
            self.schema[row[place]] if place is not None and row[place] in self.schema else self.schema[table]
        )

    def version(self, table: str) -> int:
        """Changes whenever a record of the table, or of a class that extends it, does."""
        return sum(self._versions[name] for name in self.schema.family(table))

    def ordered(self, table: str, order: tuple[tuple[str, bool], ...]) -> list[Row]:
        """All rows in an order of columns, each with whether it descends; those equal in all of them by sys_id.

        The list is the store's own: it is not to be changed.
        """
        version = self.version(table)
        known = self._ordered.get((table, order))
        if known is not None and known[0] == version:
            return known[1]
        places = self.schema[table].places
        # the previous order is nearly right, which a sort is quick to finish
        rows = list(self.rows(table))
        rows.sort(key=itemgetter(places["sys_id"]))
        for column, descending in reversed(order):
            rows.sort(key=self.sort_key(table, column), reverse=descending)
        if len(self._ordered) > 64:
            self._ordered.clear()
        self._ordered[table, order] = (version, rows)
        return rows

    def sort_key(self, table: str, column: str) -> Callable[[Row], Any]:
        """What rows are sorted by for a column: numbers by their value, everything else as text."""
        shape = self.schema[table]
        place = shape.places[column]
        if shape.columns[place].kind in ("integer", "decimal", "choice"):
            return lambda row: _numeric(row[place])
        return itemgetter(place)

    def _index(self, table: str, sys_id: str, row: Row) -> None:
        for (name, column), index in self._indexes.items():
            if name == table:
                index.setdefault(row[self.schema[table].places[column]], {})[sys_id] = row

    def _unindex(self, table: str, sys_id: str, row: Row) -> None:
        for (name, column), index in self._indexes.items():
            if name == table:
                index[row[self.schema[table].places[column]]].pop(sys_id, None)

    def _touched(self, table: str) -> None:
        self._versions[table] += 1


def _numeric(value: str) -> tuple[int, float, str]:
    try:
        return 1, float(value), ""
    except ValueError:
        return (2, 0.0, value) if value else (0, 0.0, "")
