"""The access commands: who may do what, told, given, taken and reviewed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deskmind.cli.root import app

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(running_home: Path) -> Run:
    """Run a command in this process, on a home with one tenant and two users."""
    settings = {"DESKMIND_KNOWLEDGE_EMBEDDER": "hashing", "DESKMIND_HOME": str(running_home)}

    def call(*words: str | Path, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], env=settings)
        assert result.exit_code == code, (words, result.output, result.stderr, result.exception)
        return result

    call("tenant", "create", "acme")
    call("user", "add", "olga", "--operator")
    call("user", "add", "ann", "--groups", "night")
    return call


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_from_the_grant_to_the_review(run: Run) -> None:
    assert (
        "no role of ann includes audit:read"
        in run("access", "check", "audit:read", "--user", "ann", code=77).stdout
    )
    run("access", "grant", "auditor", "--group", "night", "--until", "30d", "--reason", "yearly audit")
    told = as_json(run("access", "check", "audit:read", "--user", "ann", "--json"))
    assert told["because"][0].startswith("role auditor granted to group night until ")
    lines = as_json(run("access", "review", "--json"))
    assert {(line["holder"], line["role"], line["via"], line["reason"]) for line in lines} == {
        ("olga", "owner", "", ""),
        ("ann", "requester", "", ""),
        ("ann", "auditor", "night", "yearly audit"),
    }
    run("access", "revoke", "auditor", "--group", "night")
    run("access", "check", "audit:read", "--user", "ann", code=77)


def test_a_role_of_one_s_own(run: Run) -> None:
    run("access", "define", "bookkeeper", "--permits", "budgets:*, usage:read")
    roles = {role["role"]: role for role in as_json(run("access", "roles", "--json"))}
    assert roles["bookkeeper"]["permissions"] == ["budgets:*", "usage:read"]
    listed = {row["permission"]: row for row in as_json(run("access", "roles", "--permissions", "--json"))}
    assert "bookkeeper" in listed["budgets:write"]["roles"]
    run("access", "undefine", "bookkeeper")
    assert "no role 'bookkeeper'" in run("access", "undefine", "bookkeeper", code=66).stderr


def test_a_policy_is_checked_saved_shown_and_switched_off(run: Run, tmp_path: Path) -> None:
    policy = tmp_path / "policy.cedar"
    policy.write_text("forbid (principal, action, resource) when { context.moon };", "utf-8")
    assert "moon" in run("access", "policy", "set", policy, code=65).stderr
    assert 'action "knowledge:ask"' in run("access", "policy", "schema").stdout
    policy.write_text('@id("shut") forbid (principal, action, resource);', "utf-8")
    assert "Saved version 1: shut." in run("access", "policy", "set", policy).stdout
    assert (
        "policy shut forbids it" in run("access", "check", "knowledge:ask", "--user", "ann", code=77).stdout
    )
    assert as_json(run("access", "policy", "show", "--json"))["policies"] == ["shut"]
    run("access", "policy", "off")
    run("access", "check", "knowledge:ask", "--user", "ann")


def test_what_cannot_be_read_is_said(run: Run) -> None:
    assert (
        "is no time" in run("access", "grant", "auditor", "--user", "ann", "--until", "soon", code=65).stderr
    )
    assert "no permission 'coffee'" in run("access", "check", "coffee", code=65).stderr
    assert "Whose role" in run("access", "grant", "auditor", code=65).stderr
