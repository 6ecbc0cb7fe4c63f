"""Jira's writes. Comments are documents, never plain strings.

The mark is a label on a new issue, a last line in a comment; a Confluence page is known by its title, of which a
space has one.
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
from deskmind.connectors.jira.fields import moment
from deskmind.connectors.jira.reading import text as markdown_of
from deskmind.connectors.jira.streams import comments_of, issue_ids
from deskmind.connectors.text import adf_from_markdown, html_from_markdown
from deskmind.connectors.writing import Act, Change, Proposal
from deskmind.errors import InvalidRequestError, NotFoundError

__all__ = ["JiraWrites"]

_NAMES = {
    "title": "summary",
    "description": "description",
    "priority": "priority",
    "labels": "labels",
    "due": "duedate",
    "requester": "reporter",
}
_BY_NAME = frozenset({"priority"})
_BY_ACCOUNT = frozenset({"reporter", "assignee"})


class JiraWrites:
    """Drafts, sends and reads back."""

    def __init__(self, client: Client, url: str, wiki: str) -> None:
        self._client = client
        self._url = url
        self._wiki = wiki

    async def draft(self, act: Act, target: str, values: dict[str, Any], marker: str) -> Draft:
        """What an act means here."""
        if act is Act.CREATE:
            return _new(values, marker)
        if act is Act.PUBLISH:
            return await self._page(target, values)
        issue = await self._issue(target)
        key, version = str(issue["key"]), str(_fields(issue).get("updated") or "")
        match act:
            case Act.ATTACH:
                made = await attach_draft(values, key, internal=False)
                return Draft(made.changes, made.request, key, version, internal=False)
            case Act.COMMENT:
                return _comment(values, issue, marker, key, version)
            case Act.ASSIGN:
                before = _plain("assignee", _fields(issue).get("assignee"))
                after = values.get("assignee")
                request = {"step": "assign", "account": after}
                return Draft((Change("assignee", before, after),), request, key, version)
            case Act.TRANSITION:
                return await self._step(target, values, issue, key, version)
            case _:
                fields = _encoded(named(values, _NAMES))
                after = {name: _plain(name, one) for name, one in fields.items()}
                before = {name: _plain(name, _fields(issue).get(name)) for name in after}
                return Draft(changes_of(before, after), {"step": "update", "fields": fields}, key, version)

    async def send(self, proposal: Proposal, upload: Upload | None) -> str:
        """Send it; the id of what was written."""
        request, path = proposal.request, f"/rest/api/3/issue/{quote(proposal.target, safe='')}"
        if upload is not None:
            return await self._attach(path, upload)
        match request["step"]:
            case "create":
                answer = await self._client.request(
                    "POST", "/rest/api/3/issue", json={"fields": request["fields"]}
                )
            case "comment":
                answer = await self._client.request("POST", f"{path}/comment", json=dict(request["body"]))
            case "assign":
                answer = await self._client.request(
                    "PUT", f"{path}/assignee", json={"accountId": request["account"]}
                )
            case "transition":
                answer = await self._client.request("POST", f"{path}/transitions", json=dict(request["body"]))
            case "update":
                answer = await self._client.request("PUT", path, json={"fields": request["fields"]})
            case _:
                answer = await self._send_page(proposal)
        return (
            str(cast("dict[str, Any]", answer.data).get("id") or "") if isinstance(answer.data, dict) else ""
        )

    async def now(self, proposal: Proposal, written: str) -> Now:
        """By id, by mark, by title, or by name and size of a file."""
        match proposal.act:
            case Act.CREATE:
                return await self._created(proposal, written)
            case Act.PUBLISH:
                return await self._page_now(proposal)
            case Act.COMMENT:
                return await self._comment_now(proposal)
            case Act.ATTACH:
                return await self._file_now(proposal)
            case _:
                issue = await self._issue(proposal.target)
                return self._seen(issue, proposal)

    async def _issue(self, target: str) -> dict[str, Any]:
        path = f"/rest/api/3/issue/{quote(target, safe='')}"
        return cast("dict[str, Any]", await self._client.get(path, {"fields": "*all"}))

    async def _step(
        self, target: str, values: dict[str, Any], issue: Mapping[str, Any], key: str, version: str
    ) -> Draft:
        needed(values, "to")
        wanted = str(values.pop("to")).lower()
        path = f"/rest/api/3/issue/{quote(target, safe='')}/transitions"
        answer = cast("dict[str, Any]", await self._client.get(path))
        steps = cast("list[dict[str, Any]]", answer.get("transitions") or [])
        for step in steps:
            to = cast("Mapping[str, Any]", step.get("to") or {})
            if wanted in {str(step.get("name")).lower(), str(to.get("name")).lower(), str(step.get("id"))}:
                body: dict[str, Any] = {"transition": {"id": str(step["id"])}}
                if fields := _encoded(named(values, _NAMES)):
                    body["fields"] = fields
                before = _plain("status", _fields(issue).get("status"))
                change = Change("status", before, str(to.get("name")))
                return Draft((change,), {"step": "transition", "body": body}, key, version)
        raise InvalidRequestError(
            f"{key} cannot go to '{wanted}' from where it is.",
            why=f"Possible are: {', '.join(str(one.get('name')) for one in steps) or 'none'}.",
            remedy="Choose one of them, or have the workflow changed.",
        )

    async def _attach(self, path: str, upload: Upload) -> str:
        answer = await self._client.request(
            "POST",
            f"{path}/attachments",
            form=lambda: _form(upload),
            headers={"X-Atlassian-Token": "no-check"},
        )
        rows = cast("list[dict[str, Any]]", answer.data or [])
        return str(rows[0].get("id")) if rows else ""

    async def _created(self, proposal: Proposal, written: str) -> Now:
        identity = written
        if not identity:
            jql = f'labels = "{proposal.marker}" ORDER BY created ASC'
            ids = [one async for some in issue_ids(self._client, jql, 10) for one in some]
            identity = ids[0] if ids else ""
        return self._seen(await self._issue(identity), proposal) if identity else Now(found=False)

    async def _comment_now(self, proposal: Proposal) -> Now:
        for row in await comments_of(self._client, proposal.target):
            if proposal.marker in markdown_of(row.get("body")):
                seen = self._seen(await self._issue(proposal.target), proposal)
                public = row.get("jsdPublic", not proposal.internal) is True
                values = {"public": public} if "jsdPublic" in row else {}
                return Now(
                    found=True,
                    id=str(row["id"]),
                    key=seen.key,
                    url=seen.url,
                    version=seen.version,
                    values=values,
                )
        return Now(found=False)

    async def _file_now(self, proposal: Proposal) -> Now:
        issue = await self._issue(proposal.target)
        for row in cast("list[dict[str, Any]]", _fields(issue).get("attachment") or []):
            made = moment(row.get("created"))
            late = made is None or made.timestamp() >= proposal.made_at.timestamp() - 60
            same = (
                row.get("filename") == proposal.request["name"]
                and row.get("size") == proposal.request["size"]
            )
            if same and late:
                return Now(found=True, id=str(row["id"]), key=proposal.key)
        return Now(found=False)

    def _seen(self, issue: Mapping[str, Any], proposal: Proposal) -> Now:
        fields = _fields(issue)
        return Now(
            found=True,
            id=str(issue["id"]),
            key=str(issue["key"]),
            url=f"{self._url}/browse/{issue['key']}",
            version=str(fields.get("updated") or ""),
            values={
                one.field: _held(one, fields.get(one.field))
                for one in proposal.changes
                if one.field in fields
            },
        )

    async def _page(self, target: str, values: dict[str, Any]) -> Draft:
        if not self._wiki:
            raise InvalidRequestError(
                "This connection has no Confluence.", remedy="Set where it is in the options."
            )
        if not target:
            needed(values, "title", "text", "base")
            storage = html_from_markdown(values["text"])
            body: dict[str, Any] = {
                "spaceId": str(values["base"]),
                "status": "current",
                "title": values["title"],
                "body": {"representation": "storage", "value": storage},
            }
            changes = (Change("title", None, values["title"]), Change("body", None, storage))
            return Draft(changes, {"step": "page", "body": body}, internal=False)
        page = await self._read_page(target)
        version = int(cast("dict[str, Any]", page.get("version") or {}).get("number") or 0)
        text = values.get("text")
        held: Any = cast(
            "dict[str, Any]", cast("dict[str, Any]", page.get("body") or {}).get("storage") or {}
        ).get("value")
        storage = html_from_markdown(text) if text is not None else str(held or "")
        body = {
            "id": target,
            "status": "current",
            "title": values.get("title") or page.get("title"),
            "version": {"number": version + 1},
            "body": {"representation": "storage", "value": storage},
        }
        before = {"status": page.get("status"), "title": page.get("title"), "body": held}
        after = {"status": "current", "title": body["title"], "body": storage}
        return Draft(
            changes_of(before, after), {"step": "page", "body": body}, target, str(version), internal=False
        )

    async def _read_page(self, identity: str) -> dict[str, Any]:
        path = f"{self._wiki}/api/v2/pages/{quote(identity, safe='')}"
        return cast("dict[str, Any]", await self._client.get(path, {"body-format": "storage"}))

    async def _send_page(self, proposal: Proposal) -> Any:
        body = dict(proposal.request["body"])
        if proposal.target:
            path = f"{self._wiki}/api/v2/pages/{quote(proposal.target, safe='')}"
            return await self._client.request("PUT", path, json=body)
        return await self._client.request("POST", f"{self._wiki}/api/v2/pages", json=body)

    async def _page_now(self, proposal: Proposal) -> Now:
        body = proposal.request["body"]
        if proposal.target:
            page: dict[str, Any] | None = await self._read_page(proposal.target)
        else:
            query = {
                "space-id": body["spaceId"],
                "title": body["title"],
                "body-format": "storage",
                "limit": 1,
            }
            answer = cast("dict[str, Any]", await self._client.get(f"{self._wiki}/api/v2/pages", query))
            rows = cast("list[dict[str, Any]]", answer.get("results") or [])
            page = rows[0] if rows else None
        if page is None:
            return Now(found=False)
        version = str(cast("dict[str, Any]", page.get("version") or {}).get("number") or "")
        links = cast("dict[str, Any]", page.get("_links") or {})
        values = {"title": page.get("title"), "status": page.get("status")}
        url = f"{self._url}{self._wiki}{links.get('webui') or ''}"
        return Now(
            found=True, id=str(page["id"]), key=str(page["id"]), url=url, version=version, values=values
        )


def _new(values: dict[str, Any], marker: str) -> Draft:
    needed(values, "title", "project")
    project, kind = str(values.pop("project")), str(values.pop("type", "Task"))
    fields = _encoded(named(values, _NAMES))
    fields |= {
        "project": {"id": project} if project.isdecimal() else {"key": project},
        "issuetype": {"name": kind},
        "labels": [*cast("list[str]", fields.get("labels") or []), marker],
    }
    after = {name: _plain(name, one) for name, one in fields.items()}
    return Draft(changes_of({}, after), {"step": "create", "fields": fields}, marked=True)


def _comment(values: dict[str, Any], issue: Mapping[str, Any], marker: str, key: str, version: str) -> Draft:
    needed(values, "text")
    internal = bool(values.get("internal", True))
    project = cast("Mapping[str, Any]", _fields(issue).get("project") or {})
    desk = project.get("projectTypeKey") == "service_desk"
    if internal and not desk:
        raise InvalidRequestError(
            f"{key} has no internal comments.",
            why="Its project is not a service desk: everybody who sees the issue would read it.",
            remedy="Propose a public comment, or leave it.",
        )
    body: dict[str, Any] = {"body": adf_from_markdown(f"{values['text']}\n\n{reference_line(marker)}")}
    if desk:
        body["properties"] = [{"key": "sd.public.comment", "value": {"internal": internal}}]
    changes = (Change("comment", None, values["text"]), Change("public", None, not internal))
    return Draft(changes, {"step": "comment", "body": body}, key, version, internal=internal, marked=True)


def _fields(issue: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = issue.get("fields")
    if not isinstance(fields, Mapping):
        raise NotFoundError("The issue has no fields.", remedy="Name it by its id or key.")
    return cast("Mapping[str, Any]", fields)


def _encoded(values: dict[str, Any]) -> dict[str, Any]:
    """Plain values in the form that fields take."""
    return {name: _encode(name, one) for name, one in values.items()}


def _encode(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if name == "description":
            return adf_from_markdown(value)
        if name in _BY_NAME:
            return {"name": value}
        if name in _BY_ACCOUNT:
            return {"accountId": value}
    return value


def _plain(name: str, value: Any) -> Any:
    """A field in the form that people compare."""
    if isinstance(value, Mapping):
        one = cast("Mapping[str, Any]", value)
        if one.get("type") == "doc":
            return markdown_of(one)
        for key in ("accountId", "name", "key", "value", "id"):
            if one.get(key) is not None:
                return one[key]
        return dict(one)
    return value


def _held(change: Change, value: Any) -> Any:
    """A field as it is, by the name that was proposed where it is one of its names: a project has a key and an id."""
    if isinstance(value, Mapping):
        one = cast("Mapping[str, Any]", value)
        names = (one.get(name) for name in ("id", "key", "name", "accountId", "value"))
        if str(change.after) in {str(name) for name in names if name is not None}:
            return change.after
    return _plain(change.field, value)


def _form(upload: Upload) -> Any:
    import aiohttp

    form = aiohttp.FormData()
    form.add_field("file", upload.stream(), filename=upload.name, content_type=upload.content_type)
    return form
