"""``deskmind workflows`` and ``deskmind runs`` as an operator types them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind.cli.root import app
from deskmind.sandbox.servicenow import ServiceNowSandbox


def _said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


def _json(*words: str) -> Any:
    return json.loads(_said(*words, "--json"))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch, running_home: Path) -> None:
    """A home of the file's own."""
    monkeypatch.setenv("DESKMIND_HOME", str(running_home))
    monkeypatch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "none")


async def test_runs_and_schedules_from_the_command_line(settled: None, tmp_path: Path) -> None:
    del settled
    async with ServiceNowSandbox(size="tiny") as box:
        await asyncio.to_thread(_the_whole_path, box.url, box.credentials, tmp_path / "input.json")


def _the_whole_path(url: str, credentials: dict[str, str], file: Path) -> None:
    _said("tenant", "create", "acme")
    assert "major-incident" in _said("workflows", "list")
    assert "create: object, needed" in _said("workflows", "show", "major-incident")
    assert "There is no workflow 'none'" in _said("workflows", "show", "none", code=65)
    file.write_text(json.dumps(credentials), "utf-8")
    _said("connect", "add", "now", "--vendor", "servicenow", "--url", url, "--credentials-file", str(file))

    file.write_text('{"connection": "now"}', "utf-8")
    run = _json("workflows", "run", "shift-handover", "--input-file", str(file), "-i", "hours=1")
    assert (run["state"], run["output"]["summary"], run["input"]["hours"]) == ("done", "", 1)
    assert "shift-handover" in _said("runs", "list", "--state", "done")
    assert "2 read (step): done" in _said("runs", "show", run["run_id"])
    assert f"{run['run_id']} is done." in _said("runs", "follow", run["run_id"])
    assert "2 steps are as recorded, to its end." in _said("runs", "replay", run["run_id"])
    assert "ended already" in _said("runs", "cancel", run["run_id"], code=73)
    queued = _json("workflows", "run", "shift-handover", "-i", "connection=now", "--queue")["run_id"]
    _said("runs", "pause", queued)
    assert _json("runs", "show", queued)["run"]["state"] == "paused"
    assert f"{queued} is done." in _said("runs", "resume", queued)
    forked = _json("runs", "fork", queued, "--step", "2")["run_id"]
    assert _json("runs", "show", forked)["run"]["forked_from"] == queued

    times = ("--cron", "0 6 * * *", "--zone", "Europe/Berlin", "-i", "connection=now")
    assert "begins shift-handover" in _said("workflows", "schedule", "add", "early", "shift-handover", *times)
    _said("workflows", "schedule", "disable", "early")
    (found,) = _json("workflows", "schedule", "list")
    assert (found["name"], found["enabled"], found["input"]) == ("early", False, {"connection": "now"})
    _said("workflows", "schedule", "remove", "early")
    assert "There is no schedule 'early'" in _said("workflows", "schedule", "enable", "early", code=66)
