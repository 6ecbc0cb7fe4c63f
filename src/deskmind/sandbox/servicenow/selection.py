"""Running a query: the rows that match, in order, without looking at more of a large table than is needed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from deskmind.sandbox.servicenow.encoded import Condition, Query, Term
from deskmind.sandbox.servicenow.matching import Matcher
from deskmind.sandbox.servicenow.store import Row, Store

__all__ = ["Order", "select"]

Order = tuple[tuple[str, bool], ...]

_INDEXED = frozenset(
    "sys_id element_id table_sys_id number documentkey request request_item user group task table_key user_name "
    "kb_knowledge_base correlation_id".split()
)
_OF_IDS = frozenset({"element_id", "table_sys_id", "documentkey", "table_key"})
"""Indexed texts that hold ids: these are written in one way, so an index says when there is none."""


def select(
    store: Store, table: str, query: Query, matcher: Matcher, added: Callable[[Row], bool] | None = None
) -> list[Row]:
    """The rows of `table` that match `query` and the rule `added` to it, in the query's order, else by sys_id."""
    matches = matcher.predicate(table, query)
    places = store.schema[table].places
    order = tuple((column, descending) for column, descending in query.order if column in places)
    found = [row for row in _candidates(store, table, query, order) if matches(row)]
    return found if added is None else [row for row in found if added(row)]


def _candidates(store: Store, table: str, query: Query, order: Order) -> Sequence[Row]:
    for condition in _alone(query):
        rows = _indexed(store, table, condition)
        if rows is not None:
            return _sorted(store, table, rows, order)
    return _tail(store, table, store.ordered(table, order), order, query)


def _indexed(store: Store, table: str, condition: Condition) -> list[Row] | None:
    """The rows that an index has for a condition; None if it cannot say, as of a text in other letters."""
    place = store.schema[table].places.get(condition.field)
    scripted = "javascript:" in condition.value
    if place is None or condition.field not in _INDEXED or condition.operator not in ("=", "IN") or scripted:
        return None
    keys = [condition.value] if condition.operator == "=" else condition.value.split(",")
    ids = condition.field in _OF_IDS
    wanted = dict.fromkeys(key.strip().lower() if ids else key.strip() for key in keys)
    found = [store.by(table, condition.field, key) for key in wanted]
    if store.schema[table].columns[place].kind == "string" and not ids and not all(found):
        return None
    return [row for rows in found for row in rows]


def _alone(query: Query) -> list[Condition]:
    """Conditions that every match fulfils."""
    return _alone_in(query.alternatives[0]) if len(query.alternatives) == 1 else []


def _alone_in(groups: Sequence[Sequence[Term]]) -> list[Condition]:
    return [group[0] for group in groups if len(group) == 1 and isinstance(group[0], Condition)]


def _tail(store: Store, table: str, rows: list[Row], order: Order, query: Query) -> Sequence[Row]:
    """The end of an ordered table from where conditions on its first column of order begin to hold."""
    if not order or order[0][1]:
        return rows
    column = order[0][0]
    place = store.schema[table].places[column]
    if store.schema[table].columns[place].kind != "glide_date_time":
        return rows
    starts = [_start(column, _alone_in(groups)) for groups in query.alternatives]
    return rows[bisect_left(rows, min(starts), key=lambda row: row[place]) :] if all(starts) else rows


def _start(column: str, alone: list[Condition]) -> str:
    """The first value of a time that can fulfil the conditions; empty where they do not say."""
    starts = [one.value for one in alone if one.field == column and one.operator in (">", ">=", "=")]
    return max((one for one in starts if len(one) == 19 and not one.startswith("javascript")), default="")


def _sorted(store: Store, table: str, rows: list[Row], order: Order) -> list[Row]:
    places = store.schema[table].places
    rows = sorted(rows, key=lambda row: row[places["sys_id"]])
    for column, descending in reversed(order):
        rows.sort(key=store.sort_key(table, column), reverse=descending)
    return rows
