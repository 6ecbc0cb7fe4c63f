"""Explaining and rating on the command line: each command is a process of its own in effect."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind.cli.root import app as command
from deskmind.cli.story import waterfall
from deskmind.observability.story import ToldStep

_QUESTION = "How do I renew the parking permit?"


@pytest.fixture(scope="module")
def run(running_home: Path) -> Callable[..., Any]:
    guide = running_home / "parking.md"
    guide.write_text("# Parking\n\nRenew the parking permit in the portal before 15 May.")
    env = {
        "DESKMIND_HOME": str(running_home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_ANSWER_THRESHOLD": "0",
    }

    def call(*words: str, code: int = 0) -> Any:
        result = CliRunner().invoke(command, list(words), env=env)
        assert result.exit_code == code, result.output
        return result

    call("tenant", "create", "acme")
    call("user", "add", "req1", "--tenant", "acme")
    call("user", "add", "req2", "--tenant", "acme")
    call("ingest", str(guide), "--tenant", "acme")
    return call


def test_an_answers_request_is_explained_and_rated(run: Callable[..., Any]) -> None:
    asked = run("ask", _QUESTION, "--user", "req1")
    request_id = asked.stderr.split()[-1]
    assert request_id.startswith("req_")
    assert request_id not in asked.stdout
    told = run("explain", request_id).stdout
    for expected in (
        "knowledge.ask (operation)",
        "req1 (member)",
        "confidence",
        "Parking",
        "retrieval deskmind",
        "█",
    ):
        assert expected in told
    as_json = json.loads(run("explain", request_id, "--user", "req1", "--json").stdout)
    assert as_json["parts"][0]["passages"][0]["fate"] == "cited"
    run("explain", request_id, "--user", "req2", code=66)
    run("explain", "nothing", code=66)
    listed = json.loads(run("requests", "list", "--operation", "knowledge.ask", "--json").stdout)
    assert [item["request_id"] for item in listed] == [request_id]
    assert request_id in run("requests", "list").stdout

    assert run("feedback", "give", request_id, "down", "--user", "req1").stdout == "Rated down.\n"
    again = run("feedback", "give", request_id, "up", "--user", "req1", "--reason", "other")
    assert "in place of an earlier rating" in again.stdout
    run("feedback", "give", request_id, "up", "--user", "req2", code=66)
    run("feedback", "give", request_id, "up", "--user", "req1", "--reason", "because", code=65)
    assert [item["rating"] for item in json.loads(run("feedback", "list", "--json").stdout)] == ["up"]
    assert request_id in run("feedback", "list", "--user", "req1").stdout
    (row,) = json.loads(run("quality", "report", "--by", "document", "--json").stdout)
    assert (row["name"], row["answers"], row["up"], row["down"]) == ("Parking", 1, 1, 0)
    assert "Parking" in run("quality", "report", "--by", "document").stdout


def test_bars_stand_where_their_steps_stood_in_time() -> None:
    steps = [
        ToldStep("http", None, 0.0, 1.0, ""),
        ToldStep("a", 0, 0.0, 0.5, ""),
        ToldStep("b", 0, 0.5, 0.5, "not-found"),
        ToldStep("instant", 2, 1.0, 0.0, ""),
    ]
    lines = [line.split("|")[1] for line in waterfall(steps, 1.0)]
    assert [len(line) for line in lines] == [32] * 4
    assert [line.index(line.strip()[0]) for line in lines] == [0, 0, 16, 31]
    assert [len(line.strip()) for line in lines] == [32, 16, 16, 1]
    assert list(waterfall(steps, 1.0))[2].endswith("not-found")
    assert list(waterfall([], 0.0)) == []
