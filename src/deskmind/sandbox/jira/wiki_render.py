"""Pages and spaces as Confluence's two API versions write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.call import Call
from deskmind.sandbox.jira.people import Holders
from deskmind.sandbox.jira.wiki import Page, Space, Wiki

Body = dict[str, Any]


def time(moment: datetime) -> str:
    """`2022-01-08T23:02:29.431Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def person(call: Call, account: str) -> Body:
    """An account as Confluence shows it."""
    one = call.site.users[account]
    body: Body = {"type": "known", "accountId": account, "accountType": one.kind, "publicName": one.name}
    return body | {"displayName": one.name, "email": one.email if one.shows_email else ""}


def space_v1(call: Call, one: Space) -> Body:
    """A space, version 1."""
    root = f"{call.links.base}/wiki"
    links = {"webui": f"/spaces/{one.key}", "self": f"{root}/rest/api/space/{one.key}"}
    return {
        "id": int(one.id),
        "key": one.key,
        "name": one.name,
        "type": "global",
        "status": "current",
        "_links": links,
    }


def space_v2(one: Space) -> Body:
    """A space, version 2."""
    links = {"webui": f"/spaces/{one.key}"}
    return {
        "id": one.id,
        "key": one.key,
        "name": one.name,
        "type": "global",
        "status": "current",
        "homepageId": one.homepage or None,
        "_links": links,
    }


def page_v1(call: Call, wiki: Wiki, one: Page, expand: list[str]) -> Body:
    """A page, version 1, with what is expanded."""
    root = f"{call.links.base}/wiki"
    space = wiki.spaces[one.space_id]
    body: Body = {"id": one.id, "type": "page", "status": one.status, "title": one.title}
    for name in expand:
        match name.split(".")[0]:
            case "space":
                body["space"] = space_v1(call, space)
            case "version":
                body["version"] = {
                    "by": person(call, one.author),
                    "when": time(one.updated),
                    "number": one.version,
                    "minorEdit": False,
                    "message": "",
                }
            case "history":
                body["history"] = {
                    "latest": True,
                    "createdBy": person(call, one.author),
                    "createdDate": time(one.created),
                    "lastUpdated": {
                        "by": person(call, one.author),
                        "when": time(one.updated),
                        "number": one.version,
                    },
                }
            case "body":
                kind = name.split(".")[1] if "." in name else "storage"
                body.setdefault("body", {})[kind] = {"value": one.body, "representation": kind}
            case "metadata":
                body["metadata"] = {"labels": labels(one)}
            case "ancestors":
                body["ancestors"] = [page_v1(call, wiki, each, []) for each in wiki.ancestors(one)]
            case "restrictions":
                body["restrictions"] = restrictions(call, one)
            case _:
                pass
    webui = f"/spaces/{space.key}/pages/{one.id}"
    return body | {
        "_links": {"self": f"{root}/rest/api/content/{one.id}", "webui": webui, "tinyui": f"/x/{one.id}"}
    }


def page_v2(wiki: Wiki, one: Page, form: str) -> Body:
    """A page, version 2; its body in the form asked for."""
    body: Body = {
        "id": one.id,
        "status": one.status,
        "title": one.title,
        "spaceId": one.space_id,
        "parentId": one.parent,
        "parentType": "page" if one.parent else None,
        "position": 0,
        "authorId": one.author,
        "ownerId": one.author,
        "lastOwnerId": None,
        "createdAt": time(one.created),
        "version": {
            "createdAt": time(one.updated),
            "message": "",
            "number": one.version,
            "minorEdit": False,
            "authorId": one.author,
        },
        "body": {form: {"representation": form, "value": one.body}} if form else {},
    }
    webui = f"/spaces/{wiki.spaces[one.space_id].key}/pages/{one.id}"
    return body | {
        "_links": {
            "webui": webui,
            "editui": f"/pages/resumedraft.action?draftId={one.id}",
            "tinyui": f"/x/{one.id}",
        }
    }


def labels(one: Page) -> Body:
    """The labels of a page."""
    results = [
        {"prefix": "global", "name": each, "id": str(10_000 + place), "label": each}
        for place, each in enumerate(one.labels)
    ]
    return {"results": results, "start": 0, "limit": 200, "size": len(results)}


def restrictions(call: Call, one: Page) -> Body:
    """Who reads and who changes: the page's own restrictions, not those above it."""
    return {operation: restriction(call, one, operation) for operation in ("read", "update")}


def restriction(call: Call, one: Page, operation: str) -> Body:
    """One operation's restriction; empty lists mean that there is none."""
    held = one.restricted if operation == "read" and one.restricted else Holders()
    users = [person(call, each) | {"type": "known"} for each in sorted(held.users)]
    groups = [
        {"type": "group", "name": each.name, "id": each.group_id}
        for each in call.site.groups.values()
        if each.name in held.groups
    ]
    inside = {
        "user": {"results": users, "start": 0, "limit": 200, "size": len(users)},
        "group": {"results": groups, "start": 0, "limit": 200, "size": len(groups)},
    }
    address = f"{call.links.base}/wiki/rest/api/content/{one.id}/restriction/byOperation/{operation}"
    return {
        "operation": operation,
        "restrictions": inside,
        "content": {"id": one.id},
        "_links": {"self": address},
    }


def permissions(call: Call, one: Space) -> list[Body]:
    """Who holds which permission of a space; a group `everyone` stands for all licensed users."""
    found: list[Body] = []
    for operation, holders in (("read", one.readers), ("create", one.writers)):
        groups = [
            each
            for each in call.site.groups.values()
            if each.name in holders.groups or (holders.everyone and each.name == EVERYONE)
        ]
        principals = [("group", each.group_id) for each in groups] + [
            ("user", each) for each in sorted(holders.users)
        ]
        for kind, name in principals:
            number = str(int(one.id) * 100 + len(found))
            target = "space" if operation == "read" else "page"
            found.append(
                {
                    "id": number,
                    "principal": {"type": kind, "id": name},
                    "operation": {"key": operation, "targetType": target},
                }
            )
    return found


EVERYONE = "confluence-users"
"""The group that holds every account with a licence."""

group = parts.group
