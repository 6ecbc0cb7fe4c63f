"""What slows the database down, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deskmind.app import Deskmind
from deskmind.cli.root import app as command


@pytest.fixture
def environment(app: Deskmind, desk_home: Path) -> dict[str, str]:
    """The session's home, whose server runs already."""
    assert app.settings.home == desk_home
    return {"DESKMIND_HOME": str(desk_home), "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing"}


def test_statements_findings_and_facts_are_shown(environment: dict[str, str]) -> None:
    shown = CliRunner().invoke(command, ["database", "slow", "--top", "3"], env=environment)
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert lines[0].split("\t")[0] == "total ms"
    assert len([line for line in lines[1:] if "\tdeskmind_" in line]) == 3
    assert any(line.startswith("hit ratio\t") for line in lines)
    assert "Not seen" not in shown.output


def test_json_holds_the_same(environment: dict[str, str]) -> None:
    shown = CliRunner().invoke(command, ["database", "slow", "--json"], env=environment)
    document = json.loads(shown.stdout)
    assert document["seen_as"] == "deskmind_inspector"
    assert document["statements"][0]["calls"] > 0
    assert document["facts"]["server_version"]
