"""Attachments: uploaded as a form, with the header that keeps browsers out."""

from __future__ import annotations

import hashlib
import mimetypes
from urllib.parse import quote

from deskmind.sandbox.forms import parts as form_parts
from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.call import Call, Route, answer, empty
from deskmind.sandbox.jira.issue import Attachment, Issue
from deskmind.sandbox.jira.refusal import Refused, messages
from deskmind.sandbox.web import Reply

LIMIT = 1_000_000_000


def upload(call: Call) -> Reply:
    """Stores each `file` of the form; 200 with their metadata."""
    if call.request.headers.get("X-Atlassian-Token", "").lower() not in ("no-check", "nocheck"):
        raise Refused(403, "XSRF check failed")
    issue = call.editable()
    if not call.request.content_type.startswith("multipart/"):
        raise messages(415, "Unsupported Media Type")
    made = received(call)
    if not made:
        raise messages(400, "No file was uploaded: a form part named 'file' is needed.")
    attach(call, issue, made)
    return answer([parts.attachment(call.links, call.site, each) for each in made])


def received(call: Call) -> list[Attachment]:
    """The `file` parts of the request's form."""
    try:
        found = form_parts(call.request.headers.get("Content-Type", ""), call.request.content)
    except ValueError:
        raise messages(400, "Couldn't parse the multipart request.") from None
    made: list[Attachment] = []
    for part in found:
        if part.name == "file" and part.filename:
            kind = part.content_type or mimetypes.guess_type(part.filename)[0]
            number = str(call.site.next_id())
            mime = kind or "application/octet-stream"
            made.append(
                Attachment(number, part.filename, mime, part.content, call.account, call.site.clock())
            )
    return made


def attach(call: Call, issue: Issue, made: list[Attachment]) -> None:
    """Puts files on an issue."""
    before = issue.snapshot()
    issue.attachments.extend(made)
    call.site.touch(issue, before=before)


def metadata(call: Call) -> Reply:
    """One attachment's metadata."""
    _, found = _attachment(call)
    body = parts.attachment(call.links, call.site, found)
    return answer(body | {"id": int(found.id)})


def redirect(call: Call) -> Reply:
    """The content lives elsewhere: 303 to an address that needs no login for a while."""
    _, found = _attachment(call)
    if call.query("redirect") == "false":
        return content(found)
    address = f"{call.links.base}/rest/media/{_ticket(found)}/{found.id}/{quote(found.name)}"
    return Reply.of(303, headers={"Location": address})


def media(call: Call) -> Reply:
    """The content behind such an address."""
    for issue in call.site.issues.values():
        for each in issue.attachments:
            if each.id == call.path("id") and _ticket(each) == call.path("ticket"):
                return content(each)
    raise messages(404, "The attachment was not found.")


def delete(call: Call) -> Reply:
    """Deletes an attachment; 204."""
    issue, found = _attachment(call)
    before = issue.snapshot()
    issue.attachments = [each for each in issue.attachments if each.id != found.id]
    call.site.touch(issue, before=before)
    return empty()


def settings(call: Call) -> Reply:
    """Whether files are taken, and how large."""
    return answer({"enabled": True, "uploadLimit": LIMIT})


def content(one: Attachment) -> Reply:
    """The file itself."""
    disposition = f"attachment; filename*=UTF-8''{quote(one.name)}"
    return Reply.of(200, one.content, {"Content-Type": one.mime, "Content-Disposition": disposition})


def _ticket(one: Attachment) -> str:
    return hashlib.sha256(f"{one.id}:{one.author}:{one.created}".encode()).hexdigest()[:32]


def _attachment(call: Call) -> tuple[Issue, Attachment]:
    for issue in call.site.issues.values():
        for each in issue.attachments:
            if each.id == call.path("id") and call.sight.sees(issue):
                return issue, each
    raise messages(404, f"The attachment with id '{call.path('id')}' does not exist")


ROUTES = (
    Route("POST", "/rest/api/{version}/issue/{issue}/attachments", upload),
    Route("GET", "/rest/api/{version}/attachment/meta", settings),
    Route("GET", "/rest/api/{version}/attachment/{id}", metadata),
    Route("DELETE", "/rest/api/{version}/attachment/{id}", delete),
    Route("GET", "/rest/api/{version}/attachment/content/{id}", redirect),
    Route("GET", "/secure/attachment/{id}/{name}", redirect),
    Route("GET", "/rest/media/{ticket}/{id}/{name}", media, anonymous=True),
)
