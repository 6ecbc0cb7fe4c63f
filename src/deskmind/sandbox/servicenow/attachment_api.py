"""The Attachment API: /api/now/attachment and below."""

from __future__ import annotations

import json
import re
from typing import Any

from deskmind.sandbox.servicenow import parameters
from deskmind.sandbox.servicenow.errors import Refused, no_record, no_resource
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.store import Row, moment
from deskmind.sandbox.servicenow.table_api import body_of
from deskmind.sandbox.servicenow.users import User
from deskmind.sandbox.web import Blob, Call, Reply

__all__ = ["attach", "attachment"]

_TABLE = "sys_attachment"
_DEFAULT_LIMIT = 1000
_MOST = 1024 * 1024 * 1024
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def attachment(instance: Instance, user: User, call: Call, rest: str) -> Reply:
    """Answers what is below /api/now/attachment; `rest` is the path after it."""
    parts = [part for part in rest.split("/") if part]
    match call.method, parts:
        case "GET", []:
            return _list(instance, user, call)
        case "POST", ["file"]:
            return _uploaded(instance, user, call)
        case "POST", ["upload"]:
            return _multipart(instance, user, call)
        case "GET", [sys_id]:
            return Reply.json(200, {"result": _shown(call, instance, _one(instance, user, sys_id))})
        case "PATCH", [sys_id]:
            return _renamed(instance, user, call, sys_id)
        case "DELETE", [sys_id]:
            return _deleted(instance, user, sys_id)
        case "GET", [sys_id, "file"]:
            return _file(instance, _one(instance, user, sys_id), call)
        case _, [sys_id, "attributes", *key]:
            return _attributes(instance, _one(instance, user, sys_id), call, user, key)
        case _:
            raise no_resource()


def attach(
    instance: Instance, table: str, sys_id: str, name: str, content: bytes | Blob, kind: str, by: str, at: str
) -> Row:
    """Puts a file on a record, which this does not touch."""
    key = instance.store.fresh_key()
    instance.files[key] = content
    size = str(len(content))
    values = {
        "sys_id": key,
        "table_name": table,
        "table_sys_id": sys_id,
        "file_name": name,
        "content_type": kind,
    }
    values |= {"size_bytes": size, "size_compressed": size, "compressed": "true", "sys_mod_count": "0"}
    values |= {"sys_created_on": at, "sys_created_by": by, "sys_updated_on": at, "sys_updated_by": by}
    return instance.store.add(_TABLE, values)


def _one(instance: Instance, user: User, sys_id: str) -> Row:
    found = instance.one(user, _TABLE, sys_id)
    if found is None:
        raise no_record()
    return found[1]


def _list(instance: Instance, user: User, call: Call) -> Reply:
    page = parameters.page(call.query, _DEFAULT_LIMIT)
    rows = instance.find(user, _TABLE, parameters.query(call.query)).rows
    seen = [
        row for row in rows[page.offset : page.offset + page.limit] if instance.access.sees(user, _TABLE, row)
    ]
    result = [_shown(call, instance, row) for row in seen]
    return Reply.json(200, {"result": result}, page.headers(call, len(rows)))


def _shown(call: Call, instance: Instance, row: Row) -> dict[str, str]:
    columns = instance.store.schema[_TABLE].columns
    shown = {column.name: value for column, value in zip(columns, row, strict=True)}
    shown["download_link"] = f"{call.base}/api/now/attachment/{shown['sys_id']}/file"
    return shown


def _uploaded(instance: Instance, user: User, call: Call) -> Reply:
    given = call.query
    name = given.get("file_name", "")
    if not name:
        raise Refused(400, "Missing file_name parameter")
    kind = call.headers.get("Content-Type", "application/octet-stream")
    return _taken(
        instance,
        user,
        call,
        given.get("table_name", ""),
        given.get("table_sys_id", ""),
        name,
        call.content,
        kind,
    )


