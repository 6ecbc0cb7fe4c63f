"""The service-desk API: customers' requests with comments, participants, approvals, SLAs and files."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import adf, events, workflow
from deskmind.sandbox.jira import desk_render as render
from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.attachment_routes import attach, received
from deskmind.sandbox.jira.call import Call, Route, answer, empty
from deskmind.sandbox.jira.desk_routes import the_desk, the_type
from deskmind.sandbox.jira.fields import ORGANIZATIONS, REQUEST_TYPE
from deskmind.sandbox.jira.issue import Attachment, Issue
from deskmind.sandbox.jira.refusal import desk_error
from deskmind.sandbox.jira.shape import items, mapping, named
from deskmind.sandbox.web import Reply

NO_REQUEST = "You do not have permission to view this request, or it does not exist."


def create(call: Call) -> Reply:
    """Raises a request; 201."""
    body = call.body()
    one = call.site.desks.get(named(body.get("serviceDeskId")))
    if one is None:
        raise desk_error(
            400, "Your service desk id is missing or does not exist.", "sd.servicedesk.not.found"
        )
    kind = the_type(one, named(body.get("requestTypeId")))
    given = mapping(body.get("requestFieldValues"))
    summary = str(given.get("summary") or "").strip()
    if not summary:
        raise desk_error(400, "You must provide a value for the field: Summary.")
    reporter = _on_behalf_of(call, str(body.get("raiseOnBehalfOf") or ""))
    values: dict[str, Any] = {
        "summary": summary,
        "description": _rich(given.get("description"), bool(body.get("isAdfRequest"))),
        "issuetype": kind.issue_type,
        REQUEST_TYPE: kind.id,
    }
    shared = [each for each in one.organizations if reporter in call.site.organizations[each].members]
    if shared:
        values[ORGANIZATIONS] = shared
    project = call.site.projects[one.project_id]
    made = call.editor.place(project, values, reporter)
    made.participants.extend(str(each) for each in items(body.get("requestParticipants")))
    events.created(call, made)
    return answer(render.request(call, made), 201)


def requests(call: Call) -> Reply:
    """The caller's requests: own, participated in, or of its organisations. An agent sees no others here."""
    ownership = set(
        call.request.query.getall("requestOwnership", ["OWNED_REQUESTS", "PARTICIPATED_REQUESTS"])
    )
    found = [
        each
        for each in call.site.issues.values()
        if each.values.get(REQUEST_TYPE) and _mine(call, each, ownership)
    ]
    found = [each for each in found if _asked(call, each)]
    found.sort(key=lambda each: each.created, reverse=True)
    expand = call.listed("expand")
    return answer(render.paged(call, found, lambda each: render.request(call, each, expand)))


def request(call: Call) -> Reply:
    """One request."""
    return answer(render.request(call, _request(call), call.listed("expand")))


def comments(call: Call) -> Reply:
    """The comments that the caller may read, public and internal as asked."""
    issue = _request(call)
    public, internal = call.flag("public", True), call.flag("internal", True)
    found = [
        each for each in issue.comments if call.sight.reads(each) and (public if each.public else internal)
    ]
    return answer(render.paged(call, found, lambda each: render.comment(call, issue, each)))


def add_comment(call: Call) -> Reply:
    """A new comment, public or internal; only agents write internal ones. 201."""
    issue = _request(call)
    body = call.body()
    text, public = body.get("body"), body.get("public", True) is not False
    if not isinstance(text, str) or not text.strip():
        raise desk_error(400, "Comment body cannot be empty.", "sd.comment.body.empty")
    if not public and not call.sight.works_in(call.site.projects[issue.project_id]):
        raise desk_error(
            403, "You do not have permission to add internal comments.", "sd.comment.internal.denied"
        )
    made = call.editor.place_comment(issue, adf.from_wiki(text), public=public)
    events.commented(call, issue, made)
    return answer(render.comment(call, issue, made), 201)


def comment(call: Call) -> Reply:
    """One comment."""
    issue = _request(call)
    for each in issue.comments:
        if each.id == call.path("id") and call.sight.reads(each):
            return answer(render.comment(call, issue, each))
    raise desk_error(404, "The comment does not exist.", "sd.comment.not.found")


