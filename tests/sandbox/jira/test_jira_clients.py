"""Unmodified third-party clients against the Jira sandbox."""

from __future__ import annotations

from tests.sandbox.clients import needs_clients, run

from deskmind.sandbox.jira import JiraSandbox

_JIRA = """
import io, json, sys
from jira import JIRA
base, email, token = sys.argv[1:]
client = JIRA(base, basic_auth=(email, token))
found = client.search_issues("project = ITSM ORDER BY created DESC", maxResults=120)
made = client.create_issue(project="ITSM", summary="Scanner is dead", description="It *beeps*", issuetype={"name": "Task"})
comment = client.add_comment(made, "Looking at it")
names = [each["name"] for each in client.transitions(made)]
client.transition_issue(made, "Resolve this issue", resolution={"name": "Done"})
client.assign_issue(made.key, client.myself()["emailAddress"])
made.update(fields={"labels": ["scanner"]})
file = client.add_attachment(made, io.BytesIO(b"hello"), filename="hello.txt")
again = client.issue(made.key, expand="changelog")
print(json.dumps({
    "found": len(found), "keys": len({each.key for each in found}), "summary": again.fields.summary,
    "description": again.fields.description, "status": again.fields.status.name, "labels": again.fields.labels,
    "resolution": again.fields.resolution.name, "comments": [each.body for each in client.comments(made)],
    "file": client.attachment(file.id).get().decode(), "transitions": names, "id": made.id, "self": made.self,
    "assignee": again.fields.assignee.emailAddress, "changes": len(again.changelog.histories),
    "projects": [each.key for each in client.projects()], "comment": comment.id,
    "users": len(client.search_users(query="imogen")), "fields": len(client.fields()),
}))
"""
_ATLASSIAN = """
import json, sys, tempfile, pathlib
from atlassian import Confluence, Jira, ServiceDesk
from atlassian.jira import JiraCloud
base, email, token = sys.argv[1:]
given = {"url": base, "username": email, "password": token}
old, new, desk = Jira(cloud=True, **given), JiraCloud(**given), ServiceDesk(cloud=True, **given)
made = old.create_issue({"project": {"key": "ITSM"}, "summary": "Badge does not open", "issuetype": {"name": "Task"}})
old.issue_add_comment(made["key"], "Which door?")
old.set_issue_status(made["key"], "Work in progress")
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "door.txt"
    file.write_text("A3")
    old.add_attachment(made["key"], str(file))
issue = old.issue(made["key"])
found = new.enhanced_jql_get_list_of_tickets('project = ITSM AND text ~ "badge"', fields=["summary"])
asked = desk.create_customer_request("1", "101", {"summary": "Second screen", "description": "27 inches"})
desk.create_request_comment(asked["issueKey"], "Internal word", public=False)
wiki = Confluence(url=base + "/wiki", username=email, password=token, cloud=True)
pages = wiki.get_all_pages_from_space("IT", limit=10)
print(json.dumps({
    "key": made["key"], "status": issue["fields"]["status"]["name"],
    "comments": [each["body"] for each in issue["fields"]["comment"]["comments"]],
    "files": [each["filename"] for each in issue["fields"]["attachment"]],
    "found": len(found), "older": old.jql("project = ITSM", limit=5)["total"] if hasattr(old, "jql") else None,
    "asked": asked["issueKey"], "desks": len(desk.get_service_desks()), "pages": len(pages),
    "page": wiki.get_page_by_id(pages[0]["id"], expand="body.storage")["body"]["storage"]["value"][:3],
}))
"""


@needs_clients
async def test_the_jira_client_reads_searches_creates_comments_transitions_and_attaches(sandbox: JiraSandbox):
    told = await run(_JIRA, sandbox.url, *sandbox.credentials.values())
    assert told["found"] == told["keys"] == 120
    assert told["summary"] == "Scanner is dead"
    assert told["description"] == "It *beeps*"
    assert (told["status"], told["resolution"]) == ("Resolved", "Done")
    assert told["comments"] == ["Looking at it"]
    assert told["file"] == "hello"
    assert told["labels"] == ["scanner"]
    assert told["assignee"] == sandbox.credentials["email"]
    assert told["self"] == f"{sandbox.url}/rest/api/2/issue/{told['id']}"
    assert told["id"].isdecimal()
    assert told["changes"] == 3
    assert "Resolve this issue" in told["transitions"]


@needs_clients
async def test_the_atlassian_client_works_on_issues_requests_and_pages(sandbox: JiraSandbox):
    told = await run(_ATLASSIAN, sandbox.url, *sandbox.credentials.values())
    assert told["status"] == "Work in progress"
    assert told["comments"] == ["Which door?"]
    assert told["files"] == ["door.txt"]
    assert told["found"] > 0
    assert told["asked"].startswith("ITSM-")
    assert told["desks"] == 3
    assert told["pages"] == 10
    assert told["page"].startswith("<")
    request = sandbox.site.issue(told["asked"])
    assert request is not None
    assert [comment.public for comment in request.comments] == [False]
