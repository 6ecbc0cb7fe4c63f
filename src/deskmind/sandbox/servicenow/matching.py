"""Encoded queries as functions of rows."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from deskmind.sandbox.servicenow.encoded import TEXT, Condition, Join, Query, RelatedCount
from deskmind.sandbox.servicenow.store import Row, Store

if TYPE_CHECKING:
    from deskmind.sandbox.servicenow.scripted import Scripts

__all__ = ["Matcher", "path"]

Predicate = Callable[[Row], bool]
Getter = Callable[[Row], str]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
_FIELDS = {"GT_FIELD": ">", "GT_OR_EQUALS_FIELD": ">=", "LT_FIELD": "<", "LT_OR_EQUALS_FIELD": "<=", "SAMEAS": "=",
           "NSAMEAS": "!="}  # fmt: skip
_WORDS = {"CONTAINS": "LIKE", "*": "LIKE", "!*": "NOT LIKE", "NOTLIKE": "NOT LIKE", "DOES NOT CONTAIN": "NOT LIKE",
          "%": "ENDSWITH", "NOTON": "NOT ON"}  # fmt: skip
_NUMBERS = ("integer", "decimal", "choice", "boolean")


def path(store: Store, table: str, field: str) -> tuple[Getter, str, str] | None:
    """How to read a field, which may be dot-walked, from a row: the reader, and the kind and table it ends with.

    None if there is no such field. A walk over a missing record gives an empty value.
    """
    first, _, rest = field.partition(".")
    shape = store.schema[table]
    if first not in shape.places:
        return _extended(store, table, field)
    place = shape.places[first]
    column = shape.columns[place]
    if not rest:
        return operator.itemgetter(place), column.kind, column.reference
    if column.kind != "reference":
        return None
    return _walked(store, place, column.reference, rest)


def _walked(store: Store, place: int, table: str, rest: str) -> tuple[Getter, str, str] | None:
    ends = [found for name in store.schema.family(table) if (found := path(store, name, rest))]
    if not ends:
        return None

    def read(row: Row) -> str:
        found = store.find(table, row[place]) if row[place] else None
        inner = path(store, found[0], rest) if found else None
        return inner[0](found[1]) if inner and found else ""

    return read, ends[0][1], ends[0][2]


def _extended(store: Store, table: str, field: str) -> tuple[Getter, str, str] | None:
    """A field of a class that extends the one asked, as in `ref_incident.caller_id` or a query of `task`."""
    first, _, rest = field.partition(".")
    named = first.removeprefix("ref_")
    if first == named or not rest or named not in store.schema.family(table):
        return None
    inner = path(store, named, rest)
    if inner is None:
        return None
    place = store.schema[table].place("sys_class_name")
    return (lambda row: inner[0](row) if row[place] == named else ""), inner[1], inner[2]


class Matcher:
    """Makes predicates for one user's queries. `settled` says whether the text index knows a record yet."""

    def __init__(self, store: Store, scripts: Scripts, settled: Callable[[str], bool]) -> None:
        self._store, self._scripts, self._settled = store, scripts, settled
        self.invalid = False

    def predicate(self, table: str, query: Query) -> Predicate:
        """Whether a row of `table` matches; parts of the query that are invalid are left out and noted."""
        self.invalid = self.invalid or query.invalid
        alternatives = [self._conjunction(table, groups) for groups in query.alternatives]
        if len(alternatives) == 1:
            return alternatives[0]
        return lambda row: any(matches(row) for matches in alternatives)

    def _conjunction(
        self, table: str, groups: tuple[tuple[Condition | Join | RelatedCount, ...], ...]
    ) -> Predicate:
        tests = [test for group in groups if (test := self._disjunction(table, group))]
        if not tests:
            return lambda _: True
        if len(tests) == 1:
            return tests[0]
        if len(tests) == 2:
            first, second = tests
            return lambda row: first(row) and second(row)
        return lambda row: all(test(row) for test in tests)

    def _disjunction(
        self, table: str, group: tuple[Condition | Join | RelatedCount, ...]
    ) -> Predicate | None:
        tests = [test for term in group if (test := self._test(table, term))]
        self.invalid = self.invalid or len(tests) < len(group)
        if len(tests) <= 1:
            return tests[0] if tests else None
        return lambda row: any(test(row) for test in tests)

    def _test(self, table: str, term: Condition | Join | RelatedCount) -> Predicate | None:
        if isinstance(term, Join):
            return self._joined(table, term)
        if isinstance(term, RelatedCount):
            return self._counted(table, term)
        if term.field == TEXT:
            return self._text(table, term.value)
        found = path(self._store, table, term.field)
        if found is None:
            return None
        read, kind, reference = found
        named = _WORDS.get(term.operator, term.operator)
        if named in _FIELDS:
            other = path(self._store, table, term.value)
            return _fields(read, _FIELDS[named], other[0]) if other else None
        return self._compared(read, kind, reference, named, term.value)

    def _compared(self, read: Getter, kind: str, reference: str, named: str, text: str) -> Predicate | None:
        match named:
            case "ISEMPTY" | "EMPTYSTRING":
                return lambda row: not read(row)
            case "ISNOTEMPTY":
                return lambda row: bool(read(row))
            case "ANYTHING":
                return lambda _: True
            case "INSTANCEOF":
                family = self._store.schema.family(text) if text in self._store.schema else ()
                return lambda row: read(row) in family
            case "BETWEEN":
                low, high = (self._scripts.value(part) for part in ([*text.split("@"), "", ""])[:2])
                return _between(read, kind, low, high) if low and high else None
            case "ON" | "NOT ON":
                day = (self._scripts.value(text.partition("@")[2] or text) or "")[:10]
                return lambda row: (read(row)[:10] == day) == (named == "ON")
            case _:
                value = self._scripts.value(text)
                return None if value is None else _plain(read, kind, named, value, bool(reference))

    def _text(self, table: str, text: str) -> Predicate:
        words = text.casefold().split()
        key = self._store.schema[table].place("sys_id")

        def matches(row: Row) -> bool:
            if not self._settled(row[key]):
                return False
            told = " ".join(row).casefold()
            return all(word in told for word in words)

        return matches

    def _joined(self, table: str, join: Join) -> Predicate | None:
        mine = path(self._store, table, join.mine)
        theirs = path(self._store, join.table, join.theirs) if join.table in self._store.schema else None
        if mine is None or theirs is None:
            return None
        matches = self.predicate(join.table, join.query)
        keys = {theirs[0](row) for row in self._store.rows(join.table) if matches(row)}
        return lambda row: mine[0](row) in keys

    def _counted(self, table: str, related: RelatedCount) -> Predicate | None:
        theirs = (
            path(self._store, related.table, related.field) if related.table in self._store.schema else None
        )
        compare = _COMPARE.get(related.operator)
        if theirs is None or compare is None:
            return None
        matches = self.predicate(related.table, related.query)
        counts: dict[str, int] = {}
        for row in self._store.rows(related.table):
            if matches(row):
                counts[theirs[0](row)] = counts.get(theirs[0](row), 0) + 1
        key = self._store.schema[table].place("sys_id")
        return lambda row: compare(counts.get(row[key], 0), related.count)


