"""What `atlassian-python-api` does: address, e-mail and token are its arguments."""

import json
import pathlib
import sys
import tempfile

from atlassian import Confluence, Jira, ServiceDesk
from atlassian.jira import JiraCloud

base, email, token = sys.argv[1:]
given = {"url": base, "username": email, "password": token}
old, new, desk = Jira(cloud=True, **given), JiraCloud(**given), ServiceDesk(cloud=True, **given)
made = old.create_issue(
    {"project": {"key": "ITSM"}, "summary": "Badge does not open", "issuetype": {"name": "Task"}}
)
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
wiki = Confluence(url=base + "/wiki", username=email, password=token, cloud=True, api_version=2)
pages = wiki.get_pages(limit=10, get_body=True, body_format="storage")
print(
    json.dumps(
        {
            "key": made["key"],
            "status": issue["fields"]["status"]["name"],
            "comments": [each["body"] for each in issue["fields"]["comment"]["comments"]],
            "files": [each["filename"] for each in issue["fields"]["attachment"]],
            "found": len(found),
            "listed": len(old.jql("project = ITSM", limit=5)["issues"]),
            "asked": asked["issueKey"],
            "desks": len(list(desk.get_service_desks())),
            "pages": len(pages),
            "page": pages[-1]["body"]["storage"]["value"][:1],
        }
    )
)
