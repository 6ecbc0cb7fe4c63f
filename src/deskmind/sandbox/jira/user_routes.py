"""Users and groups."""

from __future__ import annotations

from typing import Any

from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.call import Call, Route, answer, page
from deskmind.sandbox.jira.people import Group, User
from deskmind.sandbox.jira.refusal import messages
from deskmind.sandbox.web import Reply


def user(call: Call) -> Reply:
    """One account by id."""
    account = call.query("accountId")
    found = call.site.users.get(account)
    if found is None:
        raise messages(
            404, f"Specified user does not exist or you do not have required permissions ({account})."
        )
    groups = [parts.group(call.links, each) for each in call.site.groups.values() if account in each.members]
    body = parts.user(call.links, found, call.sight.account)
    body |= {"groups": {"size": len(groups), "items": groups if "groups" in call.listed("expand") else []}}
    return answer(body | {"applicationRoles": {"size": 1, "items": []}, "expand": "groups,applicationRoles"})


def all_users(call: Call) -> Reply:
    """Everybody, customers and apps too; a page that is empty is the end."""
    start, size = call.number("startAt", 0), call.number("maxResults", 50, 1000)
    found = list(call.site.users.values())[start : start + size]
    return answer([parts.user(call.links, each, call.sight.account) for each in found])


def search(call: Call) -> Reply:
    """Users whose name or visible address begins with the query."""
    if not call.query("query") and not call.query("accountId") and "query" not in call.request.query:
        raise messages(400, "The query parameter, accountId or property must be specified.")
    start, size = call.number("startAt", 0), call.number("maxResults", 50, 1000)
    account = call.query("accountId")
    found = [each for each in call.site.users.values() if _matches(each, call.query("query"), account)]
    return answer([parts.user(call.links, each, call.sight.account) for each in found[start : start + size]])


def assignable(call: Call) -> Reply:
    """Users to whom issues of a project can be assigned."""
    from deskmind.sandbox.jira.sight import Sight

    issue = call.site.issue(call.query("issueKey"))
    project = call.site.project(call.query("project") or (issue.project_id if issue else ""))
    if project is None or not call.sight.browses(project):
        raise messages(404, "No project could be found.")
    start, size = call.number("startAt", 0), call.number("maxResults", 50, 1000)
    found = [
        each
        for each in call.site.users.values()
        if each.active
        and _matches(each, call.query("query"), "")
        and Sight(call.site, each).works_in(project)
    ]
    return answer([parts.user(call.links, each, call.sight.account) for each in found[start : start + size]])


def bulk(call: Call) -> Reply:
    """Several accounts by id, paged."""
    wanted = call.request.query.getall("accountId", [])
    found = [parts.user(call.links, call.site.users[each]) for each in wanted if each in call.site.users]
    return answer(page(call, "values", found, most=10))


def user_groups(call: Call) -> Reply:
    """The groups of an account."""
    account = call.query("accountId")
    if account not in call.site.users:
        raise messages(404, f"The user with account id {account} does not exist.")
    return answer(
        [parts.group(call.links, each) for each in call.site.groups.values() if account in each.members]
    )


def groups(call: Call) -> Reply:
    """Groups, paged."""
    names, ids = call.request.query.getall("groupName", []), call.request.query.getall("groupId", [])
    found = [
        {"groupId": each.group_id, "name": each.name}
        for each in call.site.groups.values()
        if (not names and not ids) or each.name in names or each.group_id in ids
    ]
    return answer(page(call, "values", found))


def group_picker(call: Call) -> Reply:
    """Groups by words of their name."""
    words = call.query("query").lower()
    found: list[dict[str, Any]] = [
        {"name": each.name, "html": each.name, "groupId": each.group_id, "labels": []}
        for each in call.site.groups.values()
        if words in each.name.lower()
    ]
    shown = found[: call.number("maxResults", 20)]
    return answer(
        {
            "header": f"Showing {len(shown)} of {len(found)} matching groups",
            "total": len(found),
            "groups": shown,
        }
    )


def members(call: Call) -> Reply:
    """The members of a group, paged; inactive ones only when asked."""
    group = _group(call)
    found = [call.site.users[each] for each in group.members]
    shown = [each for each in found if each.active or call.flag("includeInactiveUsers")]
    return answer(page(call, "values", [parts.user(call.links, each, call.sight.account) for each in shown]))


def _group(call: Call) -> Group:
    name, group_id = call.query("groupname"), call.query("groupId")
    found = next(
        (each for each in call.site.groups.values() if group_id == each.group_id or name == each.name), None
    )
    if found is None:
        raise messages(404, f"The group named '{name or group_id}' does not exist.")
    return found


def _matches(user: User, query: str, account: str) -> bool:
    if account:
        return user.account_id == account
    words = query.lower()
    if user.shows_email and user.email.lower().startswith(words):
        return True
    return any(part.startswith(words) for part in [user.name.lower(), *user.name.lower().split()])


ROUTES = (
    Route("GET", "/rest/api/{version}/user", user),
    Route("GET", "/rest/api/{version}/users", all_users),
    Route("GET", "/rest/api/{version}/users/search", all_users),
    Route("GET", "/rest/api/{version}/user/search", search),
    Route("GET", "/rest/api/{version}/user/assignable/search", assignable),
    Route("GET", "/rest/api/{version}/user/bulk", bulk),
    Route("GET", "/rest/api/{version}/user/groups", user_groups),
    Route("GET", "/rest/api/{version}/group/bulk", groups),
    Route("GET", "/rest/api/{version}/group/member", members),
    Route("GET", "/rest/api/{version}/groups/picker", group_picker),
)
