"""Issues: create, read, change, assign, transition, link, delete."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import events, workflow
from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.call import Call, Route, answer, empty
from deskmind.sandbox.jira.edit import link
from deskmind.sandbox.jira.fields import EDITABLE
from deskmind.sandbox.jira.issue import Issue
from deskmind.sandbox.jira.refusal import messages, no_issue
from deskmind.sandbox.jira.render_issue import LINK_TYPES
from deskmind.sandbox.jira.shape import items, mapping, named
from deskmind.sandbox.web import Reply


def create(call: Call) -> Reply:
    """A new issue; 201 with id, key and address."""
    _ = call.account
    made = call.editor.create(call.body())
    events.created(call, made)
    return answer(call.view.bare(made), 201)


def create_many(call: Call) -> Reply:
    """Up to 50 issues; some may fail."""
    from deskmind.sandbox.jira.refusal import Refused

    made: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for number, each in enumerate(items(call.body().get("issueUpdates"))[:50]):
        try:
            issue = call.editor.create(mapping(each))
        except Refused as refused:
            errors.append(
                {"status": refused.status, "elementErrors": refused.body, "failedElementNumber": number}
            )
        else:
            events.created(call, issue)
            made.append(call.view.bare(issue))
    return answer({"issues": made, "errors": errors}, 201 if made else 400)


def read(call: Call) -> Reply:
    """One issue with all of its fields, or those asked for."""
    issue = call.issue()
    body = call.view.body(issue, call.listed("fields") or ["*all"], call.listed("expand"))
    if "transitions" in call.listed("expand"):
        body["transitions"] = _transitions(call, issue, fields=False)
    if "editmeta" in call.listed("expand"):
        body["editmeta"] = {"fields": _edit_fields(call)}
    if call.listed("properties"):
        body["properties"] = {}
    return answer(body)


def change(call: Call) -> Reply:
    """Changes fields; 204."""
    issue = call.editable()
    body = call.body()
    comments = len(issue.comments)
    done = call.editor.change(issue, body)
    events.updated(call, issue, done)
    for comment in issue.comments[comments:]:
        events.commented(call, issue, comment)
    if call.flag("returnIssue"):
        return answer(call.view.body(issue, ["*all"], call.listed("expand")))
    return empty()


def delete(call: Call) -> Reply:
    """Deletes; afterwards it is as if it had never been."""
    issue = call.editable()
    children = [each for each in call.site.issues.values() if each.values.get("parent") == str(issue.id)]
    if children and not call.flag("deleteSubtasks"):
        raise messages(
            400,
            f"The issue '{issue.key}' has subtasks.  You must specify the 'deleteSubtasks' parameter to delete this issue and all its subtasks.",
        )
    for each in [*children, issue]:
        call.site.remove(each)
        events.deleted(call, each)
    return empty()


def assign(call: Call) -> Reply:
    """Assigns; `null` takes the assignee away, `-1` is the project's default."""
    issue = call.editable()
    account = call.body().get("accountId")
    done = call.editor.change(issue, {"fields": {"assignee": {"accountId": account} if account else None}})
    events.updated(call, issue, done, "issue_assigned")
    return empty()


def transitions(call: Call) -> Reply:
    """What can be done from here."""
    shown = _transitions(call, call.issue(), fields="transitions.fields" in call.query("expand"))
    wanted = call.query("transitionId")
    return answer(
        {"expand": "transitions", "transitions": [each for each in shown if wanted in ("", each["id"])]}
    )


def transition(call: Call) -> Reply:
    """Takes a transition; 204."""
    issue = call.issue()
    comments = len(issue.comments)
    done = workflow.take(call.editor, issue, call.body())
    events.updated(call, issue, done, "issue_generic")
    for comment in issue.comments[comments:]:
        events.commented(call, issue, comment)
    return empty()


def edit_meta(call: Call) -> Reply:
    """The fields that can be changed."""
    call.issue()
    return answer({"fields": _edit_fields(call)})


def changelog(call: Call) -> Reply:
    """The changelog, oldest first, paged."""
    issue = call.issue()
    start, size = call.number("startAt", 0), call.number("maxResults", 100, 100)
    shown = [parts.change(call.links, call.site, each) for each in issue.changes[start : start + size]]
    total = len(issue.changes)
    address = call.links.api(f"issue/{issue.id}/changelog?maxResults={size}&startAt={start}")
    body = {"self": address, "maxResults": size, "startAt": start, "total": total}
    return answer(body | {"isLast": start + len(shown) >= total, "values": shown})


def bulk_fetch(call: Call) -> Reply:
    """Up to 100 issues by id or key; what is not seen is named with an error."""
    body = call.body()
    wanted = [str(each) for each in items(body.get("issueIdsOrKeys"))]
    if not wanted or len(wanted) > 100:
        raise messages(400, "The number of issue ids or keys must be between 1 and 100.")
    found = [issue for issue in map(call.site.issue, wanted) if issue is not None and call.sight.sees(issue)]
    missing = [each for each in wanted if not _seen(call, each)]
    fields = items(body.get("fields")) or ["*navigable"]
    expand = items(body.get("expand"))
    shown = [call.view.body(each, fields, expand) for each in found]
    return answer(
        {
            "expand": "names,schema",
            "issues": shown,
            "issueErrors": [
                {
                    "id": each,
                    "errorMessage": "The issue was not found or you do not have permission to view it.",
                }
                for each in missing
            ],
        }
    )


def link_issues(call: Call) -> Reply:
    """Links two issues; 201."""
    body = call.body()
    kind = named(body.get("type"), "name")
    inward = call.site.issue(named(body.get("inwardIssue"), "key", "id"))
    outward = call.site.issue(named(body.get("outwardIssue"), "key", "id"))
    if kind not in LINK_TYPES:
        raise messages(404, f"No issue link type with name '{kind}' found.")
    if inward is None or outward is None or not (call.sight.sees(inward) and call.sight.sees(outward)):
        raise no_issue()
    link(call.site, inward, outward, kind, outward=True)
    return empty(201)


def _seen(call: Call, name: str) -> bool:
    found = call.site.issue(name)
    return found is not None and call.sight.sees(found)


def _transitions(call: Call, issue: Issue, *, fields: bool) -> list[dict[str, Any]]:
    found = workflow.available(call.site, call.sight, issue)
    return [workflow.body(call.site, call.links, each, fields=fields) for each in found]


def _edit_fields(call: Call) -> dict[str, Any]:
    return {
        name: workflow.field_meta(call.site, call.links, name, required=name == "summary")
        for name in EDITABLE
        if name != "parent"
    }


ROUTES = (
    Route("POST", "/rest/api/{version}/issue", create),
    Route("POST", "/rest/api/{version}/issue/bulk", create_many),
    Route("POST", "/rest/api/{version}/issue/bulkfetch", bulk_fetch),
    Route("POST", "/rest/api/{version}/issueLink", link_issues),
    Route("GET", "/rest/api/{version}/issue/{issue}", read, anonymous=True),
    Route("PUT", "/rest/api/{version}/issue/{issue}", change),
    Route("DELETE", "/rest/api/{version}/issue/{issue}", delete),
    Route("PUT", "/rest/api/{version}/issue/{issue}/assignee", assign),
    Route("GET", "/rest/api/{version}/issue/{issue}/transitions", transitions),
    Route("POST", "/rest/api/{version}/issue/{issue}/transitions", transition),
    Route("GET", "/rest/api/{version}/issue/{issue}/editmeta", edit_meta),
    Route("GET", "/rest/api/{version}/issue/{issue}/changelog", changelog),
)
