"""What the `jira` client does: address, e-mail and token are its arguments."""

import io
import json
import sys

from jira import JIRA

base, email, token = sys.argv[1:]
client = JIRA(base, basic_auth=(email, token))
found = client.search_issues("project = ITSM ORDER BY created DESC", maxResults=False)
made = client.create_issue(
    project="ITSM", summary="Scanner is dead", description="It *beeps*", issuetype={"name": "Task"}
)
comment = client.add_comment(made, "Looking at it")
names = [each["name"] for each in client.transitions(made)]
client.transition_issue(made, "Resolve this issue", resolution={"name": "Done"})
client.assign_issue(made.key, client.myself()["emailAddress"])
made.update(fields={"labels": ["scanner"]})
file = client.add_attachment(made, io.BytesIO(b"hello"), filename="hello.txt")
again = client.issue(made.key, expand="changelog")
print(
    json.dumps(
        {
            "found": len(found),
            "keys": len({each.key for each in found}),
            "summary": again.fields.summary,
            "description": again.fields.description,
            "status": again.fields.status.name,
            "labels": again.fields.labels,
            "resolution": again.fields.resolution.name,
            "comments": [each.body for each in client.comments(made)],
            "file": client.attachment(file.id).get().decode(),
            "transitions": names,
            "id": made.id,
            "self": made.self,
            "assignee": again.fields.assignee.emailAddress,
            "changes": len(again.changelog.histories),
            "projects": [each.key for each in client.projects()],
            "comment": comment.id,
            "users": len(client.search_users(query="imogen")),
            "fields": len(client.fields()),
        }
    )
)
