"""``deskmind memory`` and ``deskmind agents``, from what is told to an agent that knows it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.cli.conftest import Said
from typer.testing import CliRunner

from deskmind.cli.root import app

_AGENT = """
name: helper
instructions: Help.
model: fast
memory: {extract: none}
"""
_CASES = """
- name: greets
  prompt: Hello
  script: [{text: Hi.}]
  expect: {contains: [Hi]}
- name: fails
  prompt: Hello
  script: [{text: Hi.}]
  expect: {contains: [Bye]}
"""


async def test_what_is_told_is_shown_corrected_and_known_to_a_published_agent(
    said: Said, tmp_path: Path
) -> None:
    await asyncio.to_thread(_the_whole_path, said, tmp_path)


def _the_whole_path(said: Said, folder: Path) -> None:
    said("tenant", "create", "acme")
    said("user", "add", "ann")
    said("access", "grant", "technician", "--user", "ann")
    told = said("memory", "add", "My printer is HP-22.", "--subject", "my printer", "-u", "ann")
    right = said("memory", "correct", told["memory_id"], "My printer is HP-40.", "-u", "ann")
    assert said("memory", "pin", right["memory_id"], "-u", "ann")["pinned"] is True
    assert len(said("memory", "show", told["memory_id"], "-u", "ann")) == 2
    assert [one["text"] for one in said("memory", "list", "-u", "ann")] == ["My printer is HP-40."]
    recalled = said("memory", "recall", "Which is my printer?", "--tokens", "90", "-u", "ann")
    assert "HP-40" in recalled["text"]
    assert recalled["tokens"] <= 90

    (folder / "helper.yaml").write_text(_AGENT)
    (folder / "cases.yaml").write_text(_CASES)
    assert said("agents", "define", str(folder / "helper.yaml"), "--note", "first")["version"] == 1
    tested = _plain("agents", "test", "helper", "--cases", str(folder / "cases.yaml"), "-u", "ann")
    assert tested.exit_code == 1
    assert "passed  greets" in tested.stdout
    assert "FAILED  fails" in tested.stdout
    assert said("agents", "publish", "helper")["labels"] == ["production"]
    assert said("agents", "list") == [
        {"name": "helper", "description": "", "newest": 1, "labels": {"production": 1}}
    ]
    assert "instructions: Help." in _plain("agents", "show", "helper").stdout
    run = said("agents", "run", "helper", "Which is my printer?", "-u", "ann")
    assert run["state"] == "done"
    assert "HP-40" in str(run["output"])  # the model repeats what it is told
    assert said("memory", "forget", right["memory_id"], "-u", "ann")["forgotten"] == 2


def _plain(*words: str) -> Any:
    return CliRunner().invoke(app, [*words])
