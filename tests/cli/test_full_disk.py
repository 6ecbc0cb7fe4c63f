"""A disk that fills up: the command says so, what was stored stays, and with space the work goes on."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deskmind.cli.root import app

pytestmark = pytest.mark.chaos

_SETTINGS = {
    "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
    "DESKMIND_ANSWER_THRESHOLD": "0.05",
    "DESKMIND_DATABASE_POOL_TIMEOUT": "1",
    "DESKMIND_JOBS_STALLED_AFTER": "8",
}
_FULL = 74

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def command(disk: Path) -> Command:
    """Runs a command on a home on that disk; it may end with an error of ours only."""

    def run(*words: str | Path, home: str = "home") -> Result:
        settings = {**_SETTINGS, "DESKMIND_HOME": str(disk / home)}
        result = CliRunner().invoke(app, [str(word) for word in words], env=settings)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than a megabyte of words that do not repeat."""
    folder = tmp_path_factory.mktemp("many")
    words = random.Random(4)
    for number in range(24):
        paragraphs = (" ".join(f"w{words.randrange(1 << 24):06x}" for _ in range(80)) for _ in range(60))
        (folder / f"{number}.md").write_text(f"# Document {number}\n\n" + "\n\n".join(paragraphs))
    return folder


@pytest.fixture(scope="module", autouse=True)
def acme(command: Command, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A tenant with a user and one document."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "kept.md").write_text("# Scanner\n\nThe scanner stands in room 14.\n")
    for words in (["tenant", "create", "acme"], ["user", "add", "ann"], ["ingest", str(folder)]):
        assert command(*words).exit_code == 0


def test_a_first_start_without_space(command: Command, disk: Path, leave: Callable[[int], None]) -> None:
    leave(2_000)
    plain = command("status", home="second")
    assert (plain.exit_code, plain.stdout) == (_FULL, "")
    assert "needs more disk space" in plain.stderr
    assert "--home" in plain.stderr
    problem = json.loads(command("tenant", "list", "--json", home="second").stderr)
    assert problem["type"] == "urn:deskmind:problem:storage-full"
    (disk / "ballast").unlink()
    assert command("status", home="second").exit_code == 0
    shutil.rmtree(disk / "second")


@pytest.mark.parametrize(
    "free",
    [
        pytest.param(1_500, id="before-the-files-are-staged"),
        pytest.param(6_000, id="while-they-are-stored"),
        pytest.param(16_000, id="so-that-the-server-stops"),
    ],
)
def test_a_disk_that_fills_while_documents_are_taken_in(
    command: Command, leave: Callable[[int], None], documents: Path, disk: Path, free: int
) -> None:
    leave(free)
    full = command("ingest", documents, "--json")
    problem = json.loads(full.stderr)
    assert (full.exit_code, full.stdout) == (_FULL, "")
    assert problem["type"] == "urn:deskmind:problem:storage-full"
    assert problem["remedy"].startswith("Free ")
    (disk / "ballast").unlink()
    answer = json.loads(command("ask", "Where does the scanner stand?", "--user", "ann", "--json").stdout)
    assert "room 14" in answer["text"]


def test_with_space_again_everything_is_taken_in(command: Command, documents: Path) -> None:
    done = command("ingest", documents, "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["stored"] + report["unchanged"], report["failed"]) == (24, 0)
    assert len(json.loads(command("documents", "list", "--json").stdout)) == 25
