"""JSON bodies of the service-desk API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from deskmind.sandbox.jira import adf
from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.adf_html import to_html
from deskmind.sandbox.jira.call import Call
from deskmind.sandbox.jira.fields import BY_ID, REQUEST_TYPE
from deskmind.sandbox.jira.issue import Approval, Comment, Issue
from deskmind.sandbox.jira.people import User
from deskmind.sandbox.jira.scheme import RequestType, ServiceDesk

Body = dict[str, Any]

GOALS = {"1": 4, "2": 8, "3": 24, "4": 72, "5": 120}
"""Hours to resolution for each priority id."""


def paged(call: Call, found: list[Any], show: Callable[[Any], Body], *, most: int = 50) -> Body:
    """One page: `start`, `limit`, `isLastPage`, and a link to the next while there is one."""
    start, limit = call.number("start", 0), call.number("limit", most, 100)
    shown = found[start : start + limit]
    last = start + len(shown) >= len(found)
    links: Body = {"base": call.links.base, "context": "", "self": call.address}
    if not last:
        links["next"] = f"{call.address}?start={start + limit}&limit={limit}"
    if start:
        links["prev"] = f"{call.address}?start={max(start - limit, 0)}&limit={limit}"
    values = [show(each) for each in shown]
    return {
        "size": len(values),
        "start": start,
        "limit": limit,
        "isLastPage": last,
        "_links": links,
        "values": values,
    }


def user(call: Call, one: User) -> Body:
    """A user as the portal shows it."""
    body: Body = {"accountId": one.account_id}
    if one.shows_email or one.account_id == call.sight.account:
        body["emailAddress"] = one.email
    platform = parts.user(call.links, one)
    links = {"jiraRest": platform["self"], "avatarUrls": platform["avatarUrls"], "self": platform["self"]}
    return body | {"displayName": one.name, "active": one.active, "timeZone": one.zone, "_links": links}


def desk(call: Call, one: ServiceDesk) -> Body:
    """A service desk."""
    project = call.site.projects[one.project_id]
    return {
        "id": one.id,
        "projectId": project.id,
        "projectName": project.name,
        "projectKey": project.key,
        "_links": {"self": call.links.desk(f"servicedesk/{one.id}")},
    }


def request_type(call: Call, one: ServiceDesk, kind: RequestType) -> Body:
    """A request type of a desk."""
    return {
        "id": kind.id,
        "name": kind.name,
        "description": kind.description,
        "helpText": "",
        "issueTypeId": kind.issue_type,
        "serviceDeskId": one.id,
        "portalId": one.id,
        "groupIds": list(kind.groups),
        "icon": {"id": "10527", "_links": {"iconUrls": call.links.avatars("SD_REQTYPE", "10527")}},
        "_links": {"self": call.links.desk(f"servicedesk/{one.id}/requesttype/{kind.id}")},
    }


def request(call: Call, issue: Issue, expand: list[str] | None = None) -> Body:
    """A request as its customer sees it."""
    site = call.site
    one = site.desk_of(issue.project_id)
    desk_id = one.id if one else ""
    expanded = expand or []
    body: Body = {
        "_expands": [
            "participant",
            "status",
            "sla",
            "requestType",
            "serviceDesk",
            "attachment",
            "action",
            "comment",
        ],
        "issueId": str(issue.id),
        "issueKey": issue.key,
        "requestTypeId": issue.values[REQUEST_TYPE],
        "serviceDeskId": desk_id,
        "createdDate": call.links.desk_time(issue.created),
        "reporter": user(call, site.users[issue.values["reporter"]]),
        "requestFieldValues": _field_values(issue),
        "currentStatus": status(call, issue),
        "_links": {
            "jiraRest": call.links.api(f"issue/{issue.id}"),
            "web": call.links.icon(f"servicedesk/customer/portal/{desk_id}/{issue.key}"),
            "self": call.links.desk(f"request/{issue.id}"),
            "agent": call.links.icon(f"browse/{issue.key}"),
        },
    }
    if one and "requestType" in expanded:
        body["requestType"] = request_type(call, one, one.request_types[issue.values[REQUEST_TYPE]])
    if one and "serviceDesk" in expanded:
        body["serviceDesk"] = desk(call, one)
    if "participant" in expanded:
        people = [site.users[each] for each in issue.participants]
        body["participants"] = paged(call, people, lambda each: user(call, each))
    if "comment" in expanded:
        readable = [each for each in issue.comments if call.sight.reads(each)]
        body["comments"] = paged(call, readable, lambda each: comment(call, issue, each))
    if "sla" in expanded:
        body["sla"] = paged(call, slas(call, issue), lambda each: each)
    return body


def status(call: Call, issue: Issue) -> Body:
    """The request's status."""
    held = call.site.statuses[issue.values["status"]]
    moment = issue.category_changed or issue.created
    return {
        "status": held.name,
        "statusCategory": held.category.upper(),
        "statusDate": call.links.desk_time(moment),
    }


