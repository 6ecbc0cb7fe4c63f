"""The Knowledge Management API: /api/sn_km_api/knowledge/articles and below; only what the user may read."""

from __future__ import annotations

import html
import re
from typing import Any

from deskmind.sandbox.servicenow.encoded import parse
from deskmind.sandbox.servicenow.errors import Refused, no_record, no_resource
from deskmind.sandbox.servicenow.instance import Instance
from deskmind.sandbox.servicenow.rendering import Renderer
from deskmind.sandbox.servicenow.store import Row
from deskmind.sandbox.servicenow.users import User
from deskmind.sandbox.web import Call, Reply

__all__ = ["knowledge"]

_TABLE = "kb_knowledge"
_TAG = re.compile(r"<[^>]*>")


def knowledge(instance: Instance, user: User, call: Call, rest: str) -> Reply:
    """Answers what is below /knowledge/articles; `rest` is the path after it."""
    if call.method != "GET":
        raise Refused(405, "Method not supported")
    match [part for part in rest.split("/") if part]:
        case []:
            return _searched(instance, user, call)
        case ["featured"] | ["most_viewed"]:
            return _most_viewed(instance, user, call)
        case [key]:
            return _article(instance, user, call, key)
        case [key, "attachments", attachment]:
            return _file(instance, user, key, attachment)
        case _:
            raise no_resource()


def _readable(instance: Instance, user: User, filtering: str) -> list[Row]:
    rows = instance.find(user, _TABLE, parse(filtering)).rows
    read = instance.store.read
    published = (row for row in rows if read(_TABLE, row, "workflow_state") == "published")
    return [row for row in published if instance.access.criteria.may_read(user, row)]


def _searched(instance: Instance, user: User, call: Call) -> Reply:
    words = call.query.get("query", "").casefold().split()
    bases = [base for base in call.query.get("kb", "").split(",") if base]
    scored: list[tuple[float, Row]] = []
    for row in _readable(instance, user, call.query.get("filter", "")):
        if bases and instance.store.read(_TABLE, row, "kb_knowledge_base") not in bases:
            continue
        if words and not instance.lag.settled(instance.store.read(_TABLE, row, "sys_id")):
            continue
        score = _score(instance, row, words)
        if score or not words:
            scored.append((score, row))
    scored.sort(key=lambda pair: -pair[0])
    return _answered(instance, user, call, scored, ranked=bool(words))


def _most_viewed(instance: Instance, user: User, call: Call) -> Reply:
    rows = _readable(instance, user, "")
    rows.sort(key=lambda row: -int(instance.store.read(_TABLE, row, "sys_view_count") or 0))
    return _answered(instance, user, call, [(-1.0, row) for row in rows], ranked=False)


def _score(instance: Instance, row: Row, words: list[str]) -> float:
    title = instance.store.read(_TABLE, row, "short_description").casefold()
    text = _plain(instance.store.read(_TABLE, row, "text")).casefold()
    return round(sum(3.0 * title.count(word) + text.count(word) for word in words), 4)


def _answered(
    instance: Instance, user: User, call: Call, scored: list[tuple[float, Row]], *, ranked: bool
) -> Reply:
    offset, limit = int(call.query.get("offset") or 0), int(call.query.get("limit") or 30)
    fields = [field for given in call.query.getall("fields", []) for field in given.split(",") if field]
    search = instance.store.key("ts_query", call.query.get("query", ""))
    renderer = instance.renderer(user, call)
    articles: list[dict[str, Any]] = []
    for rank, (score, row) in enumerate(scored[offset : offset + limit], start=offset + 1):
        found = _told(instance, row, renderer, fields, search if ranked else "", rank)
        articles.append({**found, "score": score, **({"rank": rank} if ranked else {})})
    meta = {
        "start": offset,
        "end": offset + len(articles),
        "fields": ",".join(fields),
        "query": call.query.get("query", ""),
        "filter": call.query.get("filter", ""),
        "kb": call.query.get("kb", ""),
        "language": call.query.get("language", "en"),
        "count": len(scored),
        "ts_query_id": search,
        "status": {"code": 200},
    }
    return Reply.json(200, {"result": {"meta": meta, "articles": articles}})


def _told(
    instance: Instance, row: Row, renderer: Renderer, fields: list[str], search: str, rank: int
) -> dict[str, Any]:
    read = instance.store.read
    sys_id = read(_TABLE, row, "sys_id")
    ranked = f"&sysparm_rank={rank}&sysparm_tsqueryId={search}" if search else ""
    return {
        "link": f"?sys_kb_id={sys_id}&id=kb_article_view{ranked}",
        "id": f"{_TABLE}:{sys_id}",
        "title": read(_TABLE, row, "short_description"),
        "snippet": _plain(read(_TABLE, row, "text"))[:300],
        "number": read(_TABLE, row, "number"),
        "fields": _fields(instance, row, renderer, fields),
    }


def _fields(instance: Instance, row: Row, renderer: Renderer, names: list[str]) -> dict[str, Any]:
    shape = instance.store.schema[_TABLE]
    found: dict[str, Any] = {}
    for name in names:
        place = shape.places.get(name)
        if place is not None:
            column = shape.columns[place]
            found[name] = {
                "display_value": renderer.display(_TABLE, column, row[place], row),
                "name": name,
                "label": column.label,
                "type": column.kind,
                "value": row[place],
            }
    return found


def _one(instance: Instance, user: User, key: str) -> Row:
    store = instance.store
    found = store.find(_TABLE, key)
    rows = [found[1]] if found else store.by(_TABLE, "number", key)
    if not rows:
        raise no_record()
    if not instance.access.criteria.may_read(user, rows[0]):
        raise Refused(403, "User Not Authorized", "Insufficient privileges to read the article")
    return rows[0]


def _article(instance: Instance, user: User, call: Call, key: str) -> Reply:
    row = _one(instance, user, key)
    read = instance.store.read
    sys_id = read(_TABLE, row, "sys_id")
    attachments = [
        {
            "sys_id": read("sys_attachment", one, "sys_id"),
            "file_name": read("sys_attachment", one, "file_name"),
            "size_bytes": read("sys_attachment", one, "size_bytes"),
            "state": "available_conditionally",
        }
        for one in instance.store.by("sys_attachment", "table_sys_id", sys_id)
    ]
    result: dict[str, Any] = {
        "content": read(_TABLE, row, "text"),
        "template": False,
        "number": read(_TABLE, row, "number"),
        "sys_id": sys_id,
        "short_description": read(_TABLE, row, "short_description"),
        "display_attachments": read(_TABLE, row, "display_attachments") == "true",
        "attachments": attachments,
        "embedded_content": [],
    }
    if fields := [field for field in call.query.get("fields", "").split(",") if field]:
        result["fields"] = _fields(instance, row, instance.renderer(user, call), fields)
    return Reply.json(200, {"result": result})


def _file(instance: Instance, user: User, key: str, attachment: str) -> Reply:
    row = _one(instance, user, key)
    found = instance.store.find("sys_attachment", attachment)
    read = instance.store.read
    if found is None or read("sys_attachment", found[1], "table_sys_id") != read(_TABLE, row, "sys_id"):
        raise no_record()
    told = {"Content-Type": read("sys_attachment", found[1], "content_type")}
    return Reply.of(200, instance.files.get(attachment, b""), told)


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub(" ", text))