def _fields(read: Getter, named: str, other: Getter) -> Predicate:
    compare = _COMPARE[named]
    return lambda row: compare(read(row), other(row))


def _between(read: Getter, kind: str, low: str, high: str) -> Predicate:
    first, second = (
        _plain(read, kind, ">=", low, reference=False),
        _plain(read, kind, "<=", high, reference=False),
    )
    return lambda row: first is not None and second is not None and first(row) and second(row)


def _plain(read: Getter, kind: str, named: str, value: str, reference: bool) -> Predicate | None:
    if kind == "glide_date_time" and len(value) == 10 and named in _COMPARE:
        return _of_day(read, named, value)
    if named in _COMPARE:
        return _compare(read, kind, named, value)
    folded = value.casefold()
    match named:
        case "LIKE":
            return lambda row: folded in read(row).casefold()
        case "NOT LIKE":
            return lambda row: folded not in read(row).casefold()
        case "STARTSWITH":
            return lambda row: read(row).casefold().startswith(folded)
        case "ENDSWITH":
            return lambda row: read(row).casefold().endswith(folded)
        case "IN" | "NOT IN" | "DYNAMIC":
            among = {one.strip().casefold() for one in value.split(",")}
            wanted = named != "NOT IN"
            return lambda row: (read(row).casefold() in among) == wanted
        case _:
            return None


def _of_day(read: Getter, named: str, day: str) -> Predicate:
    """A date against a date and time: equal is the whole day, later is after its end."""
    compare = _COMPARE[named]
    if named in ("=", "!="):
        return lambda row: compare(read(row)[:10], day)
    edge = f"{day} 23:59:59" if named in (">", "<=") else f"{day} 00:00:00"
    return lambda row: bool(read(row)) and compare(read(row), edge)


def _compare(read: Getter, kind: str, named: str, value: str) -> Predicate:
    compare = _COMPARE[named]
    if named in ("=", "!="):
        if kind in ("string", "html"):
            folded = value.casefold()
            return lambda row: compare(read(row).casefold(), folded)
        return lambda row: compare(read(row), value)
    number = _number(value)
    if kind in _NUMBERS and number is not None:
        return lambda row: (found := _number(read(row))) is not None and compare(found, number)
    return lambda row: bool(read(row)) and compare(read(row), value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def fields_of(query: Query) -> Iterator[str]:
    """The fields that a query compares."""
    for groups in query.alternatives:
        for group in groups:
            for term in group:
                if isinstance(term, Condition):
                    yield term.field
