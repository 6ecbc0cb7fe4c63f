"""``deskmind agent`` and ``deskmind approvals``, from a run that asks to the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind.cli.root import app
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox


def _run(*words: str) -> Any:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch, running_home: Path, sandbox: ModelSandbox) -> None:
    """A home of its own with one tenant and one technician, and a model of the sandbox."""
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    monkeypatch.setenv("DESKMIND_HOME", str(running_home))
    monkeypatch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "hashing")
    monkeypatch.setenv("DESKMIND_MODELS", json.dumps({"fast": deployment}))


async def test_a_run_that_asks_is_answered_and_shown(settled: None) -> None:
    del settled
    import asyncio

    await asyncio.to_thread(_the_whole_path)


def _the_whole_path() -> None:
    _run("tenant", "create", "acme")
    _run("user", "add", "ann")
    _run("access", "grant", "technician", "--user", "ann")
    run = _run(
        "agent", "run", "use ask_person please", "-i", "Ask.", "-m", "fast", "--tool", "ask_person", "-u", "ann"
    )  # fmt: skip
    assert run["state"] == "waiting"
    (proposal,) = _run("approvals", "list")
    assert (proposal["tool"], proposal["kind"]) == ("ask_person", "question")
    assert _run("approvals", "show", proposal["proposal_id"])["state"] == "open"
    _run("approvals", "approve", proposal["proposal_id"], "--answer", "the blue one", "-u", "ann")
    done = _run("agent", "resume", run["run_id"], "-u", "ann")
    assert done["state"] == "done"
    shown = _run("agent", "show", run["run_id"])
    assert "the blue one" in [step["text"] for step in shown["steps"]]
    assert [one["run_id"] for one in _run("agent", "list")] == [run["run_id"]]
    assert _run("agent", "stop", "ask_person", "--reason", "test")["stopped"] is True
    assert _run("agent", "allow", "ask_person")["stopped"] is False
