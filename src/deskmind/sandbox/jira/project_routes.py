"""Projects, and what a form for a new issue needs to know of them."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.call import Call, Route, answer, page
from deskmind.sandbox.jira.refusal import messages
from deskmind.sandbox.jira.scheme import Project
from deskmind.sandbox.jira.sight import ROLE_GROUPS, actors_of
from deskmind.sandbox.jira.workflow import field_meta
from deskmind.sandbox.web import Reply

_FORM = (
    "summary",
    "description",
    "issuetype",
    "priority",
    "assignee",
    "reporter",
    "labels",
    "components",
    "duedate",
)
_DESK_FORM = (*_FORM, "customfield_10002", "customfield_10004", "customfield_10041", "customfield_10042")
_REQUIRED = ("summary", "issuetype")


def projects(call: Call) -> Reply:
    """The projects that the caller may browse."""
    return answer([_listed(call, each) for each in call.site.projects.values() if call.sight.browses(each)])


def search(call: Call) -> Reply:
    """The same, paged, by words of name or key."""
    words = call.query("query").lower()
    found = [
        _listed(call, each)
        for each in call.site.projects.values()
        if call.sight.browses(each) and (words in each.name.lower() or words in each.key.lower())
    ]
    return answer(page(call, "values", found))


def project(call: Call) -> Reply:
    """One project with its types and components."""
    found = call.project()
    lead = parts.user(call.links, call.site.users[found.lead], call.sight.account)
    return answer(
        _listed(call, found)
        | {
            "description": found.description,
            "lead": lead,
            "components": [parts.component(call.links, each) for each in found.components],
            "issueTypes": _types(call, found),
            "assigneeType": "UNASSIGNED",
            "versions": [],
            "roles": _roles(call, found),
        }
    )


def statuses(call: Call) -> Reply:
    """The statuses of each issue type of a project."""
    known = [parts.status(call.links, each) for each in call.site.statuses.values()]
    found = call.project()
    names = ("self", "id", "name", "subtask")
    return answer([{key: each[key] for key in names} | {"statuses": known} for each in _types(call, found)])


def components(call: Call) -> Reply:
    """The components of a project."""
    return answer([parts.component(call.links, each) for each in call.project().components])


def security(call: Call) -> Reply:
    """The security levels that the caller may give to issues of a project."""
    found = call.project()
    held = [call.site.levels[each] for each in found.levels]
    given = [each for each in held if call.sight.holds(each.holders, project=found)]
    return answer({"levels": [parts.level(call.links, each) for each in given]})


def role(call: Call) -> Reply:
    """The groups that stand in a project role."""
    found = call.project()
    number = int(call.path("role")) - 10100 if call.path("role").isdecimal() else -1
    if number not in range(len(ROLE_GROUPS)):
        raise messages(404, f"Can not retrieve a role actor for a null project role ({call.path('role')}).")
    name = list(ROLE_GROUPS)[number]
    address = call.links.api(f"project/{found.id}/role/{10100 + number}")
    body = {"self": address, "name": name, "id": 10100 + number, "actors": _actors(call, found, name)}
    return answer(body)


def versions(call: Call) -> Reply:
    """Service projects have no versions."""
    call.project()
    return answer([])


def roles(call: Call) -> Reply:
    """The roles of a project, by name."""
    found = call.project()
    return answer(_roles(call, found))


def create_meta(call: Call) -> Reply:
    """The older form description: projects, types and fields in one."""
    keys, expanded = call.listed("projectKeys"), "projects.issuetypes.fields" in call.query("expand")
    shown: list[dict[str, Any]] = []
    for each in call.site.projects.values():
        if call.sight.works_in(each) and (not keys or each.key in keys):
            body = parts.project(call.links, each)
            types = _types(call, each)
            if expanded:
                types = [one | {"fields": _form(call, each)} for one in types]
            names = ("self", "id", "key", "name", "avatarUrls")
            shown.append({"expand": "issuetypes"} | {key: body[key] for key in names} | {"issuetypes": types})
    return answer({"expand": "projects", "projects": shown})


def create_types(call: Call) -> Reply:
    """The types that can be created in a project."""
    found = _types(call, _creatable(call))
    start, size = call.number("startAt", 0), call.number("maxResults", 50, 200)
    shown = found[start : start + size]
    return answer({"startAt": start, "maxResults": size, "total": len(found), "issueTypes": shown})


def create_fields(call: Call) -> Reply:
    """The fields of the form for one type."""
    project = _creatable(call)
    if call.path("type") not in project.types:
        raise messages(400, f"Issue type with id '{call.path('type')}' does not exist.")
    found = [body | {"fieldId": name} for name, body in _form(call, project).items()]
    start, size = call.number("startAt", 0), call.number("maxResults", 50, 200)
    return answer(
        {"startAt": start, "maxResults": size, "total": len(found), "fields": found[start : start + size]}
    )


def _roles(call: Call, project: Project) -> dict[str, str]:
    return {
        role: call.links.api(f"project/{project.id}/role/{10100 + place}")
        for place, role in enumerate(ROLE_GROUPS)
    }


def _actors(call: Call, project: Project, role: str) -> list[dict[str, Any]]:
    held = actors_of(project, role)
    groups = [each for each in call.site.groups.values() if each.name in held.groups]
    shown: list[dict[str, Any]] = [
        {
            "displayName": each.name,
            "type": "atlassian-group-role-actor",
            "actorGroup": {"name": each.name, "displayName": each.name, "groupId": each.group_id},
        }
        for each in groups
    ]
    shown += [
        {
            "displayName": call.site.users[each].name,
            "type": "atlassian-user-role-actor",
            "actorUser": {"accountId": each},
        }
        for each in sorted(held.users)
    ]
    return [{"id": 10200 + place, **each} for place, each in enumerate(shown)]


def _creatable(call: Call) -> Project:
    found = call.project()
    if not call.sight.works_in(found):
        raise messages(403, "You do not have permission to create issues in this project.")
    return found


def _form(call: Call, project: Project) -> dict[str, Any]:
    names = _DESK_FORM if project.kind == "service_desk" else _FORM
    return {name: field_meta(call.site, call.links, name, required=name in _REQUIRED) for name in names}


def _types(call: Call, project: Project) -> list[dict[str, Any]]:
    return [parts.issue_type(call.links, call.site.types[each]) for each in project.types]


def _listed(call: Call, project: Project) -> dict[str, Any]:
    body = parts.project(call.links, project)
    if "lead" in call.listed("expand"):
        body["lead"] = parts.user(call.links, call.site.users[project.lead], call.sight.account)
    return (
        {"expand": "description,lead,issueTypes,url,projectKeys,permissions,insight"}
        | body
        | {"style": "classic", "isPrivate": False, "properties": {}}
    )


ROUTES = (
    Route("GET", "/rest/api/{version}/project", projects),
    Route("GET", "/rest/api/{version}/project/search", search),
    Route("GET", "/rest/api/{version}/project/{project}", project),
    Route("GET", "/rest/api/{version}/project/{project}/statuses", statuses),
    Route("GET", "/rest/api/{version}/project/{project}/components", components),
    Route("GET", "/rest/api/{version}/project/{project}/securitylevel", security),
    Route("GET", "/rest/api/{version}/project/{project}/versions", versions),
    Route("GET", "/rest/api/{version}/project/{project}/role", roles),
    Route("GET", "/rest/api/{version}/project/{project}/role/{role}", role),
    Route("GET", "/rest/api/{version}/issue/createmeta", create_meta),
    Route("GET", "/rest/api/{version}/issue/createmeta/{project}/issuetypes", create_types),
    Route("GET", "/rest/api/{version}/issue/createmeta/{project}/issuetypes/{type}", create_fields),
)
