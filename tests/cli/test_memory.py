"""``deskmind memory`` and ``deskmind agents``, from what is told to an agent that knows it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.cli.test_agents import _run, settled  # noqa: F401
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
    settled: None,  # noqa: F811
    tmp_path: Path,
) -> None:
    del settled
    await asyncio.to_thread(_the_whole_path, tmp_path)


def _the_whole_path(folder: Path) -> None:
    _run("tenant", "create", "acme")
    _run("user", "add", "ann")
    _run("access", "grant", "technician", "--user", "ann")
    told = _run("memory", "add", "My printer is HP-22.", "--subject", "my printer", "-u", "ann")
    right = _run("memory", "correct", told["memory_id"], "My printer is HP-40.", "-u", "ann")
    assert _run("memory", "pin", right["memory_id"], "-u", "ann")["pinned"] is True
    assert len(_run("memory", "show", told["memory_id"], "-u", "ann")) == 2
    assert [one["text"] for one in _run("memory", "list", "-u", "ann")] == ["My printer is HP-40."]
    recalled = _run("memory", "recall", "Which is my printer?", "--tokens", "90", "-u", "ann")
    assert "HP-40" in recalled["text"]
    assert recalled["tokens"] <= 90

    (folder / "helper.yaml").write_text(_AGENT)
    (folder / "cases.yaml").write_text(_CASES)
    assert _run("agents", "define", str(folder / "helper.yaml"), "--note", "first")["version"] == 1
    tested = _plain("agents", "test", "helper", "--cases", str(folder / "cases.yaml"), "-u", "ann")
    assert tested.exit_code == 1
    assert "passed  greets" in tested.stdout
    assert "FAILED  fails" in tested.stdout
    assert _run("agents", "publish", "helper")["labels"] == ["production"]
    assert _run("agents", "list") == [
        {"name": "helper", "description": "", "newest": 1, "labels": {"production": 1}}
    ]
    assert "instructions: Help." in _plain("agents", "show", "helper").stdout
    run = _run("agents", "run", "helper", "Which is my printer?", "-u", "ann")
    assert run["state"] == "done"
    assert "HP-40" in str(run["output"])  # the model repeats what it is told
    assert _run("memory", "forget", right["memory_id"], "-u", "ann")["forgotten"] == 2


def _plain(*words: str) -> Any:
    return CliRunner().invoke(app, [*words])
