"""Unmodified third-party clients against the Jira sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.sandbox.third_party import needs_clients, run

from deskmind.sandbox.jira import JiraSandbox

pytestmark = pytest.mark.interop


@pytest.fixture
async def sandbox() -> AsyncIterator[JiraSandbox]:
    async with JiraSandbox(seed=3) as running:
        yield running


@needs_clients
async def test_the_jira_client_reads_searches_creates_comments_transitions_and_attaches(sandbox: JiraSandbox):
    told = await run("jira_script.py", sandbox.url, *sandbox.credentials.values())
    assert told["found"] == told["keys"] == in_project(sandbox, "ITSM")
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
    told = await run("atlassian_script.py", sandbox.url, *sandbox.credentials.values())
    assert told["status"] == "Work in progress"
    assert told["comments"] == ["Which door?"]
    assert told["files"] == ["door.txt"]
    assert told["found"] > 0
    assert told["asked"].startswith("ITSM-")
    assert told["listed"] == 5
    assert told["desks"] == 3
    assert told["pages"] == sum(page.status == "current" for page in sandbox.wiki.pages.values()) > 30
    assert told["page"] == "<"
    request = sandbox.site.issue(told["asked"])
    assert request is not None
    assert [comment.public for comment in request.comments] == [False]


def in_project(sandbox: JiraSandbox, key: str) -> int:
    """How many issues of a project there were before the client made one."""
    return sum(issue.key.startswith(f"{key}-") for issue in sandbox.site.issues.values()) - 1
