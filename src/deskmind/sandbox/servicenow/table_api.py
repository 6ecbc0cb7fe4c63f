"""The Table API: /api/now/table/{table} and /api/now/table/{table}/{sys_id}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from deskmind.sandbox.servicenow import parameters
from deskmind.sandbox.servicenow.errors import Refused, invalid_table, no_record
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.store import Row
from deskmind.sandbox.servicenow.users import User
from deskmind.sandbox.web import Call, Reply

__all__ = ["body_of", "record", "records"]


def records(instance: Instance, user: User, call: Call, table: str, version: str) -> Reply:
    """GET a page of a table, or POST a new record."""
    _known(instance, table)
    match call.method:
        case "GET":
            return _list(instance, user, call, table, version)
        case "POST":
            return _create(instance, user, call, table)
        case _:
            raise Refused(405, "Method not supported")


def record(instance: Instance, user: User, call: Call, table: str, sys_id: str) -> Reply:
    """GET, PUT, PATCH or DELETE one record."""
    _known(instance, table)
    instance.access.read_table(user, table)
    found = instance.one(user, table, sys_id)
    if found is None:
        raise no_record()
    name, row = found
    match call.method:
        case "GET":
            pass
        case "PUT" | "PATCH":
            instance.access.check_write(user, name, row)
            displayed = parameters.flag(call.query, "sysparm_input_display_value")
            instance.records.update(name, row, body_of(call), user, displayed=displayed)
        case "DELETE":
            instance.access.check_delete(user, name)
            instance.records.delete(name, sys_id, user)
            return Reply.of(204)
        case _:
            raise Refused(405, "Method not supported")
    return _shown(instance, user, call, 200, name, row)


def body_of(call: Call) -> Mapping[str, object]:
    """The JSON object of a request. Raises `Refused` (400, 415) for anything else."""
    if call.content_type not in ("application/json", "text/json", ""):
        raise Refused(415, "Unsupported Media Type", f"Unsupported media type: {call.content_type}")
    try:
        data: object = call.json() if call.content else {}
    except ValueError:
        raise Refused(400, "Exception while reading request", "The payload is not valid JSON.") from None
    if not isinstance(data, dict):
        raise Refused(400, "Exception while reading request", "The payload is not a JSON object.")
    return cast("dict[str, Any]", data)


def _known(instance: Instance, table: str) -> None:
    if table not in instance.store.schema:
        raise invalid_table(table)


def _list(instance: Instance, user: User, call: Call, table: str, version: str) -> Reply:
    instance.access.read_table(user, table)
    page, manner = parameters.page(call.query), parameters.manner(call.query)
    found = instance.find(user, table, parameters.query(call.query)).rows
    rows = [
        row for row in found[page.offset : page.offset + page.limit] if instance.access.sees(user, table, row)
    ]
    if not found and version == "v1":
        raise no_record()
    result = instance.renderer(user, call).rows(table, rows, manner)
    return Reply.json(200, {"result": result}, page.headers(call, len(found)))


def _create(instance: Instance, user: User, call: Call, table: str) -> Reply:
    given = body_of(call)
    instance.access.check_create(user, table)
    displayed = parameters.flag(call.query, "sysparm_input_display_value")
    row = instance.records.create(table, given, user, displayed=displayed)
    sys_id = instance.store.read(table, row, "sys_id")
    made = _shown(instance, user, call, 201, table, row)
    return made.told({"Location": f"{call.base}/api/now/table/{table}/{sys_id}"})


def _shown(instance: Instance, user: User, call: Call, status: int, table: str, row: Row) -> Reply:
    if call.headers.get("X-no-response-body", "").lower() == "true":
        return Reply.of(204 if status == 200 else status)
    result = instance.renderer(user, call).row(table, row, parameters.manner(call.query))
    return Reply.json(status, {"result": result})