def comment(call: Call, issue: Issue, one: Comment) -> Body:
    """A comment of a request; its text is wiki text."""
    return {
        "id": one.id,
        "body": adf.to_wiki(one.body),
        "public": one.public,
        "author": user(call, call.site.users[one.author]),
        "created": call.links.desk_time(one.created),
        "_links": {"self": call.links.desk(f"request/{issue.id}/comment/{one.id}")},
    }


def organization(call: Call, held: str) -> Body:
    """An organisation of customers."""
    one = call.site.organizations[held]
    return {"id": one.id, "name": one.name, "_links": {"self": call.links.desk(f"organization/{one.id}")}}


def approval(call: Call, issue: Issue, one: Approval) -> Body:
    """An approval with who is asked and what they said."""
    approvers = [
        {"approver": user(call, call.site.users[each]), "approverDecision": said}
        for each, said in one.approvers.items()
    ]
    body: Body = {
        "id": one.id,
        "name": one.name,
        "finalDecision": one.decision,
        "canAnswerApproval": one.decision == "pending" and one.approvers.get(call.sight.account) == "pending",
        "approvers": approvers,
        "createdDate": call.links.desk_time(one.created),
        "_links": {"self": call.links.desk(f"request/{issue.id}/approval/{one.id}")},
    }
    return body if one.completed is None else body | {"completedDate": call.links.desk_time(one.completed)}


def slas(call: Call, issue: Issue) -> list[Body]:
    """Time to resolution: the running cycle, or the one that ended."""
    goal = GOALS.get(issue.values["priority"], 24) * 3_600_000
    done: datetime | None = issue.values.get("resolutiondate")
    elapsed = int(((done or call.site.clock()) - issue.created).total_seconds() * 1000)
    cycle: Body = {
        "startTime": call.links.desk_time(issue.created),
        "breached": elapsed > goal,
        "goalDuration": _duration(goal),
        "elapsedTime": _duration(elapsed),
        "remainingTime": _duration(goal - elapsed),
    }
    body: Body = {
        "id": "1",
        "name": "Time to resolution",
        "_links": {"self": call.links.desk(f"request/{issue.id}/sla/1")},
        "completedCycles": [cycle | {"stopTime": call.links.desk_time(done)}] if done else [],
    }
    if done is None:
        body["ongoingCycle"] = cycle | {"paused": False, "withinCalendarHours": True}
    return [body]


def _duration(millis: int) -> Body:
    minutes = abs(millis) // 60_000
    friendly = f"{'-' if millis < 0 else ''}{minutes // 60}h {minutes % 60}m"
    return {"millis": millis, "friendly": friendly}


def _field_values(issue: Issue) -> list[Body]:
    shown: list[Body] = []
    for name in ("summary", "description"):
        value = issue.values.get(name)
        body: Body = {"fieldId": name, "label": BY_ID[name].name}
        if name == "description":
            body |= {"value": adf.to_wiki(value), "renderedValue": {"html": to_html(value)}}
        else:
            body["value"] = value
        shown.append(body)
    return shown
