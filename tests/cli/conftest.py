"""What several tests of commands need."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind.cli.root import app
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

Said = Callable[..., Any]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, running_home: Path, sandbox: ModelSandbox) -> Said:
    """Runs a command that succeeds, in a home without tenants with a model of the sandbox; gives its JSON."""
    deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
    monkeypatch.setenv("DESKMIND_HOME", str(running_home))
    monkeypatch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "hashing")
    monkeypatch.setenv("DESKMIND_MODELS", json.dumps({"fast": deployment}))

    def run(*words: str) -> Any:
        done = CliRunner().invoke(app, [*words, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return run
