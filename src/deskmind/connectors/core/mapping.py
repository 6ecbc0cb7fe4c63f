"""Reading a vendor's record field by field, keeping account of what was not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from deskmind.connectors.protocol import AnyRecord, Page

__all__ = ["BROKEN", "Fields", "MappingReport", "is_empty", "parts_of", "report"]

_T = TypeVar("_T")
BROKEN = (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError)
"""What reading a record raises that has not the form which the vendor documents, or nests without end."""


def is_empty(value: Any) -> bool:
    """Whether a value holds nothing: null, no text, no items; False and 0 hold something."""
    return value is None or (isinstance(value, str | list | dict | tuple) and not value)


class Fields:
    """A record whose fields are marked as they are read; what stays unmarked and holds something is unmapped.

    Args:
        row: the vendor's record.
        prefix: of the paths, for a record within a record.
        known: fields that say nothing of their own: derived from others, or of the vendor's screen alone.
    """

    def __init__(self, row: Mapping[str, Any], prefix: str = "", known: Iterable[str] = ()) -> None:
        self.row = row
        self._prefix = prefix
        self._read: set[str] = set(known)
        self._below: list[Fields] = []

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field."""
        self._read.add(name)
        return self.row.get(name, default)

    def text(self, name: str) -> str:
        """The value as text; empty for none."""
        value = self.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """The value as a truth."""
        value = self.get(name)
        if is_empty(value):
            return default
        return value if isinstance(value, bool) else str(value).lower() in {"true", "1", "yes"}

    def inner(self, name: str, known: Iterable[str] = ()) -> Fields:
        """The record in a field; an empty one where there is none."""
        value = self.get(name)
        row: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
        below = Fields(row, f"{self._prefix}{name}.", known)
        self._below.append(below)
        return below

    def unmapped(self) -> tuple[str, ...]:
        """Paths that hold something and were not read."""
        own = [
            f"{self._prefix}{name}"
            for name, value in self.row.items()
            if name not in self._read and not is_empty(value)
        ]
        return tuple(sorted(own + [path for below in self._below for path in below.unmapped()]))


def parts_of(
    rows: Iterable[Any], read: Callable[[Any], _T], what: str, id_of: str = "id"
) -> tuple[tuple[_T, ...], tuple[str, ...]]:
    """Parts of a record, such as its comments, and those that cannot be read: ``what``, id and why, without content."""
    found: list[_T] = []
    unread: list[str] = []
    for row in rows:
        try:
            found.append(read(row))
        except BROKEN as error:
            identity = cast("dict[str, Any]", row).get(id_of, "") if isinstance(row, dict) else ""
            unread.append(f"{what} {identity}: {type(error).__name__}")
    return tuple(found), tuple(unread)


class MappingReport:
    """Which fields of the vendor have no place in the model, and in how many records each holds something.

    They are kept: each record has its ``raw``. ``unread`` counts the records that lack a part, ``undecoded`` those that are not
    there at all.
    """

    def __init__(self) -> None:
        self.records: Counter[str] = Counter()
        self.undecoded: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()
        self.unmapped: dict[str, Counter[str]] = {}

    def add(self, record: AnyRecord) -> None:
        """Take one record into account."""
        kind = type(record).__name__
        self.records[kind] += 1
        self.unread[kind] += bool(record.unread)
        self.unmapped.setdefault(kind, Counter()).update(record.unmapped)

    def add_page(self, page: Page) -> None:
        """Take a page into account."""
        for record in page.records:
            self.add(record)
        self.undecoded.update(str(one.kind) for one in page.undecoded)

    def rows(self) -> list[dict[str, Any]]:
        """One row a field: kind, field, records that hold it, records in all."""
        return [
            {"kind": kind, "field": name, "records": count, "of": self.records[kind]}
            for kind, names in sorted(self.unmapped.items())
            for name, count in sorted(names.items(), key=lambda one: (-one[1], one[0]))
        ]


def report(records: Iterable[AnyRecord]) -> MappingReport:
    """The report of some records."""
    made = MappingReport()
    for record in records:
        made.add(record)
    return made
