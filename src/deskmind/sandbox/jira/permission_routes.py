"""Permissions: the caller's own, and the schemes that say who holds which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deskmind.sandbox.jira.call import Call, Route, answer, page
from deskmind.sandbox.jira.people import Holders
from deskmind.sandbox.jira.refusal import messages
from deskmind.sandbox.jira.scheme import Project
from deskmind.sandbox.jira.sight import ROLE_GROUPS
from deskmind.sandbox.web import Reply

_ADMINISTRATION = ("ADMINISTER_PROJECTS",)
_GLOBAL = (
    "ADMINISTER",
    "SYSTEM_ADMIN",
    "CREATE_PROJECT",
    "USER_PICKER",
    "CREATE_SHARED_OBJECTS",
    "MANAGE_GROUP_FILTER_SUBSCRIPTIONS",
    "BULK_CHANGE",
)
_SIGHT = ("BROWSE_PROJECTS", "VIEW_DEV_TOOLS", "VIEW_READONLY_WORKFLOW", "VIEW_AGGREGATED_DATA")
_WORK = (
    "SERVICEDESK_AGENT",
    "MANAGE_SPRINTS_PERMISSION",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "ASSIGN_ISSUES",
    "ASSIGNABLE_USER",
    "TRANSITION_ISSUES",
    "RESOLVE_ISSUES",
    "CLOSE_ISSUES",
    "SCHEDULE_ISSUES",
    "MOVE_ISSUES",
    "LINK_ISSUES",
    "DELETE_ISSUES",
    "MODIFY_REPORTER",
    "SET_ISSUE_SECURITY",
    "VIEW_VOTERS_AND_WATCHERS",
    "MANAGE_WATCHERS",
    "ADD_COMMENTS",
    "EDIT_ALL_COMMENTS",
    "EDIT_OWN_COMMENTS",
    "DELETE_ALL_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "CREATE_ATTACHMENTS",
    "DELETE_ALL_ATTACHMENTS",
    "DELETE_OWN_ATTACHMENTS",
    "WORK_ON_ISSUES",
    "EDIT_ALL_WORKLOGS",
    "EDIT_OWN_WORKLOGS",
    "DELETE_ALL_WORKLOGS",
    "DELETE_OWN_WORKLOGS",
)
_PROJECT = (*_ADMINISTRATION, *_SIGHT, *_WORK)
_SECURITY_SCHEME = "10000"


def mine(call: Call) -> Reply:
    """The caller's own permissions, over all or in one project."""
    project = call.site.project(call.query("projectKey") or call.query("projectId"))
    projects = [project] if project else list(call.site.projects.values())
    asked = call.listed("permissions") or [*_GLOBAL, *_PROJECT]
    unknown = [name for name in asked if name not in (*_GLOBAL, *_PROJECT)]
    if unknown:
        raise messages(400, f"Unrecognized permission(s): {', '.join(unknown)}")
    shown = {
        name: {
            "id": str(number),
            "key": name,
            "name": name.replace("_", " ").title(),
            "type": "GLOBAL" if name in _GLOBAL else "PROJECT",
            "description": "",
            "havePermission": _held(call, name, projects),
        }
        for number, name in enumerate(asked)
    }
    return answer({"permissions": shown})


def scheme(call: Call) -> Reply:
    """The permission scheme of a project; its grants only where they are asked for."""
    found = call.project()
    if not call.sight.administers(found):
        raise messages(403, "You do not have permission to administer this project.")
    number = int(found.id) + 100
    body: dict[str, Any] = {
        "expand": "permissions,user,group,projectRole,field,all",
        "id": number,
        "self": call.links.api(f"permissionscheme/{number}"),
        "name": f"{found.name} scheme",
        "description": "",
    }
    if {"permissions", "all", "user", "group", "projectRole", "field"} & set(call.listed("expand")):
        body["permissions"] = _grants(call, found, number)
    return answer(body)


def level_members(call: Call) -> Reply:
    """Who is in security levels, paged; for administrators of the site alone."""
    if not (call.sight.user and call.sight.user.admin):
        raise messages(403, "You must be an administrator to perform this action.")
    wanted, schemes = call.listed("levelId"), call.listed("schemeId")
    odd = [each for each in (*wanted, *schemes) if not each.isdecimal()]
    if odd:
        raise messages(400, f"The ID {odd[0]} is not a number.")
    every = _SECURITY_SCHEME in schemes or not (wanted or schemes)
    levels = [each for each in call.site.levels.values() if every or each.id in wanted]
    found = [
        {
            "id": str(int(level.id) * 100 + place),
            "issueSecurityLevelId": level.id,
            "issueSecuritySchemeId": _SECURITY_SCHEME,
            "holder": holder,
        }
        for level in levels
        for place, holder in enumerate(_holders(call, level.holders))
    ]
    return answer(page(call, "values", found))


def _held(call: Call, name: str, projects: list[Project]) -> bool:
    admin = bool(call.sight.user and call.sight.user.admin)
    if name == "USER_PICKER":
        return call.sight.agent or admin
    if name in _GLOBAL:
        return admin
    if name in _ADMINISTRATION:
        return any(call.sight.administers(each) for each in projects)
    test = call.sight.browses if name in _SIGHT else call.sight.works_in
    return any(test(each) for each in projects)


def _grants(call: Call, project: Project, scheme: int) -> list[dict[str, Any]]:
    held = [(name, project.browse) for name in _SIGHT] + [(name, project.work) for name in _WORK]
    held.append(("ADMINISTER_PROJECTS", Holders(roles=frozenset({"Administrators"}))))
    pairs = [(name, holder) for name, holders in held for holder in _holders(call, holders)]
    return [
        {
            "id": scheme * 1000 + place,
            "self": call.links.api(f"permissionscheme/{scheme}/permission/{scheme * 1000 + place}"),
            "holder": holder,
            "permission": name,
        }
        for place, (name, holder) in enumerate(pairs)
    ]


def _holders(call: Call, held: Holders) -> Iterator[dict[str, str]]:
    """Each holder in the vendor's form: its kind, and what of that kind."""
    for each in call.site.groups.values():
        if each.name in held.groups:
            yield {"type": "group", "parameter": each.name, "value": each.group_id, "expand": "group"}
    for account in sorted(held.users):
        yield {"type": "user", "parameter": account, "value": account, "expand": "user"}
    for place, role in enumerate(ROLE_GROUPS, start=10100):
        if role in held.roles:
            number = str(place)
            yield {"type": "projectRole", "parameter": number, "value": number, "expand": "projectRole"}
    named = {
        "applicationRole": held.everyone,  # without a parameter: any user who is logged in
        "projectLead": held.lead,
        "reporter": held.reporter,
        "assignee": held.assignee,
    }
    yield from ({"type": name} for name, given in named.items() if given)


ROUTES = (
    Route("GET", "/rest/api/{version}/mypermissions", mine),
    Route("GET", "/rest/api/{version}/project/{project}/permissionscheme", scheme),
    Route("GET", "/rest/api/{version}/issuesecurityschemes/level/member", level_members),
)
