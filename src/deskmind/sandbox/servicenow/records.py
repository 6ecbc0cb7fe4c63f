"""Creating, changing and deleting records, with everything that happens beside it: numbers, journal, audit, notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast

from deskmind.sandbox.servicenow.choices import CHOICES
from deskmind.sandbox.servicenow.errors import no_record
from deskmind.sandbox.servicenow.rules import Change, apply_rules, defaults
from deskmind.sandbox.servicenow.schema import Column
from deskmind.sandbox.servicenow.store import Row, Store, moment
from deskmind.sandbox.servicenow.users import User
from deskmind.sandbox.web import Clock

__all__ = ["Records"]

Listener = Callable[[str, str, Row], None]
_JOURNALS = ("comments", "work_notes")
_KEPT = ("sys_id", "sys_class_name", "sys_created_on", "sys_created_by", "sys_mod_count", "sys_updated_on", "sys_updated_by",
         "comments_and_work_notes", "task_effective_number")  # fmt: skip
_AUDITED = ("task", "kb_knowledge", "sys_user", "sys_user_group")


class Records:
    """Writes to one instance. `listeners` hear of each change: `insert`, `update` or `delete`, table and row."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._schema = store.schema
        self.listeners: list[Listener] = []
        self.late_seconds = 0.0
        """How long a transaction takes to commit: what appears now is stamped so much earlier."""

    def create(self, table: str, given: Mapping[str, object], user: User, *, displayed: bool = False) -> Row:
        """A new record. Fields that the table does not have are ignored; `displayed` takes values as they are shown."""
        now, sys_id = self._stamp(), self._store.fresh_key()
        columns = self._schema[table].places
        after = dict.fromkeys(columns, "") | defaults(table, user, now)
        journal = self._given(table, given, user, after, displayed)
        change = Change(table, sys_id, {}, after, user, now, journal.get("comments", ""))
        apply_rules(change)
        after |= self._stamps(table, after, sys_id, user, now)
        row = self._store.add(table, {name: value for name, value in after.items() if name in columns})
        self._write_journal(table, sys_id, journal, user, now)
        self._tell("insert", table, row)
        return row

    def update(
        self, table: str, row: Row, given: Mapping[str, object], user: User, *, displayed: bool = False
    ) -> None:
        """Changes a record; nothing happens, not even to its time of update, if all is as it was."""
        now = self._stamp()
        columns = self._schema[table].columns
        before = {column.name: value for column, value in zip(columns, row, strict=True)}
        after = dict(before)
        journal = self._given(table, given, user, after, displayed)
        sys_id = before["sys_id"]
        apply_rules(Change(table, sys_id, before, after, user, now, journal.get("comments", "")))
        changes = {name: value for name, value in after.items() if value != before[name]}
        if not changes and not journal:
            return
        self._audit(table, before, changes, user, now)
        changes |= {"sys_updated_on": now, "sys_updated_by": user.name}
        changes["sys_mod_count"] = str(int(before.get("sys_mod_count") or 0) + 1)
        self._store.change(table, row, {name: value for name, value in changes.items() if name in before})
        self._write_journal(table, sys_id, journal, user, now)
        self._tell("update", table, row)

    def delete(self, table: str, sys_id: str, user: User) -> None:
        """Deletes a record and what hangs on it; audited tables keep a trace in sys_audit_delete."""
        found = self._store.find(table, sys_id)
        if found is None:
            raise no_record()
        name, row = found
        if any(self._schema.is_a(name, audited) for audited in _AUDITED):
            self._trace(name, row, user)
        self._tell("delete", name, row)
        self._store.remove(name, sys_id)
        for child in self._store.by("sys_journal_field", "element_id", sys_id):
            self._store.remove("sys_journal_field", self._store.read("sys_journal_field", child, "sys_id"))
        for child in self._store.by("sys_attachment", "table_sys_id", sys_id):
            self._store.remove("sys_attachment", self._store.read("sys_attachment", child, "sys_id"))

    def _stamp(self) -> str:
        return moment(self._clock.now() - timedelta(seconds=self.late_seconds))

    def _given(
        self, table: str, given: Mapping[str, object], user: User, after: dict[str, str], displayed: bool
    ) -> dict[str, str]:
        """Puts a client's values into `after`; those of journal fields are returned."""
        shape = self._schema[table]
        journal: dict[str, str] = {}
        for name, value in given.items():
            place = shape.places.get(name)
            if place is None or name in _KEPT:
                continue
            column, text = shape.columns[place], _text(value)
            if column.kind == "journal_input":
                if text and (name != "work_notes" or user.has("itil")):
                    journal[name] = text
            else:
                after[name] = self._stored(table, column, text) if displayed else text
        return journal

    def _stored(self, table: str, column: Column, shown: str) -> str:
        """The value behind a display value."""
        if column.kind == "reference" and self._store.find(column.reference, shown) is None:
            display = self._schema[column.reference].display
            found = self._store.by(column.reference, display, shown)
            return self._store.read(column.reference, found[0], "sys_id") if found else shown
        if column.kind == "choice":
            for name in self._schema.ancestors(table):
                labels = CHOICES.get((name, column.name), {})
                if found := [value for value, label in labels.items() if label == shown]:
                    return found[0]
        return shown

    def _stamps(self, table: str, after: dict[str, str], sys_id: str, user: User, now: str) -> dict[str, str]:
        stamps = {
            "sys_id": sys_id,
            "sys_created_on": now,
            "sys_created_by": user.name,
            "sys_updated_on": now,
            "sys_updated_by": user.name,
            "sys_mod_count": "0",
        }
        if "number" in after and self._schema[table].prefix:
            stamps["number"] = after["number"] or self._store.next_number(table)
            stamps["task_effective_number"] = stamps["number"]
        return stamps

    def _write_journal(
        self, table: str, sys_id: str, journal: Mapping[str, str], user: User, now: str
    ) -> None:
        for element in _JOURNALS:
            if text := journal.get(element):
                self.write_entry(table, sys_id, element, text, user.name, now)

    def write_entry(self, table: str, sys_id: str, element: str, text: str, by: str, at: str) -> None:
        """One entry in a record's journal."""
        entry = {"sys_id": self._store.fresh_key(), "name": table, "element_id": sys_id, "element": element}
        self._store.add(
            "sys_journal_field", {**entry, "value": text, "sys_created_on": at, "sys_created_by": by}
        )

    def _audit(
        self, table: str, before: dict[str, str], changes: dict[str, str], user: User, now: str
    ) -> None:
        if not any(self._schema.is_a(table, audited) for audited in _AUDITED):
            return
        for name, value in changes.items():
            entry = {
                "tablename": table,
                "documentkey": before["sys_id"],
                "fieldname": name,
                "user": user.name,
            }
            entry |= {
                "oldvalue": before[name],
                "newvalue": value,
                "record_checkpoint": before["sys_mod_count"],
            }
            stamp = {"sys_id": self._store.fresh_key(), "sys_created_on": now, "sys_created_by": user.name}
            self._store.add("sys_audit", {**entry, **stamp})

    def _trace(self, table: str, row: Row, user: User) -> None:
        self.trace(
            table,
            self._store.read(table, row, "sys_id"),
            self._store.read(table, row, self._schema[table].display),
            user.name,
            moment(self._clock.now()),
        )

    def trace(self, table: str, sys_id: str, display: str, by: str, at: str) -> None:
        """What is left of a deleted record."""
        values = {"sys_id": self._store.fresh_key(), "tablename": table, "documentkey": sys_id}
        values |= {"display_value": display, "sys_created_on": at, "sys_created_by": by, "sys_mod_count": "0"}
        self._store.add("sys_audit_delete", {**values, "sys_updated_on": at, "sys_updated_by": by})

    def _tell(self, operation: str, table: str, row: Row) -> None:
        for listener in self.listeners:
            listener(operation, table, row)


def _text(value: object) -> str:
    """A JSON value as the vendor stores it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        return _text(inner.get("value", inner.get("display_value", "")))
    return str(value)
