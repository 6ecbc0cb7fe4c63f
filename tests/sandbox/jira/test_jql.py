"""JQL: what it finds, and how it refuses."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.sandbox.jira import JiraSandbox
from deskmind.sandbox.jira.issue import Issue
from deskmind.sandbox.jira.jql import search
from deskmind.sandbox.jira.refusal import Refused
from deskmind.sandbox.jira.sight import Sight

_SANDBOX = JiraSandbox(seed=3, until=datetime(2026, 11, 1, tzinfo=UTC))
_ADMIN = Sight(_SANDBOX.site, _SANDBOX.site.user_by_email(_SANDBOX.credentials["email"]))
_TERMS = (
    "project = ITSM",
    "project in (HR, SEC)",
    "status = Closed",
    'statusCategory = "To Do"',
    "priority >= High",
    "assignee IS EMPTY",
    "labels = vip",
    'text ~ "tidegate"',
    "created >= 2026-09-01",
    "resolution = Unresolved",
    'issuetype = "[System] Incident"',
)


def find(query: str) -> list[Issue]:
    """As the administrator."""
    return search(_SANDBOX.site, _ADMIN, query)


def ids(query: str) -> set[int]:
    """Numbers of the issues found."""
    return {issue.id for issue in find(query)}


@settings(max_examples=40)
@given(st.sampled_from(_TERMS), st.sampled_from(_TERMS), st.sampled_from(_TERMS))
def test_boolean_operators_are_set_operations(one: str, two: str, three: str):
    everything = ids("created > 0")
    assert ids(f"{one} AND {two}") == ids(one) & ids(two)
    assert ids(f"{one} OR {two} AND {three}") == ids(one) | (ids(two) & ids(three))
    assert ids(f"NOT ({one} OR {two})") == everything - ids(one) - ids(two)


def test_unequal_leaves_out_what_is_empty():
    someone = next(issue.values["assignee"] for issue in find("assignee IS NOT EMPTY"))
    without = ids("assignee IS EMPTY")
    assert ids(f'assignee != "{someone}"').isdisjoint(without)
    assert ids(f'assignee = "{someone}"') | ids(f'assignee != "{someone}"') | without == ids("created > 0")


def test_epoch_milliseconds_are_exact_and_minutes_are_of_the_callers_zone():
    issue = find("project = ITSM ORDER BY updated DESC")[0]
    moment = int(issue.updated.timestamp() * 1000)
    assert issue.id in ids(f"updated >= {moment}")
    assert issue.id not in ids(f"updated > {moment}")
    assert _ADMIN.user is not None
    _ADMIN.user.zone = "America/New_York"
    local = issue.updated.astimezone(_ADMIN.user.timezone())
    try:
        assert issue.id in ids(f'updated >= "{local:%Y-%m-%d %H:%M}"')
        assert issue.id not in ids(f'updated >= "{issue.updated:%Y-%m-%d %H:%M}"')
    finally:
        _ADMIN.user.zone = "Etc/UTC"


def test_order_is_kept_with_the_empty_last():
    found = find("project = ITSM ORDER BY resolved DESC, key ASC")
    done = [issue.values.get("resolutiondate") for issue in found]
    filled = list(itertools.takewhile(lambda moment: moment is not None, done))
    assert filled == sorted(filled, reverse=True)
    assert set(done[len(filled) :]) == {None}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("colour = red", "Field 'colour' does not exist or you do not have permission to view it."),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("status ~ open", "The operator '~' is not supported by the 'status' field."),
        ("updated > yesterday", "Date value 'yesterday' for field 'updated' is invalid."),
        ("project ITSM", "Error in the JQL Query: Expecting operator but got 'ITSM'."),
        ('summary ~ "open', "Error in the JQL Query: The quoted string has not been completed"),
        ("project = ITSM ORDER", "Error in the JQL Query: Unexpected end of query."),
        ("assignee = nobody()", "Unable to find JQL function 'nobody()'."),
    ],
)
def test_what_is_no_query_is_refused_in_the_vendors_words(query: str, said: str):
    with pytest.raises(Refused) as refused:
        find(query)
    assert refused.value.status == 400
    assert refused.value.body["errorMessages"][0].startswith(said)


async def test_the_newer_search_refuses_what_is_not_bounded_and_gives_no_total(
    sandbox: JiraSandbox, admin: Any
):
    status, body = await admin.ask("GET", "/rest/api/3/search/jql", jql="ORDER BY created")
    assert (status, body["errorMessages"][0][:9]) == (400, "Unbounded")
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = await admin.get(
            "/rest/api/3/search/jql", jql="project = ITSM", maxResults=90, fields="id", **token
        )
        assert "total" not in page
        seen += [issue["id"] for issue in page["issues"]]
        if page["isLast"]:
            break
        token = {"nextPageToken": page["nextPageToken"]}
    assert (
        len(seen)
        == len(set(seen))
        == sum(issue.key.startswith("ITSM-") for issue in sandbox.site.issues.values())
    )
    count = await admin.post("/rest/api/3/search/approximate-count", {"jql": "project = ITSM"}, expect=200)
    assert count == {"count": len(seen)}
    assert "nextPageToken" not in page


async def test_search_lags_behind_writes_but_for_what_is_to_be_reconciled(sandbox: JiraSandbox, admin: Any):
    sandbox.lag.seconds = 5
    fields = {"project": {"key": "ITSM"}, "summary": "Zeppelin moored", "issuetype": {"name": "Task"}}
    made = await admin.post("/rest/api/3/issue", {"fields": fields})
    query = {"jql": "summary ~ zeppelin"}
    assert (await admin.get("/rest/api/3/search/jql", **query))["issues"] == []
    reconciled = await admin.get("/rest/api/3/search/jql", reconcileIssues=made["id"], **query)
    assert reconciled["issues"] == [{"id": made["id"]}]
    sandbox.clock.advance(6)
    assert (await admin.get("/rest/api/3/search/jql", **query))["issues"] == [{"id": made["id"]}]
