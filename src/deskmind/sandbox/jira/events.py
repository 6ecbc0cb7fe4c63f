"""What a write tells the webhooks."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import jql
from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.call import Call
from deskmind.sandbox.jira.issue import Change, Comment, Issue
from deskmind.sandbox.jira.jql_syntax import parse
from deskmind.sandbox.jira.links import Links
from deskmind.sandbox.jira.refusal import Refused
from deskmind.sandbox.jira.render_issue import IssueView
from deskmind.sandbox.jira.sight import Sight


def created(call: Call, issue: Issue) -> None:
    """An issue was created."""
    _issue(call, "jira:issue_created", "issue_created", issue)


def updated(call: Call, issue: Issue, change: Change | None, kind: str = "issue_updated") -> None:
    """An issue was changed; without a change there is nothing to tell."""
    if change is not None:
        log = {"id": change.id, "items": parts.change_items(change)}
        _issue(call, "jira:issue_updated", kind, issue, {"changelog": log})


def deleted(call: Call, issue: Issue) -> None:
    """An issue was deleted; its last state goes along."""
    _issue(call, "jira:issue_deleted", "issue_deleted", issue)


def commented(call: Call, issue: Issue, comment: Comment, event: str = "comment_created") -> None:
    """A comment came, changed or went."""
    links = _links(call)
    body = {
        "comment": parts.comment(links, call.site, issue.id, comment),
        "issue": _system_view(call).body(
            issue, ["summary", "issuetype", "project", "assignee", "priority", "status"]
        ),
        "eventType": "primaryAction",
    }
    call.hooks.fire(event, body, lambda query: _finds(call, query, issue))


def _issue(call: Call, event: str, kind: str, issue: Issue, more: dict[str, Any] | None = None) -> None:
    links = _links(call)
    body: dict[str, Any] = {
        "issue_event_type_name": kind,
        "user": parts.user(links, call.site.users[call.account]),
        "issue": _system_view(call).body(issue, ["*all"]),
    }
    call.hooks.fire(event, body | (more or {}), lambda query: _finds(call, query, issue))


def _finds(call: Call, query: str, issue: Issue) -> bool:
    try:
        return jql.predicate(call.site, _administrator(call), parse(query))(issue)
    except Refused:
        return False


def _system_view(call: Call) -> IssueView:
    return IssueView(call.site, _administrator(call), _links(call))


def _links(call: Call) -> Links:
    """Webhook bodies are of version 2, as the vendor's are."""
    return Links(call.links.base, "2", call.links.zone)


def _administrator(call: Call) -> Sight:
    return Sight(call.site, next((each for each in call.site.users.values() if each.admin), None))
