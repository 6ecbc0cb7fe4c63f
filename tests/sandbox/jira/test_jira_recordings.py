"""The Jira sandbox's answers have the shape of recorded ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.sandbox.recordings import entries, kinds, missing

_OF_THAT_SITE = re.compile(r"/customfield_\d+(/|$)|/jql-search-extensions|/entityId$")
"""Custom fields, apps' properties and team-managed types differ from site to site."""


def shape(recorded: Any, ours: Any) -> set[str]:
    """What is missing or of another type, but for what belongs to the recorded site alone."""
    found = missing(recorded, ours) | kinds(recorded, ours)
    return {each for each in found if not _OF_THAT_SITE.search(each)}


async def test_searches_projects_users_and_fields_look_as_recorded(admin: Any, shared_data: Path):
    differs: dict[str, set[str]] = {}
    for name in ("cloud-steps.har", "search-v3.har"):
        for method, where, sent, status, told, _ in entries(shared_data / "itsm" / "jira" / name):
            body = sent if sent is None else {**sent, "jql": "project='ITSM'"}
            found, ours = await admin.ask(method, re.sub(r"startAt=\d+", "startAt=0", where), body)
            assert found == status, where
            differs[where] = shape(told, ours)
    assert {where: each for where, each in differs.items() if each} == {}


async def test_a_created_issue_and_its_refusal_look_as_recorded(admin: Any, shared_data: Path):
    recorded = list(entries(shared_data / "itsm" / "jira" / "create-issue.har"))
    (_, where, sent, status, told, _), (_, read, _, _, whole, _), (_, _, wrong, refused, said, _) = recorded
    sent["fields"]["project"] = {"id": "10000"}
    assert (await admin.ask("POST", where, wrong)) == (refused, said)
    found, made = await admin.ask("POST", where, sent)
    assert (found, shape(told, made)) == (status, set())
    issue = await admin.get(re.sub(r"issue/\d+", f"issue/{made['id']}", read))
    assert shape(whole, issue) == set()


async def test_wrong_credentials_are_refused_as_recorded(admin: Any, shared_data: Path):
    recorded = list(entries(shared_data / "itsm" / "jira" / "bad-credentials.har"))
    (_, info, _, _, told, _), (_, myself, _, refused, said, _) = recorded[:2]
    assert shape(told, await admin.anonymous().get(info)) == set()
    assert await admin.wrong().ask("GET", myself) == (refused, said)


async def test_transitions_look_as_recorded(admin: Any, shared_data: Path):
    _, where, _, _, told, _ = next(entries(shared_data / "itsm" / "jira" / "transition-issue.har"))
    ours = await admin.get(where.replace("JJJ-9", "ITSM-5"))
    assert shape(told, ours) == set()
