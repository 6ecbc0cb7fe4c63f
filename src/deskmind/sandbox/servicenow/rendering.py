"""Rows as JSON: actual values, display values or both, references with links, dot-walked fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from deskmind.sandbox.servicenow.choices import label_of
from deskmind.sandbox.servicenow.matching import path
from deskmind.sandbox.servicenow.schema import Column
from deskmind.sandbox.servicenow.store import Row, Store
from deskmind.sandbox.servicenow.users import User

__all__ = ["Manner", "Renderer"]

Display = Literal["false", "true", "all"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a client wants values: which of both, with or without links, and which fields (all if there are none)."""

    display: Display = "false"
    links: bool = True
    fields: tuple[str, ...] = ()


class Renderer:
    """Renders for one user and one address of the instance. `journal` gives a record's entries as text."""

    def __init__(
        self, store: Store, user: User, base: str, hidden: Callable[[str], tuple[str, ...]],
        journal: Callable[[str, str], str],
    ) -> None:  # fmt: skip
        self._store, self._user, self._base = store, user, base
        self._hidden, self._journal = hidden, journal
        self._references: dict[str, list[tuple[int, Column]]] = {}

    def rows(self, table: str, rows: Sequence[Row], manner: Manner) -> list[dict[str, Any]]:
        """Several rows of `table` or its extensions; without fields named, those of each row's own class."""
        return [self.row(table, row, manner) for row in rows]

    def row(self, table: str, row: Row, manner: Manner) -> dict[str, Any]:
        """One row. A query of a base table shows only the base table's columns."""
        hidden = self._hidden(table)
        if not manner.fields and manner.display == "false":
            return self._actual(table, row, manner, hidden)
        if not manner.fields:
            columns = self._store.schema[table].columns
            return {
                column.name: self._value(table, column, "" if column.name in hidden else value, row, manner)
                for column, value in zip(columns, row, strict=False)
            }
        found = ((field, self._field(table, row, field, manner, hidden)) for field in manner.fields)
        return {field: value for field, value in found if value is not None}

    def display(self, table: str, column: Column, value: str, row: Row) -> str:
        """The display value of a column."""
        if column.kind in ("journal_input", "journal_list"):
            return self._journal(row[self._store.schema[table].place("sys_id")], column.name)
        if not value:
            return ""
        match column.kind:
            case "reference":
                return self.named(column.reference, value)
            case "glide_list":
                return ", ".join(self.named(column.reference, one) for one in value.split(","))
            case "choice":
                name = self._store.class_of(table, row).name
                return label_of(self._store.schema.ancestors(name), column.name, value)
            case "glide_date_time":
                return self._user.shown(value)
            case "sys_class_name":
                return self._store.schema[value].label if value in self._store.schema else value
            case _:
                return value

    def named(self, table: str, sys_id: str) -> str:
        """What a referenced record is called; its id if there is none."""
        if table == "sys_user_group" and sys_id == "global":
            return "global"
        found = self._store.find(table, sys_id)
        if found is None:
            return sys_id
        shape = self._store.schema[found[0]]
        value = self._store.read(found[0], found[1], shape.display)
        column = shape.columns[shape.place(shape.display)]
        return self.named(column.reference, value) if column.reference and value else value

    def _actual(self, table: str, row: Row, manner: Manner, hidden: tuple[str, ...]) -> dict[str, Any]:
        """All columns as they are stored, which is what most clients ask for."""
        columns = self._store.schema[table].columns
        found: dict[str, Any] = {column.name: value for column, value in zip(columns, row, strict=False)}
        if manner.links:
            for place, column in self._referring(table):
                if value := row[place]:
                    found[column.name] = self._link(column.reference or "sys_user_group", value)
        found.update((name, "") for name in hidden if name in found)
        return found

    def _referring(self, table: str) -> list[tuple[int, Column]]:
        known = self._references.get(table)
        if known is None:
            columns = enumerate(self._store.schema[table].columns)
            known = [
                (place, column) for place, column in columns if column.kind in ("reference", "domain_id")
            ]
            self._references[table] = known
        return known

    def _field(self, table: str, row: Row, field: str, manner: Manner, hidden: tuple[str, ...]) -> Any:
        place = self._store.schema[table].places.get(field)
        if place is not None:
            value = "" if field in hidden else row[place]
            return self._value(table, self._store.schema[table].columns[place], value, row, manner)
        return self._walked(table, row, field, manner)

    def _walked(self, table: str, row: Row, field: str, manner: Manner) -> Any:
        if "." not in field or path(self._store, table, field) is None:
            return None
        before, _, last = field.rpartition(".")
        first = path(self._store, table, before)
        if first is None:
            return None
        read, _, reference = first
        found = self._store.find(reference, read(row)) if reference and read(row) else None
        place = self._store.schema[found[0]].places.get(last) if found else None
        if found is None or place is None:
            return "" if manner.display != "all" else {"display_value": "", "value": ""}
        column = self._store.schema[found[0]].columns[place]
        return self._value(found[0], column, found[1][place], found[1], manner)

    def _value(self, table: str, column: Column, value: str, row: Row, manner: Manner) -> Any:
        if column.kind in {"journal_input", "journal_list"}:
            return self._journaled(table, column, row, manner)
        referenced = column.reference if column.kind == "reference" else ""
        if column.kind == "domain_id" and value:
            referenced = "sys_user_group"
        if manner.display == "false":
            return self._link(referenced, value) if referenced and value and manner.links else value
        shown = "global" if column.kind == "domain_id" else self.display(table, column, value, row)
        if manner.display == "true":
            if referenced and value and manner.links:
                return {"display_value": shown, "link": self._address(referenced, value)}
            return shown
        both: dict[str, str] = {"display_value": shown, "value": value}
        if referenced and value and manner.links:
            both["link"] = self._address(referenced, value)
        return both

    def _journaled(self, table: str, column: Column, row: Row, manner: Manner) -> Any:
        """Journal fields are always empty; their entries are shown as the display value."""
        if manner.display == "false":
            return ""
        shown = self.display(table, column, "", row)
        return shown if manner.display == "true" else {"display_value": shown, "value": ""}

    def _link(self, table: str, value: str) -> dict[str, str]:
        return {"link": self._address(table, value), "value": value}

    def _address(self, table: str, value: str) -> str:
        return f"{self._base}/api/now/table/{table}/{value}"
