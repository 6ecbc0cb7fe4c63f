"""The small JSON bodies that larger ones are made of: users, projects, types, statuses, attachments."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import adf
from deskmind.sandbox.jira.fields import option_text
from deskmind.sandbox.jira.issue import Attachment, Change, Comment, Worklog
from deskmind.sandbox.jira.jql_values import CATEGORIES
from deskmind.sandbox.jira.links import Links
from deskmind.sandbox.jira.people import Group, User
from deskmind.sandbox.jira.scheme import IssueType, Level, Named, Project, Status
from deskmind.sandbox.jira.site import Site

Body = dict[str, Any]

_COLORS = {"new": "blue-gray", "indeterminate": "yellow", "done": "green"}


def user(links: Links, one: User, viewer: str = "") -> Body:
    """An account; the address only where the profile shows it, or to its owner."""
    body: Body = {"self": links.api(f"user?accountId={one.account_id}"), "accountId": one.account_id}
    if one.shows_email or one.account_id == viewer:
        body["emailAddress"] = one.email
    body |= {"avatarUrls": links.avatars("user", "10122"), "displayName": one.name, "active": one.active}
    return body | {"timeZone": one.zone, "accountType": one.kind}


def group(links: Links, one: Group) -> Body:
    """A group's name, id and address."""
    return {"name": one.name, "groupId": one.group_id, "self": links.api(f"group?groupId={one.group_id}")}


def project(links: Links, one: Project) -> Body:
    """A project as other bodies refer to it."""
    return {
        "self": links.api(f"project/{one.id}"),
        "id": one.id,
        "key": one.key,
        "name": one.name,
        "projectTypeKey": one.kind,
        "simplified": False,
        "avatarUrls": links.avatars("project", "10419"),
    }


def issue_type(links: Links, one: IssueType) -> Body:
    """An issue type."""
    return {
        "self": links.api(f"issuetype/{one.id}"),
        "id": one.id,
        "description": one.description,
        "iconUrl": links.api("universal_avatar/view/type/issuetype/avatar/10318?size=medium"),
        "name": one.name,
        "subtask": one.subtask,
        "avatarId": 10318,
        "hierarchyLevel": -1 if one.subtask else 0,
    }


def category(links: Links, key: str) -> Body:
    """A status category."""
    number, name = CATEGORIES[key]
    address = links.api(f"statuscategory/{number}")
    return {"self": address, "id": number, "key": key, "colorName": _COLORS[key], "name": name}


def status(links: Links, one: Status) -> Body:
    """A status with its category."""
    return {
        "self": links.api(f"status/{one.id}"),
        "description": one.description,
        "iconUrl": links.icon(""),
        "name": one.name,
        "id": one.id,
        "statusCategory": category(links, one.category),
    }


def priority(links: Links, one: Named) -> Body:
    """A priority."""
    icon = links.icon(f"images/icons/priorities/{one.name.lower()}.svg")
    return {"self": links.api(f"priority/{one.id}"), "iconUrl": icon, "name": one.name, "id": one.id}


def resolution(links: Links, one: Named) -> Body:
    """A resolution."""
    address = links.api(f"resolution/{one.id}")
    return {"self": address, "id": one.id, "description": one.description, "name": one.name}


def level(links: Links, one: Level) -> Body:
    """An issue security level."""
    address = links.api(f"securitylevel/{one.id}")
    return {"self": address, "id": one.id, "description": one.description, "name": one.name}


def component(links: Links, one: Named) -> Body:
    """A component as an issue refers to it."""
    return {"self": links.api(f"component/{one.id}"), "id": one.id, "name": one.name}


def option(links: Links, field_id: str, option_id: str) -> Body:
    """The chosen option of a select list."""
    address = links.api(f"customFieldOption/{option_id}")
    return {"self": address, "value": option_text(field_id, option_id), "id": option_id}


def attachment(links: Links, site: Site, one: Attachment) -> Body:
    """A file's metadata and the address of its content."""
    return {
        "self": links.api(f"attachment/{one.id}"),
        "id": one.id,
        "filename": one.name,
        "author": user(links, site.users[one.author]),
        "created": links.time(one.created),
        "size": len(one.content),
        "mimeType": one.mime,
        "content": links.api(f"attachment/content/{one.id}"),
    }


def rich(links: Links, value: Body | None) -> Any:
    """Rich text: ADF in version 3, wiki text in version 2."""
    return value if links.version == "3" or value is None else adf.to_wiki(value)


def comment(links: Links, site: Site, issue_id: int, one: Comment) -> Body:
    """A comment; `jsdPublic` is whether the portal shows it."""
    body: Body = {
        "self": links.api(f"issue/{issue_id}/comment/{one.id}"),
        "id": one.id,
        "author": user(links, site.users[one.author]),
        "body": rich(links, one.body),
        "updateAuthor": user(links, site.users[one.update_author or one.author]),
        "created": links.time(one.created),
        "updated": links.time(one.updated),
        "jsdPublic": one.public,
    }
    if one.visibility:
        kind, name = one.visibility
        body["visibility"] = {"type": kind, "value": name, "identifier": name}
    return body


def worklog(links: Links, site: Site, issue_id: int, one: Worklog) -> Body:
    """Booked time."""
    author = user(links, site.users[one.author])
    body: Body = {
        "self": links.api(f"issue/{issue_id}/worklog/{one.id}"),
        "author": author,
        "updateAuthor": author,
        "created": links.time(one.created),
        "updated": links.time(one.created),
        "started": links.time(one.started),
        "timeSpent": f"{one.seconds // 60}m",
        "timeSpentSeconds": one.seconds,
        "id": one.id,
        "issueId": str(issue_id),
    }
    return body if one.comment is None else body | {"comment": rich(links, one.comment)}


def change(links: Links, site: Site, one: Change) -> Body:
    """One entry of the changelog."""
    return {
        "id": one.id,
        "author": user(links, site.users[one.author]),
        "created": links.time(one.created),
        "items": change_items(one),
    }


def change_items(one: Change) -> list[Body]:
    """What the entry changed; field by field."""
    return [
        {
            "field": item.field,
            "fieldtype": "custom" if item.field_id.startswith("customfield_") else "jira",
            "fieldId": item.field_id,
            "from": item.old,
            "fromString": item.old_text,
            "to": item.new,
            "toString": item.new_text,
        }
        for item in one.items
    ]
