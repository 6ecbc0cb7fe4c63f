"""The privacy commands as an operator runs them."""

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
    """Run a command in this process, on a home with one tenant, two users and a document that names one."""
    settings = {"DESKMIND_KNOWLEDGE_EMBEDDER": "hashing", "DESKMIND_HOME": str(running_home)}
    settings["DESKMIND_DEFAULTS_TENANT"] = "acme"

    def call(*words: str | Path, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], env=settings)
        assert result.exit_code == code, (words, result.output, result.stderr, result.exception)
        return result

    call("tenant", "create", "acme")
    call("user", "add", "zilpha.quorn", "--display-name", "Zilpha Quornbeck")
    call("user", "add", "ben")
    note = running_home / "note.md"
    note.write_text("# Keys\n\nAsk Zilpha Quornbeck for the key of room 12.\n")
    call("ingest", note)
    note.unlink()
    return call


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_from_the_map_to_the_receipt(run: Run, tmp_path: Path) -> None:
    stores = {row["store"]: row for row in as_json(run("privacy", "map", "--json"))}
    assert "turns" in stores
    assert stores["conversations"]["kept"]
    person = ("--subject", "zilpha.quorn")
    for name, said in (("a.json", '"display_name"'), ("a.md", "# What is kept"), ("a.html", "<table>")):
        assert "Wrote" in run("privacy", "export", *person, "-o", tmp_path / name).stdout
        assert said in (tmp_path / name).read_text("utf-8")
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    planned = as_json(run("privacy", "erase", *person, "--dry-run", "--json"))
    assert planned["knowledge"]["masked"] == 1

    hold = as_json(run("privacy", "hold", "add", *person, "--reason", "case 1", "--json"))
    assert "legal hold" in run("privacy", "erase", *person, code=73).stderr
    assert hold["hold_id"] in run("privacy", "hold", "list").stdout
    run("privacy", "hold", "release", hold["hold_id"])

    assert "masked" in run("privacy", "erase", *person).stdout
    (receipt,) = as_json(run("privacy", "receipts", "--json", "-o", tmp_path / "receipts"))
    file = tmp_path / "receipts" / f"{receipt['erasure_id']}.json"
    assert "Holds" in run("privacy", "verify-receipt", file).stdout
    file.write_text(file.read_text("utf-8").replace('"masked": 1', '"masked": 3'), "utf-8")
    assert "signature" in run("privacy", "verify-receipt", file, code=65).stderr

    refused = run("user", "add", "zilpha.quorn", code=73).stderr
    assert "privacy readmit" in refused
    assert "room 12" in run("search", "key", "--user", "ben").stdout
    assert "Quornbeck" not in run("search", "key", "--user", "ben").stdout
    assert "Nobody has come back" in run("privacy", "replay").stdout
    assert "Nothing was left" in run("privacy", "erase", "--resume").stdout
    assert {row["store"] for row in as_json(run("privacy", "retain", "--json"))} >= {"conversations"}
    run("privacy", "readmit", *person)
    run("user", "add", "zilpha.quorn")


def test_what_is_asked_wrongly_is_told(run: Run) -> None:
    run("privacy", "erase", code=2)
    run("privacy", "hold", "add", "--reason", "case", code=2)
    assert "no user" in run("privacy", "export", "--subject", "printer", code=66).stderr
    assert (
        "No hold stands" in run("privacy", "hold", "list").stdout or not run("privacy", "hold", "list").stdout
    )
