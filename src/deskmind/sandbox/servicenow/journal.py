"""A record's journal as one text, the way forms and display values show it."""

from __future__ import annotations

from deskmind.sandbox.servicenow.store import Store
from deskmind.sandbox.servicenow.users import User

__all__ = ["Journal"]

_LABELS = {"comments": "Additional comments", "work_notes": "Work notes"}


class Journal:
    """Reads journals for one user; without `work_notes` only what requesters see."""

    def __init__(self, store: Store, user: User, *, work_notes: bool) -> None:
        self._store, self._user = store, user
        self._elements = ("comments", "work_notes") if work_notes else ("comments",)

    def text(self, sys_id: str, element: str) -> str:
        """The entries of one element, or of all for `comments_and_work_notes`, the newest first."""
        wanted = self._elements if element == "comments_and_work_notes" else (element,)
        read = self._store.read
        entries = [
            row
            for row in self._store.by("sys_journal_field", "element_id", sys_id)
            if read("sys_journal_field", row, "element") in wanted
            and read("sys_journal_field", row, "element") in self._elements
        ]
        entries.sort(key=lambda row: read("sys_journal_field", row, "sys_created_on"), reverse=True)
        return "".join(self._entry(row) for row in entries)

    def _entry(self, row: list[str]) -> str:
        read = self._store.read
        by = read("sys_journal_field", row, "sys_created_by")
        people = self._store.by("sys_user", "user_name", by)
        name = read("sys_user", people[0], "name") if people else by
        at = self._user.shown(read("sys_journal_field", row, "sys_created_on"))
        label = _LABELS[read("sys_journal_field", row, "element")]
        return f"{at} - {name} ({label})\n{read('sys_journal_field', row, 'value')}\n\n"
