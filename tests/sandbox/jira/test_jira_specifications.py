"""Answers of the Jira sandbox against Atlassian's OpenAPI documents."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sandbox.specifications import check, jira_document, response_schema
from tests.sandbox.third_party import needs_clients

_ISSUE = "ITSM-5"
_PLATFORM: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("/rest/api/3/serverInfo", {}, {}),
    ("/rest/api/3/myself", {}, {"expand": "groups"}),
    ("/rest/api/3/mypermissions", {}, {"permissions": "BROWSE_PROJECTS,ADMINISTER"}),
    ("/rest/api/3/mypermissions", {}, {}),
    (
        "/rest/api/3/project/{projectKeyOrId}/permissionscheme",
        {"projectKeyOrId": "ITSM"},
        {"expand": "permissions"},
    ),
    ("/rest/api/3/issuesecurityschemes/level/member", {}, {"levelId": "10100"}),
    ("/rest/api/3/project/{projectIdOrKey}/role/{id}", {"projectIdOrKey": "ITSM", "id": "10100"}, {}),
    ("/rest/api/3/field", {}, {}),
    ("/rest/api/3/status", {}, {}),
    ("/rest/api/3/priority", {}, {}),
    ("/rest/api/3/resolution", {}, {}),
    ("/rest/api/3/issuetype", {}, {}),
    ("/rest/api/3/issueLinkType", {}, {}),
    ("/rest/api/3/users/search", {}, {"maxResults": "5"}),
    ("/rest/api/3/user/search", {}, {"query": "imogen"}),
    ("/rest/api/3/user/assignable/search", {}, {"project": "ITSM"}),
    ("/rest/api/3/group/bulk", {}, {}),
    ("/rest/api/3/group/member", {}, {"groupname": "service-desk"}),
    ("/rest/api/3/groups/picker", {}, {"query": "desk"}),
    ("/rest/api/3/project", {}, {}),
    ("/rest/api/3/project/search", {}, {}),
    ("/rest/api/3/project/{projectIdOrKey}", {"projectIdOrKey": "ITSM"}, {}),
    ("/rest/api/3/project/{projectIdOrKey}/statuses", {"projectIdOrKey": "ITSM"}, {}),
    ("/rest/api/3/project/{projectIdOrKey}/components", {"projectIdOrKey": "ITSM"}, {}),
    ("/rest/api/3/project/{projectKeyOrId}/securitylevel", {"projectKeyOrId": "ITSM"}, {}),
    ("/rest/api/3/issue/createmeta", {}, {"expand": "projects.issuetypes.fields"}),
    ("/rest/api/3/issue/createmeta/{projectIdOrKey}/issuetypes", {"projectIdOrKey": "ITSM"}, {}),
    (
        "/rest/api/3/search/jql",
        {},
        {"jql": "project = ITSM", "fields": "*all", "maxResults": "20", "expand": "changelog"},
    ),
    (
        "/rest/api/3/issue/{issueIdOrKey}",
        {"issueIdOrKey": _ISSUE},
        {"expand": "names,schema,transitions,changelog,editmeta"},
    ),
    ("/rest/api/3/issue/{issueIdOrKey}/comment", {"issueIdOrKey": _ISSUE}, {}),
    (
        "/rest/api/3/issue/{issueIdOrKey}/transitions",
        {"issueIdOrKey": _ISSUE},
        {"expand": "transitions.fields"},
    ),
    ("/rest/api/3/issue/{issueIdOrKey}/editmeta", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/api/3/issue/{issueIdOrKey}/changelog", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/api/3/issue/{issueIdOrKey}/worklog", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/api/3/issue/{issueIdOrKey}/watchers", {"issueIdOrKey": _ISSUE}, {}),
]
_DESK: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("/rest/servicedeskapi/info", {}, {}),
    ("/rest/servicedeskapi/servicedesk", {}, {}),
    ("/rest/servicedeskapi/servicedesk/{serviceDeskId}", {"serviceDeskId": "1"}, {}),
    ("/rest/servicedeskapi/servicedesk/{serviceDeskId}/requesttype", {"serviceDeskId": "1"}, {}),
    (
        "/rest/servicedeskapi/servicedesk/{serviceDeskId}/queue",
        {"serviceDeskId": "1"},
        {"includeCount": "true"},
    ),
    (
        "/rest/servicedeskapi/servicedesk/{serviceDeskId}/queue/{queueId}/issue",
        {"serviceDeskId": "1", "queueId": "1"},
        {},
    ),
    ("/rest/servicedeskapi/servicedesk/{serviceDeskId}/customer", {"serviceDeskId": "1"}, {}),
    ("/rest/servicedeskapi/organization", {}, {}),
    ("/rest/servicedeskapi/organization/{organizationId}/user", {"organizationId": "1"}, {}),
    ("/rest/servicedeskapi/request", {}, {"expand": "participant"}),
    (
        "/rest/servicedeskapi/request/{issueIdOrKey}",
        {"issueIdOrKey": _ISSUE},
        {"expand": "sla,status,comment,requestType"},
    ),
    ("/rest/servicedeskapi/request/{issueIdOrKey}/comment", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/servicedeskapi/request/{issueIdOrKey}/participant", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/servicedeskapi/request/{issueIdOrKey}/sla", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/servicedeskapi/request/{issueIdOrKey}/approval", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/servicedeskapi/request/{issueIdOrKey}/status", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/servicedeskapi/request/{issueIdOrKey}/transition", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/servicedeskapi/request/{issueIdOrKey}/attachment", {"issueIdOrKey": _ISSUE}, {}),
    ("/rest/servicedeskapi/knowledgebase/article", {}, {"query": "TideGate"}),
]


@needs_clients
@pytest.mark.parametrize(("name", "operations"), [("platform", _PLATFORM), ("servicedesk", _DESK)])
async def test_answers_are_what_atlassian_documents(admin: Any, name: str, operations: list[Any]):
    document, wrong = jira_document(name), {}
    for path, variables, query in operations:
        body = await admin.get(path.format(**variables), **query)
        found = check(document, response_schema(document, "get", path, 200), body)
        if found:
            wrong[path] = found[:4]
    assert wrong == {}


@needs_clients
async def test_what_is_created_is_answered_as_documented(admin: Any):
    document = jira_document("platform")
    fields = {"project": {"key": "ITSM"}, "summary": "New", "issuetype": {"name": "Task"}}
    made = await admin.post("/rest/api/3/issue", {"fields": fields})
    assert check(document, response_schema(document, "post", "/rest/api/3/issue", 201), made) == []
    text = {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": "x"}]}],
    }
    comment = await admin.post(f"/rest/api/3/issue/{made['id']}/comment", {"body": text})
    schema = response_schema(document, "post", "/rest/api/3/issue/{issueIdOrKey}/comment", 201)
    assert check(document, schema, comment) == []
    asked = {"serviceDeskId": "1", "requestTypeId": "101", "requestFieldValues": {"summary": "x"}}
    request = await admin.post("/rest/servicedeskapi/request", asked)
    desk = jira_document("servicedesk")
    assert check(desk, response_schema(desk, "post", "/rest/servicedeskapi/request", 201), request) == []
