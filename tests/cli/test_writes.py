"""``deskmind writes``, from a difference to what became of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind.cli.root import app
from deskmind.sandbox.servicenow import ServiceNowSandbox


def _run(*words: str) -> Any:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def test_a_write_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, running_home: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("DESKMIND_HOME", str(running_home))
    monkeypatch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "hashing")
    async with ServiceNowSandbox(size="tiny") as box:
        given = tmp_path / "credentials.json"
        given.write_text(json.dumps(box.credentials))
        await asyncio.to_thread(_the_whole_path, box.url, given, tmp_path)


def _the_whole_path(url: str, given: Path, folder: Path) -> None:
    _run("tenant", "create", "acme")
    _run("connect", "add", "now", "--url", url, "--vendor", "servicenow", "--credentials-file", str(given))
    made = _run("writes", "propose", "now", "create", "--set", "title=Printer on fire", "--set", "urgency=2")
    assert made["state"] == "proposed"
    ticket = _run("writes", "send", made["write_id"])
    assert ticket["state"] == "applied"
    file = folder / "trace.bin"
    file.write_bytes(b"\0" * 100_000)
    attached = _run("writes", "propose", "now", "attach", ticket["written_id"], "--file", str(file))
    assert _run("writes", "send", attached["write_id"], "--file", str(file))["state"] == "applied"
    said = _run(
        "writes",
        "propose",
        "now",
        "comment",
        ticket["written_id"],
        "--set",
        "text=No",
        "--set",
        "internal=false",
    )
    assert next(one["after"] for one in said["changes"]).startswith("No\n")
    assert _run("writes", "reject", said["write_id"])["state"] == "rejected"
    assert _run("writes", "show", said["write_id"])["state"] == "rejected"
    assert len(_run("writes", "list", "--state", "applied", "--connection", "now")) == 2
    assert _run("writes", "reconcile") == []
    plain = CliRunner().invoke(app, ["writes", "show", ticket["write_id"]])
    assert "short_description: None → Printer on fire" in plain.stdout
    refused = CliRunner().invoke(app, ["writes", "resolve", said["write_id"], "--written"])
    assert refused.exit_code == 73
