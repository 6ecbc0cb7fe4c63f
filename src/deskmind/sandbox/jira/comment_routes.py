"""Comments, their properties, worklogs and watchers."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import events
from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.call import Call, Route, answer, empty
from deskmind.sandbox.jira.edit import visibility
from deskmind.sandbox.jira.field_input import Invalid, rich
from deskmind.sandbox.jira.issue import Comment, Issue, Worklog
from deskmind.sandbox.jira.refusal import field_errors, messages
from deskmind.sandbox.web import Reply

PUBLIC = "sd.public.comment"


def comments(call: Call) -> Reply:
    """The comments that the caller may read."""
    found = call.view.comments(call.issue())
    if call.query("orderBy").startswith("-"):
        found.reverse()
    start, size = call.number("startAt", 0), call.number("maxResults", 100, 5000)
    shown = found[start : start + size]
    return answer({"startAt": start, "maxResults": size, "total": len(found), "comments": shown})


def add(call: Call) -> Reply:
    """A new comment; 201. It is public in the portal unless its property says internal."""
    issue = call.issue()
    if not call.sight.works_in(call.site.projects[issue.project_id]):
        raise messages(403, "You do not have the permission to comment on this issue.")
    made = call.editor.comment(issue, call.body())
    events.commented(call, issue, made)
    return answer(parts.comment(call.links, call.site, issue.id, made), 201)


def comment(call: Call) -> Reply:
    """One comment."""
    issue, found = _comment(call)
    body = parts.comment(call.links, call.site, issue.id, found)
    return answer(body)


def change(call: Call) -> Reply:
    """Rewrites a comment."""
    issue, found = _comment(call)
    body = call.body()
    if found.author != call.account and not call.site.users[call.account].admin:
        raise messages(400, "You do not have permission to edit this comment.")
    try:
        text = rich(body.get("body"), call.links.version)
    except Invalid:
        raise field_errors({"comment": "Comment body is not valid!"}) from None
    before = issue.snapshot()
    found.body = text or found.body
    found.updated, found.update_author = call.site.clock(), call.account
    found.visibility = visibility(body) or found.visibility
    call.site.touch(issue, before=before)
    events.commented(call, issue, found, "comment_updated")
    return answer(parts.comment(call.links, call.site, issue.id, found))


def delete(call: Call) -> Reply:
    """Deletes a comment; 204."""
    issue, found = _comment(call)
    before = issue.snapshot()
    issue.comments = [each for each in issue.comments if each.id != found.id]
    call.site.touch(issue, before=before)
    events.commented(call, issue, found, "comment_deleted")
    return empty()


def property_keys(call: Call) -> Reply:
    """The comment's properties: only the portal's."""
    _by_id(call)
    return answer({"keys": [{"self": call.address + f"/{PUBLIC}", "key": PUBLIC}]})


def get_property(call: Call) -> Reply:
    """Whether the comment is internal."""
    _, found = _by_id(call)
    if call.path("key") != PUBLIC:
        raise messages(404, f"The property {call.path('key')} was not found.")
    return answer({"key": PUBLIC, "value": {"internal": not found.public}})


def set_property(call: Call) -> Reply:
    """Makes a comment internal or public."""
    issue, found = _by_id(call)
    if call.path("key") == PUBLIC:
        before = issue.snapshot()
        found.public = not call.body().get("internal", False)
        call.site.touch(issue, before=before)
    return answer({})


def worklogs(call: Call) -> Reply:
    """Booked time."""
    issue = call.issue()
    logs = [parts.worklog(call.links, call.site, issue.id, each) for each in issue.worklogs]
    return answer({"startAt": 0, "maxResults": len(logs), "total": len(logs), "worklogs": logs})


def add_worklog(call: Call) -> Reply:
    """Books time; 201."""
    issue = call.editable()
    body = call.body()
    seconds = _seconds(body)
    try:
        text = rich(body.get("comment"), call.links.version)
    except Invalid as invalid:
        raise field_errors({"comment": str(invalid)}) from None
    before = issue.snapshot()
    now = call.site.clock()
    made = Worklog(str(call.site.next_id()), call.account, seconds, now, now, text)
    issue.worklogs.append(made)
    issue.values["timespent"] = (issue.values.get("timespent") or 0) + seconds
    call.site.touch(issue, before=before)
    return answer(parts.worklog(call.links, call.site, issue.id, made), 201)


def watchers(call: Call) -> Reply:
    """Who watches."""
    issue = call.issue()
    shown = [call.view.user(each) for each in issue.watchers]
    address = call.links.api(f"issue/{issue.key}/watchers")
    body: dict[str, Any] = {"self": address, "isWatching": call.sight.account in issue.watchers}
    return answer(body | {"watchCount": len(shown), "watchers": shown})


def watch(call: Call) -> Reply:
    """Adds a watcher (the caller where nobody is named); 204."""
    issue = call.issue()
    given = call.request.json() if call.request.content else ""
    account = given if isinstance(given, str) and given else call.account
    if account not in call.site.users:
        raise messages(400, f"The user '{account}' does not exist.")
    if account not in issue.watchers:
        issue.watchers.append(account)
    return empty()


def remote_links(call: Call) -> Reply:
    """Links to elsewhere: none."""
    call.issue()
    return answer([])


def _seconds(body: dict[str, Any]) -> int:
    given = body.get("timeSpentSeconds")
    if isinstance(given, int) and given > 0:
        return given
    units = {"m": 60, "h": 3600, "d": 28_800, "w": 144_000}
    total = 0
    for part in str(body.get("timeSpent") or "").split():
        if part[:-1].isdecimal() and part[-1] in units:
            total += int(part[:-1]) * units[part[-1]]
    if not total:
        raise field_errors({"timeLogged": "You must indicate the time spent working."})
    return total


def _comment(call: Call) -> tuple[Issue, Comment]:
    issue = call.issue()
    found = next((each for each in issue.comments if each.id == call.path("id")), None)
    if found is None or not call.sight.reads(found):
        raise messages(404, f"Can not find a comment for the id: {call.path('id')}.")
    return issue, found


def _by_id(call: Call) -> tuple[Issue, Comment]:
    wanted = call.path("id")
    for issue in call.site.issues.values():
        for each in issue.comments:
            if each.id == wanted and call.sight.sees(issue) and call.sight.reads(each):
                return issue, each
    raise messages(404, f"Can not find a comment for the id: {wanted}.")


ROUTES = (
    Route("GET", "/rest/api/{version}/issue/{issue}/comment", comments),
    Route("POST", "/rest/api/{version}/issue/{issue}/comment", add),
    Route("GET", "/rest/api/{version}/issue/{issue}/comment/{id}", comment),
    Route("PUT", "/rest/api/{version}/issue/{issue}/comment/{id}", change),
    Route("DELETE", "/rest/api/{version}/issue/{issue}/comment/{id}", delete),
    Route("GET", "/rest/api/{version}/comment/{id}/properties", property_keys),
    Route("GET", "/rest/api/{version}/comment/{id}/properties/{key}", get_property),
    Route("PUT", "/rest/api/{version}/comment/{id}/properties/{key}", set_property),
    Route("GET", "/rest/api/{version}/issue/{issue}/worklog", worklogs),
    Route("POST", "/rest/api/{version}/issue/{issue}/worklog", add_worklog),
    Route("GET", "/rest/api/{version}/issue/{issue}/watchers", watchers),
    Route("POST", "/rest/api/{version}/issue/{issue}/watchers", watch),
    Route("GET", "/rest/api/{version}/issue/{issue}/remotelink", remote_links),
)
