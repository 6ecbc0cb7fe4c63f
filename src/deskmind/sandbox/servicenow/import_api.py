"""The Import Set API: /api/now/import/{staging table}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from deskmind.sandbox.servicenow.errors import Refused, invalid_table, no_record, no_resource
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.table_api import body_of
from deskmind.sandbox.servicenow.users import User, require
from deskmind.sandbox.web import Call, Reply

__all__ = ["import_set"]

_MAPS = {"imp_incident": ("Incident", "incident", "correlation_id")}
"""Staging table: name of its transform map, its target, and the column by which it finds what is there already."""


def import_set(instance: Instance, user: User, call: Call, table: str, rest: str) -> Reply:
    """POST a record to transform, or several (`insertMultiple`); GET what became of one."""
    if table not in _MAPS:
        raise invalid_table(table)
    require(user, "import_set_loader", "import_transformer")
    match call.method, rest.strip("/"):
        case "POST", "":
            return _answered(instance, call, table, _transformed(instance, user, table, body_of(call)), 201)
        case "POST", "insertMultiple":
            return _several(instance, user, call, table)
        case "GET", sys_id if sys_id:
            found = instance.store.find(table, sys_id)
            if found is None:
                raise no_record()
            target = instance.store.read(table, found[1], "sys_target_sys_id")
            return _answered(instance, call, table, (target, "inserted"), 200)
        case _:
            raise no_resource()


def _several(instance: Instance, user: User, call: Call, table: str) -> Reply:
    given = body_of(call).get("records")
    if not isinstance(given, list):
        raise Refused(400, "Exception while reading request", "records is missing")
    for one in cast("list[Any]", given):
        _transformed(instance, user, table, one)
    made = instance.store.fresh_key()
    return Reply.json(201, {"import_set_id": made, "multi_import_set_id": instance.store.fresh_key()})


def _transformed(instance: Instance, user: User, table: str, given: Mapping[str, object]) -> tuple[str, str]:
    """The staged record becomes a new one of the target, or changes the one with the same key; its id and how."""
    _, target, key = _MAPS[table]
    wanted = str(given.get(key) or "")
    known = instance.store.by(target, key, wanted) if wanted else []
    if known:
        instance.records.update(target, known[0], given, user, displayed=True)
        row, status = known[0], "updated"
    else:
        row, status = instance.records.create(target, given, user, displayed=True), "inserted"
    sys_id = instance.store.read(target, row, "sys_id")
    staged = {**given, "sys_import_state": "processed", "sys_target_sys_id": sys_id}
    instance.records.create(table, staged, user)
    return sys_id, status


def _answered(instance: Instance, call: Call, table: str, done: tuple[str, str], status: int) -> Reply:
    name, target, _ = _MAPS[table]
    sys_id, how = done
    display = instance.store.schema[target].display
    result = {
        "transform_map": name,
        "table": target,
        "display_name": display,
        "display_value": instance.store.value(target, sys_id, display),
        "record_link": f"{call.base}/api/now/table/{target}/{sys_id}",
        "status": how,
        "sys_id": sys_id,
    }
    return Reply.json(status, {"import_set": "ISET0010001", "staging_table": table, "result": [result]})
