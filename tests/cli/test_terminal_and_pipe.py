"""What a terminal shows, what a pipe gets, and how a command ends when something is wrong."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from deskmind import api
from deskmind.cli.output import print_json, print_table
from deskmind.cli.progress import ingest_progress
from deskmind.cli.root import app
from deskmind.cli.session import CommandLine, fail
from deskmind.errors import DatabaseUnavailableError, DeskmindError, MissingExtraError, NotFoundError
from deskmind.knowledge.ingest import IngestReport
from deskmind.knowledge.ingest.report import FileReport

_SETTINGS = {"DESKMIND_KNOWLEDGE_EMBEDDER": "hashing", "DESKMIND_ANSWER_THRESHOLD": "0.05"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def home(running_home: Path) -> Path:
    """A home with the tenant acme."""
    made = _invoke(running_home, "tenant", "create", "acme")
    assert made.exit_code == 0, made.output
    return running_home


def _invoke(home: Path, *words: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(
        app, [*(str(word) for word in words), "--home", str(home)], input=stdin, env=_SETTINGS
    )


def _command(*words: str | Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "deskmind.cli", *(str(word) for word in words)],
        capture_output=True,
        check=False,
        timeout=120,
        env={**os.environ, **_SETTINGS, **env},
    )


def test_a_table_on_a_terminal_is_aligned_and_takes_content_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    print_table(("name", "is"), [("a", "[red]x[/red]"), ("long", 2)], empty="none")
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    assert any("[red]x[/red]" in line for line in lines)
    assert len(lines) == 3


def test_an_empty_table_speaks_on_a_terminal_and_is_silent_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, pipe = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", screen)
    print_table(("name",), [], empty="No keys yet.")
    monkeypatch.setattr(sys, "stdout", pipe)
    print_table(("name",), [], empty="No keys yet.")
    assert (screen.getvalue(), pipe.getvalue()) == ("No keys yet.\n", "")


def test_a_row_in_a_pipe_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    print_table(("title", "uri"), [("two\nlines\tand a tab", "u")], empty="")
    assert pipe.getvalue() == "title\turi\ntwo lines and a tab\tu\n"


def test_json_keeps_every_script_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    print_json({"text": "重置 ü", "id": uuid4()})
    assert "重置 ü" in pipe.getvalue()
    assert json.loads(pipe.getvalue())["text"] == "重置 ü"


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with ingest_progress() as progress:
        assert progress is None
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    done = FileReport("a.md", "stored", 1, 2, None)
    with ingest_progress() as progress:
        assert progress is not None
        progress(IngestReport(uuid4(), "done", (done,)))
    assert "1/1" in screen.getvalue()


def test_an_error_names_what_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    error = NotFoundError("No [bold] document.", why="It was deleted.", remedy="List them.")
    with pytest.raises(typer.Exit) as ended:
        fail(error, as_json=False)
    assert ended.value.exit_code == 66
    assert capsys.readouterr().err == "error: No [bold] document.\n  It was deleted.\n  → List them.\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DatabaseUnavailableError("x"), 69),
        (ExceptionGroup("many", [ValueError("y"), NotFoundError("x")]), 66),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_ends_with_its_exit_code(error: BaseException, code: int) -> None:
    def act() -> None:
        raise error

    with pytest.raises(typer.Exit) as ended:
        CommandLine(None, None).guard(act)
    assert ended.value.exit_code == code


def test_a_defect_is_not_dressed_as_a_message() -> None:
    def act() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        CommandLine(None, None).guard(act)


def test_the_only_tenant_need_not_be_named(home: Path) -> None:
    assert _invoke(home, "user", "list").exit_code == 0
    shown = _invoke(home, "documents", "list", "--json")
    assert (shown.exit_code, shown.stdout[0]) == (0, "[")
    assert shown.stdout == _invoke(home, "documents", "list", "--json", "--tenant", "acme").stdout


def test_an_empty_home_says_how_to_begin(tmp_path: Path, home: Path) -> None:
    result = _invoke(tmp_path, "user", "list")
    assert result.exit_code == 65
    assert "deskmind tenant create NAME" in result.stderr
    assert home != tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_file_name_that_is_not_utf8_fails_alone(home: Path, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Good\n\ntext")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("# Bad name\n\ntext")
    result = _invoke(home, "ingest", tmp_path, "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["stored"], report["failed"]) == (65, 1, 1)
    assert "not UTF-8" in report["failures"][0]["detail"]


@pytest.mark.parametrize(
    "words",
    [
        ["documents", "show", "not-a-uuid"],
        ["search", "x", "--limit", "0"],
        ["serve", "--port", "70000"],
        ["key", "create", "--user", "u", "--expires-days", "0"],
        ["nonsense"],
    ],
)
def test_wrong_usage_ends_with_two(home: Path, words: list[str]) -> None:
    result = _invoke(home, *words)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_a_group_of_commands_without_one_shows_its_help() -> None:
    for group in ("tenant", "user", "group", "key", "documents", "migrate"):
        assert "Commands:" in CliRunner().invoke(app, [group]).output


def test_the_real_command_in_a_pipe(home: Path) -> None:
    shown = _command("tenant", "list", DESKMIND_HOME=str(home), FORCE_COLOR="")
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert shown.stdout.splitlines()[0].split(b"\t")[0] == b"tenant"
    missing = _command(
        "ask", "x", "--tenant", "nobody", "--user", "u", "--home", home, DESKMIND_HOME="/nowhere"
    )
    assert (missing.returncode, missing.stdout) == (66, b"")
    assert missing.stderr.startswith(b"error: ")
    assert b"\x1b" not in shown.stdout + missing.stderr


def test_without_the_extra_the_service_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("deskmind.api.application", "deskmind.api.routes"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("application", "routes"):
        monkeypatch.delattr(api, name, raising=False)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(MissingExtraError, match=r"deskmind\[api\]"):
        _ = api.create_app
    assert issubclass(MissingExtraError, DeskmindError)
    monkeypatch.undo()
    assert callable(importlib.import_module("deskmind.api").create_app)