def _multipart(instance: Instance, user: User, call: Call) -> Reply:
    boundary = re.search(r'boundary="?([^";]+)', call.headers.get("Content-Type", ""))
    if boundary is None:
        raise Refused(400, "Exception while reading request", "The request has no boundary of its parts.")
    fields: dict[str, str] = {}
    file: tuple[str, bytes, str] | None = None
    for part in call.content.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        told = head.decode("utf-8", "replace")
        names = dict(_PARAMETER.findall(told))
        content = content.removesuffix(b"\r\n")
        if "filename" in names:
            kind = re.search(r"(?i)content-type:\s*([^\r\n]+)", told)
            file = names["filename"], content, kind[1] if kind else "application/octet-stream"
        else:
            fields[names.get("name", "")] = content.decode("utf-8", "replace")
    if file is None:
        raise Refused(400, "Exception while reading request", "No file was sent.")
    name, content, kind = file
    return _taken(
        instance,
        user,
        call,
        fields.get("table_name", ""),
        fields.get("table_sys_id", ""),
        name,
        content,
        kind,
    )


def _taken(
    instance: Instance, user: User, call: Call, table: str, sys_id: str, name: str, content: bytes, kind: str
) -> Reply:
    if table not in instance.store.schema or not sys_id:
        raise Refused(
            400, "Invalid table or record", "table_name and table_sys_id name the record to attach to"
        )
    if instance.one(user, table, sys_id) is None:
        raise no_record()
    if len(content) > _MOST:
        raise Refused(413, "File size exceeds the limit", "com.glide.attachment.max_size")
    now = moment(instance.clock.now())
    row = attach(instance, table, sys_id, name, content, kind, user.name, now)
    shown = _shown(call, instance, row)
    return Reply.json(
        201, {"result": shown}, {"Location": f"{call.base}/api/now/attachment/{shown['sys_id']}"}
    )


def _file(instance: Instance, row: Row, call: Call) -> Reply:
    shown = _shown(call, instance, row)
    told = {
        "Content-Type": shown["content_type"] or "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{shown["file_name"]}"',
        "X-Attachment-Metadata": json.dumps(shown),
    }
    return Reply.of(200, instance.files.get(shown["sys_id"], b""), told)


def _renamed(instance: Instance, user: User, call: Call, sys_id: str) -> Reply:
    row = _one(instance, user, sys_id)
    instance.store.change(_TABLE, row, {"file_name": str(body_of(call).get("file_name", ""))})
    return Reply.json(200, {"result": _shown(call, instance, row)})


def _deleted(instance: Instance, user: User, sys_id: str) -> Reply:
    row = _one(instance, user, sys_id)
    own = instance.store.read(_TABLE, row, "sys_created_by") == user.name
    if not own and not user.has("itil"):
        raise Refused(403, "Operation Failed", "ACL Exception Delete Failed due to security constraints")
    instance.store.remove(_TABLE, sys_id)
    instance.files.pop(sys_id, None)
    return Reply.of(204)


def _attributes(instance: Instance, row: Row, call: Call, user: User, key: list[str]) -> Reply:
    store, sys_id = instance.store, instance.store.read(_TABLE, row, "sys_id")
    known = {
        store.read("sys_attachment_attribute", one, "key"): one
        for one in store.by("sys_attachment_attribute", "attachment", sys_id)
    }
    shown: list[dict[str, Any]] = [
        {"key": name, "value": store.read("sys_attachment_attribute", one, "value")}
        for name, one in known.items()
    ]
    match call.method, key:
        case "GET", []:
            return Reply.json(200, {"result": shown})
        case "GET", [name] if name in known:
            return Reply.json(200, {"result": next(one for one in shown if one["key"] == name)})
        case "POST", []:
            given = {"attachment": sys_id, **body_of(call)}
            made = instance.records.create("sys_attachment_attribute", given, user)
            told = {name: store.read("sys_attachment_attribute", made, name) for name in ("key", "value")}
            return Reply.json(201, {"result": told})
        case "PUT", [name] if name in known:
            store.change(
                "sys_attachment_attribute", known[name], {"value": str(body_of(call).get("value", ""))}
            )
            value = store.read("sys_attachment_attribute", known[name], "value")
            return Reply.json(200, {"result": {"key": name, "value": value}})
        case "DELETE", _ if not key or key[0] in known:
            for name in key or list(known):
                store.remove(
                    "sys_attachment_attribute", store.read("sys_attachment_attribute", known[name], "sys_id")
                )
            return Reply.of(204)
        case _:
            raise no_record()
