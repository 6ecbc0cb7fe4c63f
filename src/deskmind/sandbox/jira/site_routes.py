"""What a site says of itself and its configuration."""

from __future__ import annotations

from deskmind.sandbox.jira import render_parts as parts
from deskmind.sandbox.jira.call import Call, Route, answer, page
from deskmind.sandbox.jira.fields import ALL
from deskmind.sandbox.jira.jql_values import CATEGORIES
from deskmind.sandbox.jira.refusal import messages
from deskmind.sandbox.jira.render_issue import LINK_TYPES, link_type
from deskmind.sandbox.web import Reply


def server_info(call: Call) -> Reply:
    """Anonymous callers get it too, without the time."""
    body = {
        "baseUrl": call.links.base,
        "displayUrl": call.links.base,
        "version": "1001.0.0-SNAPSHOT",
        "versionNumbers": [1001, 0, 0],
        "deploymentType": "Cloud",
        "buildNumber": 100287,
        "buildDate": "2026-01-05T08:01:29.000-0500",
        "scmInfo": "07b4f58ec2724461528057c7cbdf73a2f653f223",
        "serverTitle": call.site.title,
        "defaultLocale": {"locale": "en_US"},
    }
    if call.sight.user:
        body["serverTime"] = call.links.time(call.site.clock())
    return answer(body)


def myself(call: Call) -> Reply:
    """The caller's own account."""
    user = call.site.users[call.account]
    groups = [
        parts.group(call.links, each) for each in call.site.groups.values() if user.account_id in each.members
    ]
    body = parts.user(call.links, user, user.account_id) | {"locale": "en_US"}
    body |= {"groups": {"size": len(groups), "items": groups if "groups" in call.listed("expand") else []}}
    body |= {"applicationRoles": {"size": 1, "items": []}, "expand": "groups,applicationRoles"}
    return answer(body)


def fields(call: Call) -> Reply:
    """All fields."""
    return answer([field.to_json() for field in ALL])


def field_search(call: Call) -> Reply:
    """Fields, paged, by words of their name."""
    words = call.query("query").lower()
    found = [
        {"id": field.id, "name": field.name, "description": "", "schema": field.schema()}
        for field in ALL
        if field.schema_type and words in field.name.lower()
    ]
    return answer(page(call, "values", found))


def statuses(call: Call) -> Reply:
    """All statuses."""
    return answer([parts.status(call.links, each) for each in call.site.statuses.values()])


def categories(call: Call) -> Reply:
    """The three status categories."""
    return answer([parts.category(call.links, key) for key in CATEGORIES])


def priorities(call: Call) -> Reply:
    """All priorities, the most urgent first."""
    return answer([parts.priority(call.links, each) for each in call.site.priorities.values()])


def priority_search(call: Call) -> Reply:
    """Priorities, paged."""
    return answer(
        page(call, "values", [parts.priority(call.links, each) for each in call.site.priorities.values()])
    )


def resolutions(call: Call) -> Reply:
    """All resolutions."""
    return answer([parts.resolution(call.links, each) for each in call.site.resolutions.values()])


def issue_types(call: Call) -> Reply:
    """All issue types."""
    return answer([parts.issue_type(call.links, each) for each in call.site.types.values()])


def link_types(call: Call) -> Reply:
    """The kinds of links between issues."""
    return answer({"issueLinkTypes": [link_type(call.links, name) for name in LINK_TYPES]})


def level(call: Call) -> Reply:
    """One issue security level."""
    found = call.site.levels.get(call.path("id"))
    if found is None:
        raise messages(404, "The security level was not found.")
    return answer(parts.level(call.links, found))


ROUTES = (
    Route("GET", "/rest/api/{version}/serverInfo", server_info, anonymous=True),
    Route("GET", "/rest/api/{version}/myself", myself),
    Route("GET", "/rest/api/{version}/field", fields),
    Route("GET", "/rest/api/{version}/field/search", field_search),
    Route("GET", "/rest/api/{version}/status", statuses),
    Route("GET", "/rest/api/{version}/statuscategory", categories),
    Route("GET", "/rest/api/{version}/priority", priorities),
    Route("GET", "/rest/api/{version}/priority/search", priority_search),
    Route("GET", "/rest/api/{version}/resolution", resolutions),
    Route("GET", "/rest/api/{version}/issuetype", issue_types),
    Route("GET", "/rest/api/{version}/issueLinkType", link_types),
    Route("GET", "/rest/api/{version}/securitylevel/{id}", level),
)