def participants(call: Call) -> Reply:
    """Who else follows the request."""
    found = [call.site.users[each] for each in _request(call).participants]
    return answer(render.paged(call, found, lambda each: render.user(call, each)))


def change_participants(call: Call) -> Reply:
    """Adds or removes participants."""
    issue = _request(call)
    accounts = [str(each) for each in items(call.body().get("accountIds"))]
    if any(each not in call.site.users for each in accounts):
        raise desk_error(400, "One or more of the users do not exist.")
    before = issue.snapshot()
    kept = [each for each in issue.participants if each not in accounts]
    issue.participants = kept if call.request.method == "DELETE" else [*kept, *accounts]
    call.site.touch(issue, before=before)
    return participants(call)


def slas(call: Call) -> Reply:
    """The request's SLAs, for agents."""
    issue = _request(call)
    if not call.sight.agent:
        raise desk_error(403, "You do not have permission to view SLA information.", "sd.sla.denied")
    return answer(render.paged(call, render.slas(call, issue), lambda each: each))


def approvals(call: Call) -> Reply:
    """The request's approvals."""
    issue = _request(call)
    return answer(render.paged(call, issue.approvals, lambda each: render.approval(call, issue, each)))


def decide(call: Call) -> Reply:
    """Approves or declines, for who is asked."""
    issue = _request(call)
    found = next((each for each in issue.approvals if each.id == call.path("id")), None)
    if found is None:
        raise desk_error(404, "The approval does not exist.", "sd.approval.not.found")
    decision = {"approve": "approved", "decline": "declined"}.get(str(call.body().get("decision")))
    if decision is None:
        raise desk_error(400, "The decision must be 'approve' or 'decline'.")
    if found.decision != "pending" or found.approvers.get(call.account) != "pending":
        raise desk_error(403, "You are not an approver of this request.", "sd.approval.denied")
    before = issue.snapshot()
    found.approvers[call.account] = found.decision = decision
    found.completed = call.site.clock()
    call.site.touch(issue, before=before)
    return answer(render.approval(call, issue, found))


def status(call: Call) -> Reply:
    """The request's status history, the newest first."""
    return answer(render.paged(call, [_request(call)], lambda each: render.status(call, each)))


def transitions(call: Call) -> Reply:
    """What the caller can do with the request."""
    found = workflow.available(call.site, call.sight, _request(call))
    return answer(render.paged(call, found, lambda each: {"id": each.id, "name": each.name}, most=100))


def transition(call: Call) -> Reply:
    """Takes a transition; 204."""
    issue = _request(call)
    body = call.body()
    done = workflow.take(
        call.editor, issue, {"transition": {"id": body.get("id")}, "fields": body.get("fields")}
    )
    text = mapping(body.get("additionalComment")).get("body")
    if text:
        call.editor.place_comment(issue, adf.from_wiki(str(text)), public=True)
    events.updated(call, issue, done, "issue_generic")
    return empty()


def temporary_files(call: Call) -> Reply:
    """Takes files that a later call puts on a request; 201."""
    the_desk(call)
    made = received(call)
    call.files.update({f"temp{each.id}": each for each in made})
    shown = [{"temporaryAttachmentId": f"temp{each.id}", "fileName": each.name} for each in made]
    return answer({"temporaryAttachments": shown}, 201)


def attach_files(call: Call) -> Reply:
    """Puts temporary files on the request, with a comment; 201."""
    issue = _request(call)
    body = call.body()
    names = [str(each) for each in items(body.get("temporaryAttachmentIds"))]
    found = [call.files.pop(each) for each in names if each in call.files]
    if not found:
        raise desk_error(400, "The temporary attachments do not exist.", "sd.attachment.not.found")
    attach(call, issue, found)
    text = str(mapping(body.get("additionalComment")).get("body") or f"[^{found[0].name}]")
    made = call.editor.place_comment(issue, adf.from_wiki(text), public=body.get("public", True) is not False)
    shown = render.paged(call, found, lambda each: _file(call, issue, each))
    return answer({"comment": render.comment(call, issue, made), "attachments": shown}, 201)


def files(call: Call) -> Reply:
    """The request's files."""
    issue = _request(call)
    return answer(render.paged(call, issue.attachments, lambda each: _file(call, issue, each)))


