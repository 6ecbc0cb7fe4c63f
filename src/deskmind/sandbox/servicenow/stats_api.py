"""The Aggregate API: /api/now/stats/{table}."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from deskmind.sandbox.servicenow import parameters
from deskmind.sandbox.servicenow.errors import Refused, invalid_table
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.matching import path
from deskmind.sandbox.servicenow.store import Row
from deskmind.sandbox.servicenow.users import User
from deskmind.sandbox.web import Call, Reply

__all__ = ["stats"]

_HAVING = re.compile(
    r"(?P<what>count|avg|min|max|sum)\^(?P<field>\w*)\^(?P<operator>[<>=!]+)\^(?P<value>-?\d+)"
)
_MEASURES: dict[str, Callable[[list[float]], float]] = {
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "sum": sum,
}


def stats(instance: Instance, user: User, call: Call, table: str) -> Reply:
    """Counts and measures over the rows of a query, as a whole or by groups. Rows are counted before access controls."""
    if table not in instance.store.schema:
        raise invalid_table(table)
    if call.method != "GET":
        raise Refused(405, "Method not supported")
    instance.access.read_table(user, table)
    rows = instance.find(user, table, parameters.query(call.query)).rows
    by = [field for field in call.query.get("sysparm_group_by", "").split(",") if field]
    if not by:
        return Reply.json(200, {"result": {"stats": _measured(instance, call, table, rows)}})
    return Reply.json(200, {"result": _groups(instance, user, call, table, rows, by)})


def _groups(
    instance: Instance, user: User, call: Call, table: str, rows: list[Row], by: list[str]
) -> list[dict[str, Any]]:
    readers = [(field, walk[0]) for field in by if (walk := path(instance.store, table, field))]
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(read(row) for _, read in readers), []).append(row)
    shown = call.query.get("sysparm_display_value", "false").lower()
    found: list[dict[str, Any]] = []
    for key in sorted(groups):
        measured = _measured(instance, call, table, groups[key])
        if not _has(call, measured):
            continue
        fields = [
            _field(instance, user, call, table, field, value, groups[key][0], shown)
            for (field, _), value in zip(readers, key, strict=True)
        ]
        found.append({"stats": measured, "groupby_fields": fields})
    return found


def _field(
    instance: Instance, user: User, call: Call, table: str, field: str, value: str, row: Row, shown: str
) -> dict[str, str]:
    if shown == "false" or "." in field:
        return {"field": field, "value": value}
    shape = instance.store.schema[table]
    label = instance.renderer(user, call).display(table, shape.columns[shape.place(field)], value, row)
    return (
        {"field": field, "value": label}
        if shown == "true"
        else {"field": field, "value": value, "display_value": label}
    )


def _measured(instance: Instance, call: Call, table: str, rows: list[Row]) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    if parameters.flag(call.query, "sysparm_count"):
        measured["count"] = str(len(rows))
    for name, measure in _MEASURES.items():
        wanted = [field for field in call.query.get(f"sysparm_{name}_fields", "").split(",") if field]
        for field in wanted:
            found = path(instance.store, table, field)
            texts = [value for row in rows if found and (value := found[0](row))]
            measured.setdefault(name, {})[field] = _over(texts, name, measure)
    return measured


def _over(texts: list[str], name: str, measure: Callable[[list[float]], float]) -> str:
    if not texts:
        return ""
    try:
        value = measure([float(text) for text in texts])
    except ValueError:
        return min(texts) if name == "min" else max(texts) if name == "max" else ""
    return f"{value:.4f}" if name == "avg" else f"{value:g}"


def _has(call: Call, measured: dict[str, Any]) -> bool:
    found = _HAVING.fullmatch(call.query.get("sysparm_having", ""))
    if found is None:
        return True
    text = (
        measured.get("count", "0")
        if found["what"] == "count"
        else measured.get(found["what"], {}).get(found["field"])
    )
    value, wanted = float(text or 0), float(found["value"])
    return {">": value > wanted, "<": value < wanted, "=": value == wanted, "!=": value != wanted,
            ">=": value >= wanted, "<=": value <= wanted}.get(found["operator"], True)  # fmt: skip
