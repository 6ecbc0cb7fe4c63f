"""Search by JQL: the newer endpoint with its page tokens, and the older with offsets."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

from deskmind.sandbox.jira import jql
from deskmind.sandbox.jira.call import Call, Route, answer
from deskmind.sandbox.jira.issue import Issue
from deskmind.sandbox.jira.jql_syntax import parse
from deskmind.sandbox.jira.refusal import Refused, messages
from deskmind.sandbox.jira.shape import items
from deskmind.sandbox.web import Reply

TOKEN_LIFE = timedelta(days=7)
UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."


def newer_get(call: Call) -> Reply:
    """`GET search/jql`."""
    asked: dict[str, Any] = {
        "jql": call.query("jql"),
        "nextPageToken": call.query("nextPageToken") or None,
        "maxResults": call.number("maxResults", 50),
        "fields": call.listed("fields"),
        "expand": call.query("expand"),
        "reconcileIssues": call.listed("reconcileIssues"),
    }
    return _newer(call, asked)


def newer_post(call: Call) -> Reply:
    """`POST search/jql`."""
    return _newer(call, call.body())


def count(call: Call) -> Reply:
    """An estimate: what the index holds now."""
    query = str(call.body().get("jql") or "")
    if not jql.is_bounded(query):
        raise messages(400, UNBOUNDED)
    return answer({"count": len(jql.search(call.site, call.sight, query))})


def older_get(call: Call) -> Reply:
    """`GET search`."""
    asked: dict[str, Any] = {
        "jql": call.query("jql"),
        "startAt": call.number("startAt", 0),
        "maxResults": call.number("maxResults", 50),
        "fields": call.listed("fields"),
        "expand": call.listed("expand"),
    }
    return _older(call, asked)


def older_post(call: Call) -> Reply:
    """`POST search`."""
    return _older(call, call.body())


def parse_queries(call: Call) -> Reply:
    """Whether queries are valid."""
    shown: list[dict[str, Any]] = []
    for query in map(str, items(call.body().get("queries"))):
        try:
            jql.predicate(call.site, call.sight, parse(query))
        except Refused as refused:
            shown.append({"query": query, "errors": refused.body["errorMessages"]})
        else:
            shown.append({"query": query})
    return answer({"queries": shown})


def _newer(call: Call, asked: dict[str, Any]) -> Reply:
    query = str(asked.get("jql") or "")
    if not jql.is_bounded(query):
        raise messages(400, UNBOUNDED)
    reconcile = _reconciled(asked)
    fields = items(asked.get("fields")) or ["id"]
    size = _size(asked, fields)
    start, after = _position(call, asked.get("nextPageToken"), query)
    found = call.results.find(call.sight, query, reconcile)
    start = _resume(found, start, after)
    shown = found[start : start + size]
    expand = _names(asked.get("expand"))
    body: dict[str, Any] = {"issues": [_bare_or_full(call, each, fields, expand) for each in shown]}
    last = start + len(shown) >= len(found)
    if not last:
        body["nextPageToken"] = _token(call, query, start + len(shown), shown[-1].id)
    return answer(body | {"isLast": last})


def _older(call: Call, asked: dict[str, Any]) -> Reply:
    found = call.results.find(call.sight, str(asked.get("jql") or ""))
    start = max(_whole(asked.get("startAt"), 0), 0)
    size = min(max(_whole(asked.get("maxResults"), 50), 0), 100)
    fields = items(asked.get("fields")) or ["*navigable"]
    shown = [
        call.view.body(each, fields, _names(asked.get("expand"))) for each in found[start : start + size]
    ]
    body = {"startAt": start, "maxResults": size, "total": len(found), "issues": shown}
    return answer(({"expand": "names,schema"} if shown else {}) | body)


def _bare_or_full(call: Call, issue: Issue, fields: list[Any], expand: list[str]) -> dict[str, Any]:
    """Without `fields` the newer search tells the id alone."""
    if fields == ["id"]:
        return {"id": str(issue.id)}
    return call.view.body(issue, fields, expand)


def _size(asked: dict[str, Any], fields: list[Any]) -> int:
    """At most 5,000 with ids or keys alone, 100 with more."""
    size = _whole(asked.get("maxResults"), 50)
    if not 1 <= size <= 5000:
        raise messages(400, "The value of maxResults must be between 1 and 5000.")
    return size if set(fields) <= {"id", "key"} else min(size, 100)


def _reconciled(asked: dict[str, Any]) -> tuple[int, ...]:
    given = items(asked.get("reconcileIssues"))
    if len(given) > 50:
        raise messages(400, "The number of issues to reconcile must not be more than 50.")
    return tuple(int(each) for each in given if str(each).isdecimal())


def _resume(found: list[Issue], start: int, after: int) -> int:
    """Where a page begins: behind the last issue shown, if it still stands near there."""
    if not start:
        return 0
    for place in range(min(start, len(found)) - 1, -1, -1):
        if found[place].id == after:
            return place + 1
    return min(start, len(found))


def _token(call: Call, query: str, start: int, after: int) -> str:
    moment = call.site.clock().timestamp()
    held = json.dumps([query, start, after, moment, call.sight.account])
    return base64.urlsafe_b64encode(held.encode()).decode()


def _position(call: Call, token: Any, query: str) -> tuple[int, int]:
    if not token:
        return 0, 0
    try:
        said, start, after, moment, account = json.loads(base64.urlsafe_b64decode(str(token)))
    except ValueError:
        raise messages(400, "Invalid nextPageToken.") from None
    age = call.site.clock().timestamp() - float(moment)
    if said != query or account != call.sight.account or age > TOKEN_LIFE.total_seconds():
        raise messages(400, "Invalid nextPageToken.")
    return int(start), int(after)


def _names(value: Any) -> list[str]:
    """A list, or words with commas."""
    return value.split(",") if isinstance(value, str) else [str(each) for each in items(value)]


def _whole(value: Any, default: int) -> int:
    return int(value) if str(value).lstrip("-").isdecimal() else default


ROUTES = (
    Route("GET", "/rest/api/{version}/search/jql", newer_get),
    Route("POST", "/rest/api/{version}/search/jql", newer_post),
    Route("POST", "/rest/api/{version}/search/approximate-count", count),
    Route("GET", "/rest/api/{version}/search", older_get),
    Route("POST", "/rest/api/{version}/search", older_post),
    Route("POST", "/rest/api/{version}/jql/parse", parse_queries),
)