def _file(call: Call, issue: Issue, one: Attachment) -> dict[str, Any]:
    platform = parts.attachment(call.links, call.site, one)
    links = {
        "self": call.links.desk(f"request/{issue.id}/attachment/{one.id}"),
        "jiraRest": platform["self"],
        "content": platform["content"],
    }
    author = render.user(call, call.site.users[one.author])
    created = call.links.desk_time(one.created)
    return {
        "filename": one.name,
        "author": author,
        "created": created,
        "size": len(one.content),
        "mimeType": one.mime,
        "_links": links,
    }


def _request(call: Call) -> Issue:
    found = call.site.issue(call.path("request"))
    if found is None or not found.values.get(REQUEST_TYPE) or not call.sight.shares(found):
        raise desk_error(404, NO_REQUEST, "sd.request.not.found")
    return found


def _mine(call: Call, issue: Issue, ownership: set[str]) -> bool:
    account = call.sight.account
    if issue.values.get("reporter") == account:
        return bool(ownership & {"OWNED_REQUESTS", "ALL_REQUESTS", "ALL_ORGANIZATIONS"})
    if account in issue.participants:
        return bool(ownership & {"PARTICIPATED_REQUESTS", "ALL_REQUESTS"})
    shared: list[str] = issue.values.get(ORGANIZATIONS) or []
    return bool(ownership & {"ORGANIZATION", "ALL_ORGANIZATIONS", "ALL_REQUESTS"}) and any(
        account in call.site.organizations[each].members for each in shared
    )


def _asked(call: Call, issue: Issue) -> bool:
    closed = call.site.statuses[issue.values["status"]].category == "done"
    state = call.query("requestStatus")
    if (state == "OPEN_REQUESTS" and closed) or (state == "CLOSED_REQUESTS" and not closed):
        return False
    one = call.site.desk_of(issue.project_id)
    if call.query("serviceDeskId") and (one is None or one.id != call.query("serviceDeskId")):
        return False
    if call.query("requestTypeId") and issue.values[REQUEST_TYPE] != call.query("requestTypeId"):
        return False
    return call.query("searchTerm").lower() in str(issue.values["summary"]).lower()


def _on_behalf_of(call: Call, wanted: str) -> str:
    if not wanted:
        return call.account
    found = call.site.users.get(wanted) or call.site.user_by_email(wanted)
    if found is None or not call.sight.agent:
        raise desk_error(
            400, f"The customer '{wanted}' does not exist, or you may not raise requests for others."
        )
    return found.account_id


def _rich(value: Any, document: bool) -> dict[str, Any] | None:
    if document and adf.is_document(value):
        return mapping(value)
    return adf.from_wiki(str(value)) if value else None


_ROOT = "/rest/servicedeskapi/request"
ROUTES = (
    Route("POST", _ROOT, create),
    Route("GET", _ROOT, requests),
    Route("GET", f"{_ROOT}/{{request}}", request),
    Route("GET", f"{_ROOT}/{{request}}/comment", comments),
    Route("POST", f"{_ROOT}/{{request}}/comment", add_comment),
    Route("GET", f"{_ROOT}/{{request}}/comment/{{id}}", comment),
    Route("GET", f"{_ROOT}/{{request}}/participant", participants),
    Route("POST", f"{_ROOT}/{{request}}/participant", change_participants),
    Route("DELETE", f"{_ROOT}/{{request}}/participant", change_participants),
    Route("GET", f"{_ROOT}/{{request}}/sla", slas),
    Route("GET", f"{_ROOT}/{{request}}/approval", approvals),
    Route("POST", f"{_ROOT}/{{request}}/approval/{{id}}", decide),
    Route("GET", f"{_ROOT}/{{request}}/status", status),
    Route("GET", f"{_ROOT}/{{request}}/transition", transitions),
    Route("POST", f"{_ROOT}/{{request}}/transition", transition),
    Route("GET", f"{_ROOT}/{{request}}/attachment", files),
    Route("POST", f"{_ROOT}/{{request}}/attachment", attach_files),
    Route("POST", "/rest/servicedeskapi/servicedesk/{desk}/attachTemporaryFile", temporary_files),
)
