"""Freshservice's writes. The mark is a tag on a new ticket or article, a last line in a note."""

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
from deskmind.connectors.freshservice.lists import Listing, one_of
from deskmind.connectors.freshservice.reading import moment
from deskmind.connectors.text import html_from_markdown
from deskmind.connectors.writing import Act, Change, Proposal
from deskmind.errors import InvalidRequestError

__all__ = ["FreshserviceWrites"]

_NAMES = {
    "title": "subject",
    "description": "description",
    "priority": "priority",
    "impact": "impact",
    "urgency": "urgency",
    "category": "category",
    "subcategory": "sub_category",
    "requester": "requester_id",
    "email": "email",
    "assignee": "responder_id",
    "group": "group_id",
    "department": "department_id",
    "tags": "tags",
    "to": "status",
}
_IDS = frozenset({"requester_id", "responder_id", "group_id", "department_id"})
_STATES = {"open": 2, "pending": 3, "resolved": 4, "closed": 5}
_LEVELS = {"low": 1, "medium": 2, "high": 3, "urgent": 4}
_LEVELLED = frozenset({"priority", "impact", "urgency"})
_OPEN, _LOW, _PORTAL = 2, 1, 2


class FreshserviceWrites:
    """Drafts, sends and reads back."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    async def draft(self, act: Act, target: str, values: dict[str, Any], marker: str) -> Draft:
        """What an act means here."""
        if act is Act.CREATE:
            return _new(values, marker)
        if act is Act.PUBLISH:
            return await self._article(target, values, marker)
        row = await self._ticket(target)
        key, version = f"INC-{target}", str(row.get("updated_at") or "")
        if act is Act.ATTACH:
            made = await attach_draft(values, key, internal=False)
            return Draft(made.changes, made.request, key, version, internal=False)
        if act is Act.COMMENT:
            return _note(values, target, marker, key, version)
        after = _encoded(named(values, _NAMES))
        before = {name: row.get(name) for name in after}
        request = {"method": "PUT", "path": _path(target), "body": after}
        return Draft(changes_of(before, after), request, key, version)

    async def send(self, proposal: Proposal, upload: Upload | None) -> str:
        """Send it; the id of what was written."""
        if upload is not None:
            path = _path(proposal.target)
            answer = await self._client.request("PUT", path, form=lambda: _form(upload))
        else:
            request = proposal.request
            answer = await self._client.request(
                request["method"], request["path"], json=dict(request["body"])
            )
        return str(one_of(answer.data).get("id") or "")

    async def now(self, proposal: Proposal, written: str) -> Now:
        """By id, by mark, or by name and size of a file."""
        match proposal.act:
            case Act.COMMENT:
                return await self._note_now(proposal)
            case Act.PUBLISH:
                return await self._article_now(proposal, written)
            case Act.CREATE:
                row = await self._ticket(written) if written else await self._marked(proposal)
                return self._seen(row, proposal) if row else Now(found=False)
            case Act.ATTACH:
                return self._file(await self._ticket(proposal.target), proposal)
            case _:
                return self._seen(await self._ticket(proposal.target), proposal)

    async def _ticket(self, target: str) -> dict[str, Any]:
        return one_of(await self._client.get(_path(target)))

    async def _marked(self, proposal: Proposal) -> dict[str, Any] | None:
        """The ticket with our tag: among those created since, since lists leave tags out."""
        since = proposal.made_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {"updated_since": since, "order_type": "desc"}
        for row in await Listing(self._client, "/api/v2/tickets", query).all():
            if row.get("subject") != proposal.request["body"]["subject"]:
                continue
            full = await self._ticket(str(row["id"]))
            if proposal.marker in cast("list[str]", full.get("tags") or []):
                return full
        return None

    def _seen(self, row: Mapping[str, Any], proposal: Proposal) -> Now:
        identity = str(row["id"])
        held = {one.field: row.get(one.field) for one in proposal.changes if one.field in row}
        held.pop("description", None)  # it is cleaned by the vendor
        return Now(
            found=True,
            id=identity,
            key=f"INC-{identity}",
            url=f"{self._url}/a/tickets/{identity}",
            version=str(row.get("updated_at") or ""),
            values=held,
        )

    def _file(self, row: Mapping[str, Any], proposal: Proposal) -> Now:
        size = proposal.request["size"]
        for one in cast("list[Mapping[str, Any]]", row.get("attachments") or []):
            made = moment(one.get("created_at"))
            late = made is None or made.timestamp() >= proposal.made_at.timestamp() - 60
            same = (one.get("name"), one.get("size", size)) == (proposal.request["name"], size)
            if same and late:
                return Now(
                    found=True, id=str(one["id"]), key=proposal.key, version=str(row.get("updated_at") or "")
                )
        return Now(found=False)

    async def _note_now(self, proposal: Proposal) -> Now:
        path = f"{_path(proposal.target)}/conversations"
        for row in await Listing(self._client, path).all():
            if proposal.marker in str(row.get("body") or "") + str(row.get("body_text") or ""):
                values = {"private": row["private"]} if "private" in row else {}
                seen = self._seen(await self._ticket(proposal.target), proposal)
                return Now(
                    found=True,
                    id=str(row["id"]),
                    key=seen.key,
                    url=seen.url,
                    version=seen.version,
                    values=values,
                )
        return Now(found=False)

    async def _article(self, target: str, values: dict[str, Any], marker: str) -> Draft:
        if target:
            path = f"/api/v2/solutions/articles/{quote(target, safe='')}"
            row = one_of(await self._client.get(path))
            body: dict[str, Any] = {"status": 2}
            if values.get("text") is not None:
                body["description"] = html_from_markdown(values["text"])
            before = {name: row.get(name) for name in body}
            version = str(row.get("updated_at") or "")
            return Draft(
                changes_of(before, body),
                {"method": "PUT", "path": path, "body": body},
                target,
                version,
                internal=False,
            )
        needed(values, "title", "text", "base")
        body = {
            "title": values["title"],
            "description": html_from_markdown(values["text"]),
            "folder_id": int(values["base"]),
            "article_type": 1,
            "status": 2,
            "tags": [marker],
        }
        request = {"method": "POST", "path": "/api/v2/solutions/articles", "body": body}
        return Draft(changes_of({}, body), request, internal=False, marked=True)

    async def _article_now(self, proposal: Proposal, written: str) -> Now:
        identity = written or proposal.target
        if identity:
            row: dict[str, Any] | None = one_of(
                await self._client.get(f"/api/v2/solutions/articles/{identity}")
            )
        else:
            query = {"folder_id": proposal.request["body"]["folder_id"]}
            rows = await Listing(self._client, "/api/v2/solutions/articles", query).all()
            row = next(
                (one for one in rows if proposal.marker in cast("list[str]", one.get("tags") or [])), None
            )
        if row is None:
            return Now(found=False)
        values = {name: row.get(name) for name in ("status", "title") if name in row}
        url = f"{self._url}/support/solutions/articles/{row['id']}"
        return Now(
            found=True,
            id=str(row["id"]),
            key=str(row["id"]),
            url=url,
            version=str(row.get("updated_at") or ""),
            values=values,
        )


def _new(values: dict[str, Any], marker: str) -> Draft:
    needed(values, "title")
    fields = _encoded(named(values, _NAMES))
    if not {"requester_id", "email"} & fields.keys():
        raise InvalidRequestError(
            "The ticket has no requester.", remedy="Give 'requester' (an id) or 'email'."
        )
    body: dict[str, Any] = {
        "status": _OPEN,
        "priority": _LOW,
        "source": _PORTAL,
        "description": " ",
        **fields,
    }
    body["tags"] = [*cast("list[str]", body.get("tags") or []), marker]
    request = {"method": "POST", "path": "/api/v2/tickets", "body": body}
    return Draft(changes_of({}, body), request, marked=True)


def _note(values: dict[str, Any], target: str, marker: str, key: str, version: str) -> Draft:
    needed(values, "text")
    internal = bool(values.get("internal", True))
    body = {"body": html_from_markdown(f"{values['text']}\n\n{reference_line(marker)}"), "private": internal}
    changes = (Change("body", None, body["body"]), Change("private", None, internal))
    request = {"method": "POST", "path": f"{_path(target)}/notes", "body": body}
    return Draft(changes, request, key, version, internal=internal, marked=True)


def _encoded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _encode(name, one) for name, one in values.items()}


def _encode(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name == "description":
        return html_from_markdown(value)
    if name == "status":
        return _STATES.get(value.lower()) or _whole(name, value)
    if name in _LEVELLED:
        return _LEVELS.get(value.lower()) or _whole(name, value)
    return _whole(name, value) if name in _IDS else value


def _whole(name: str, value: str) -> int:
    if not value.isdigit():
        raise InvalidRequestError(
            f"'{name}' takes no '{value}'.", remedy="Give the vendor's number, or one of its names."
        )
    return int(value)


def _path(target: str) -> str:
    return f"/api/v2/tickets/{quote(target, safe='')}"


def _form(upload: Upload) -> Any:
    import aiohttp

    form = aiohttp.FormData()
    form.add_field("attachments[]", upload.stream(), filename=upload.name, content_type=upload.content_type)
    return form
