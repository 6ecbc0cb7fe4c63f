"""ServiceNow's writes: rows by POST and PATCH, files as raw bytes.

The mark is ``correlation_id`` on a new ticket, ``meta`` on a new article, a last line in a journal entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from deskmind.connectors.core.client import Client
from deskmind.connectors.core.effects import (
    Draft,
    Now,
    attach_draft,
    changes_of,
    named,
    needed,
    reference_line,
)
from deskmind.connectors.core.upload import Upload
from deskmind.connectors.servicenow.fields import moment, value
from deskmind.connectors.servicenow.states import TYPES
from deskmind.connectors.servicenow.tables import Table, result
from deskmind.connectors.text import html_from_markdown, journal_from_markdown
from deskmind.connectors.writing import Act, Change, Proposal
from deskmind.errors import InvalidRequestError, NotFoundError

__all__ = ["ServiceNowWrites"]

_NAMES = {
    "title": "short_description",
    "description": "description",
    "impact": "impact",
    "urgency": "urgency",
    "priority": "priority",
    "category": "category",
    "subcategory": "subcategory",
    "requester": "caller_id",
    "assignee": "assigned_to",
    "group": "assignment_group",
    "service": "business_service",
    "configuration_item": "cmdb_ci",
    "to": "state",
    "resolution_code": "close_code",
    "resolution_notes": "close_notes",
}
_ARTICLE = "kb_knowledge"


class ServiceNowWrites:
    """Drafts, sends and reads back."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    async def draft(self, act: Act, target: str, values: dict[str, Any], marker: str) -> Draft:
        """What an act means here; ``table`` is ``incident`` where it is not given."""
        table = str(values.pop("table", "") or ("incident" if act is not Act.PUBLISH else _ARTICLE))
        if act is Act.CREATE:
            needed(values, "title")
            body = {**named(values, _NAMES), "correlation_id": marker}
            return _new(table, body)
        if act is Act.PUBLISH:
            return await self._publish(target, values, marker)
        row = await self._row(table, target)
        table = value(row.get("sys_class_name")) or table
        key, version = value(row.get("number")), value(row.get("sys_mod_count"))
        if act is Act.ATTACH:
            made = await attach_draft(values, key, internal=False)
            return Draft(made.changes, {**made.request, "table": table}, key, version, internal=False)
        if act is Act.COMMENT:
            return _entry(values, table, marker, key, version)
        after = {name: str(one) for name, one in named(values, _NAMES).items()}
        before = {name: value(row.get(name)) for name in after}
        return Draft(
            changes_of(before, after), {"method": "PATCH", "table": table, "body": after}, key, version
        )

    async def send(self, proposal: Proposal, upload: Upload | None) -> str:
        """Send it; the id of the row, or of the file."""
        request = proposal.request
        if upload is not None:
            return await self._attach(proposal, upload)
        path = f"/api/now/table/{quote(request['table'])}"
        if request["method"] != "POST":
            path = f"{path}/{quote(proposal.target, safe='')}"
        answer = await self._client.request(request["method"], path, json=dict(request["body"]))
        return value(result(answer)[0].get("sys_id"))

    async def now(self, proposal: Proposal, written: str) -> Now:
        """By id, by mark, or by name and size of a file."""
        request = proposal.request
        if proposal.act is Act.ATTACH:
            return await self._file(proposal)
        if proposal.act is Act.COMMENT:
            return await self._journal(proposal)
        table = Table(self._client, request["table"], shown=False)
        identity = written or proposal.target
        if identity:
            row = await table.one(identity)
        else:
            mark = next(
                name for name in ("correlation_id", "meta") if request["body"].get(name) == proposal.marker
            )
            rows = await table.some(f"{mark}={proposal.marker}")
            row = rows[0] if rows else None
        return Now(found=False) if row is None else self._seen(request["table"], row, proposal)

    async def _publish(self, target: str, values: dict[str, Any], marker: str) -> Draft:
        if target:
            row = await self._row(_ARTICLE, target)
            before, after = value(row.get("workflow_state")), "published"
            return Draft(
                (Change("workflow_state", before, after),),
                {"method": "PATCH", "table": _ARTICLE, "body": {"workflow_state": after}},
                value(row.get("number")),
                value(row.get("sys_mod_count")),
                internal=False,
            )
        needed(values, "title", "text", "base")
        body: dict[str, Any] = {
            "short_description": values["title"],
            "text": html_from_markdown(values["text"]),
            "kb_knowledge_base": values["base"],
            "workflow_state": "published",
            "meta": marker,
            **cast("dict[str, Any]", values.get("fields") or {}),
        }
        made = _new(_ARTICLE, body)
        return Draft(made.changes, made.request, internal=False, marked=True)

    async def _row(self, table: str, target: str) -> dict[str, Any]:
        row = await Table(self._client, table, shown=False).one(target) if target.isalnum() else None
        if row is None and table in TYPES:
            row = await Table(self._client, "task", shown=False).one(target) if target.isalnum() else None
        if row is None:
            raise NotFoundError(
                f"There is no record '{target}' in {table}.",
                why="It was deleted, or the credentials may not see it.",
                remedy="Name it by its sys_id, and its table.",
            )
        return row

    async def _attach(self, proposal: Proposal, upload: Upload) -> str:
        query = {
            "table_name": proposal.request["table"],
            "table_sys_id": proposal.target,
            "file_name": upload.name,
        }
        answer = await self._client.request(
            "POST",
            "/api/now/attachment/file",
            query=query,
            form=upload.stream,
            headers={"Content-Type": upload.content_type},
        )
        return value(result(answer)[0].get("sys_id"))

    async def _file(self, proposal: Proposal) -> Now:
        query = {
            "sysparm_query": f"table_sys_id={proposal.target}^ORDERBYDESCsys_created_on",
            "sysparm_limit": 100,
        }
        rows = result(await self._client.request("GET", "/api/now/attachment", query=query))
        for row in rows:
            same = row.get("file_name") == proposal.request["name"]
            made = moment(value(row.get("sys_created_on")))
            late = made is None or made.timestamp() >= proposal.made_at.timestamp() - 60
            if same and late and value(row.get("size_bytes")) == str(proposal.request["size"]):
                return Now(found=True, id=value(row.get("sys_id")), key=proposal.key)
        return Now(found=False)

    async def _journal(self, proposal: Proposal) -> Now:
        fields = ("sys_id", "element", "value")
        table = Table(self._client, "sys_journal_field", fields=fields, shown=False)
        rows = await table.some(f"element_id={proposal.target}^valueLIKE{proposal.marker}")
        if not rows:
            return Now(found=False)
        row = await self._row(proposal.request["table"], proposal.target)
        seen = self._seen(proposal.request["table"], row, proposal)
        wanted = next(iter(proposal.request["body"]))
        values = (
            {wanted: value(rows[0].get("value"))} if value(rows[0].get("element")) == wanted else {wanted: ""}
        )
        return Now(
            found=True,
            id=value(rows[0].get("sys_id")),
            key=seen.key,
            url=seen.url,
            version=seen.version,
            values=values,
        )

    def _seen(self, table: str, row: Mapping[str, Any], proposal: Proposal) -> Now:
        identity = value(row.get("sys_id"))
        return Now(
            found=True,
            id=identity,
            key=value(row.get("number")),
            url=f"{self._url}/nav_to.do?uri={table}.do?sys_id={identity}",
            version=value(row.get("sys_mod_count")),
            values={change.field: value(row.get(change.field)) for change in proposal.changes},
        )


def _new(table: str, body: dict[str, Any]) -> Draft:
    request = {"method": "POST", "table": table, "body": body}
    return Draft(changes_of({}, body), request, marked=True)


def _entry(values: dict[str, Any], table: str, marker: str, key: str, version: str) -> Draft:
    needed(values, "text")
    internal = values.get("internal", True)
    if not isinstance(internal, bool):
        raise InvalidRequestError("'internal' is not true or false.", remedy="Say who may read the comment.")
    field = "work_notes" if internal else "comments"
    text = f"{journal_from_markdown(values['text'])}\n\n{reference_line(marker)}"
    request = {"method": "PATCH", "table": table, "body": {field: text}}
    return Draft((Change(field, None, text),), request, key, version, internal=internal, marked=True)
