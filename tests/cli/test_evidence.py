"""Evidence on the command line: made again alike, and what does not hold sets the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskmind.app import Deskmind
from deskmind.cli.root import app as commands


@pytest.fixture
def settings(app: Deskmind) -> dict[str, str]:
    return {"DESKMIND_HOME": str(app.settings.home), "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing"}


def run(settings: dict[str, str], *words: object, code: int = 0) -> str:
    done = CliRunner().invoke(commands, [str(word) for word in words], env=settings)
    assert done.exit_code == code, done.output
    return done.stdout


def test_a_bundle_is_made_again_alike_and_a_changed_one_does_not_hold(
    settings: dict[str, str], tmp_path: Path
) -> None:
    first, second, changed = (tmp_path / f"{name}.zip" for name in ("first", "second", "changed"))
    run(settings, "tenant", "create", "quay")
    made: Any = json.loads(
        run(settings, "evidence", "make", "soc2", "--since", "30d", "-t", "quay", "-o", first, "--json")
    )
    assert {"cc6/access-review.csv", "cc7/readiness.json", "cc8/configuration.json"} <= {*made["parts"]}
    assert made["not_assessed"]
    assert first.stat().st_mode & 0o077 == 0
    period = ["--since", made["since"], "--until", made["until"], "--dated", made["dated"]]
    run(settings, "evidence", "make", "soc2", *period, "-t", "quay", "-o", second)
    assert first.read_bytes() == second.read_bytes()

    assert "holds" in run(settings, "evidence", "verify", first)
    (key,) = json.loads(run(settings, "evidence", "keys", "-t", "quay", "--json"))
    assert json.loads(run(settings, "evidence", "verify", first, "--key", key, "--json"))["holds"] is True
    changed.write_bytes(first.read_bytes().replace(b"Who may do what", b"Who must do what"))
    run(settings, "evidence", "verify", changed, "--key", key, code=65)
    changed.write_bytes(first.read_bytes()[:-40])
    run(settings, "evidence", "verify", changed, code=65)
    run(settings, "evidence", "make", "soc2", "--since", "yesterday", "-t", "quay", "-o", first, code=65)


def test_another_installations_bundle_does_not_hold(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "theirs.zip"
    run(settings, "tenant", "create", "wharf")
    run(settings, "evidence", "make", "article30", "--since", "1d", "-t", "wharf", "-o", file)
    stranger = "deskmind.evidence+3eaf9388+ATxhlK3TNIXrEH318RVjq08pG/E0NCEJ5khBbKCr91tQ"
    told = run(settings, "evidence", "verify", file, "--key", stranger, code=1)
    assert "not signed with a key that was given" in told
