"""Whatever is given to a command, it ends with a clear error and its exit code, and what was stored stays."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from deskmind.cli.output import one_line, shown
from deskmind.cli.root import app
from deskmind.database.embedded import EmbeddedServer

_SETTINGS = {"DESKMIND_KNOWLEDGE_EMBEDDER": "hashing", "DESKMIND_ANSWER_THRESHOLD": "0.05"}
_NOBODY_LISTENS = "postgresql://me:secret-word@127.0.0.1:1/desk"
_ACTED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def home(running_home: Path) -> Path:
    return running_home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[EmbeddedServer]:
    """The one that runs."""
    with EmbeddedServer.start(home) as running:
        yield running


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    """Run a command in this process; it may end with an error of ours only."""

    def call(*words: str | Path, stdin: str | None = None, **env: str) -> Result:
        settings = {**_SETTINGS, "DESKMIND_HOME": str(home), **env}
        result = CliRunner().invoke(app, [str(word) for word in words], input=stdin, env=settings)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output + result.stderr
        return result

    return call


@pytest.fixture(scope="module", autouse=True)
def acme(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A tenant with a user and a document that must survive everything below."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "kept.md").write_text("# Scanner\n\nThe scanner stands in room 14.\n")
    assert run("tenant", "create", "acme").exit_code == 0
    assert run("user", "add", "ann", "--tenant", "acme").exit_code == 0
    assert run("ingest", folder, "--tenant", "acme").exit_code == 0


@pytest.fixture(autouse=True)
def kept(run: Run, acme: None) -> Iterator[None]:
    """After each test the document is there and found."""
    yield
    answer = run("ask", "Where does the scanner stand?", "--tenant", "acme", "--user", "ann", "--json")
    assert "room 14" in json.loads(answer.stdout)["text"]


def spread_out(path: Path) -> None:
    """A file of 200 MB that takes no space."""
    with path.open("wb") as file:
        file.truncate(200 * 2**20)


@pytest.mark.parametrize(
    ("name", "content", "kind", "says"),
    [
        ("empty.md", b"", "unreadable-document", "is empty"),
        ("large.md", spread_out, "document-too-large", "209,715,200 bytes"),
        ("program.md", b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 8, "unreadable-document", "is not text"),
        ("bomb.docx", "zip_bomb", "document-too-large", "unpack"),
        ("locked.pdf", "encrypted_pdf", "encrypted-document", "password"),
        ("cut.docx", b"PK\x03\x04 and no more", "unreadable-document", "cut.docx"),
    ],
)
def test_a_bad_file_is_named_and_the_others_are_stored(
    run: Run, request: pytest.FixtureRequest, tmp_path: Path, name: str, content: Any, kind: str, says: str
) -> None:
    (tmp_path / "good.md").write_text(f"# Good\n\nbeside {name}")
    if content is spread_out:
        spread_out(tmp_path / name)
    else:
        data = request.getfixturevalue(content) if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
    plain = run("ingest", tmp_path, "--tenant", "acme")
    assert plain.exit_code == 65
    assert "1 documents (1 chunks) stored, 0 unchanged, 1 failed." in plain.stdout
    assert name in plain.stderr
    assert says in plain.stderr
    again = run("ingest", tmp_path, "--tenant", "acme", "--json")
    report = json.loads(again.stdout)
    assert (again.exit_code, report["unchanged"], report["failed"]) == (65, 1, 1)
    assert report["failures"][0]["type"] == f"urn:deskmind:problem:{kind}"
    assert report["failures"][0]["remedy"]


def test_a_file_in_another_encoding_is_read(run: Run, tmp_path: Path) -> None:
    text = "Die Prüfung der Geräte übernimmt die Außenstelle in Köln; Rückfragen gehen an das Büro für Schlüssel."
    for encoding in ("cp1252", "utf-16", "utf-8-sig"):
        (tmp_path / f"{encoding}.txt").write_bytes(f"{encoding}. {text}".encode(encoding))
    assert run("ingest", tmp_path, "--tenant", "acme").exit_code == 0
    found = json.loads(run("search", "Außenstelle Köln", "--tenant", "acme", "--json").stdout)
    assert [row["text"].partition(". ")[2] for row in found if row["score"] > 0.1] == [text] * 3


@pytest.mark.parametrize("beside", [None, "photo.png"])
def test_a_folder_with_nothing_to_take_in(run: Run, tmp_path: Path, beside: str | None) -> None:
    if beside:
        (tmp_path / beside).write_bytes(b"\x89PNG")
    plain = run("ingest", tmp_path, "--tenant", "acme")
    assert plain.exit_code == 65
    assert "nothing to take in" in plain.stderr
    assert ".docx" in plain.stderr
    problem = json.loads(run("ingest", tmp_path, "--tenant", "acme", "--json").stderr)
    assert problem["type"] == "urn:deskmind:problem:invalid-request"


@pytest.mark.parametrize(
    ("words", "stdin", "code", "kind", "remedy"),
    [
        (["ask", "-", "-t", "acme", "-u", "ann"], "x" * 100_000, 65, "question-too-long", "max_question_chars"),
        (["search", "", "-t", "acme", "-u", "ann"], None, 65, "invalid-request", "what you want to know"),
        (["ask", "x", "-t", "globex", "-u", "ann"], None, 66, "tenant-not-found", "tenant create globex"),
        (["ask", "x", "-t", "acme", "-u", "bob"], None, 66, "principal-not-found", "user add bob --tenant acme"),
        (["ask", "x", "-t", "a\udce9", "-u", "ann"], None, 65, "invalid-request", "UTF-8"),
        (["ask", "x", "-t", "acme", "-u", "a\udce9"], None, 65, "invalid-request", "UTF-8"),
        (["ask", "x\udce9", "-t", "acme", "-u", "ann"], None, 65, "invalid-request", "UTF-8"),
        (["ingest", ".", "--source", "\udce9", "-t", "acme"], None, 65, "invalid-request", "UTF-8"),
        (["ingest", "/no/\x1b[31m\udce9", "-t", "acme"], None, 65, "invalid-request", "Check the path"),
    ],
)  # fmt: skip
def test_what_is_asked_for_wrongly(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: list[str], stdin: str | None, code: int, kind: str, remedy: str,
) -> None:  # fmt: skip
    (tmp_path / "note.md").write_text("# Note\n\nnot stored")
    monkeypatch.chdir(tmp_path)
    plain = run(*words, stdin=stdin)
    assert (plain.exit_code, plain.stdout) == (code, "")
    assert plain.stderr.startswith("error: ")
    assert remedy in plain.stderr
    assert not _ACTED_ON.search(plain.stderr)
    as_json = run(*words, "--json", stdin=stdin)
    problem = json.loads(as_json.stderr)
    assert (as_json.exit_code, problem["type"]) == (code, f"urn:deskmind:problem:{kind}")
    assert remedy in problem["remedy"]


@pytest.mark.parametrize(
    "command", [["status"], ["search", "x", "-t", "acme"], ["readiness"], ["migrate", "status"]]
)
def test_nobody_listens_where_the_database_should_be(run: Run, command: list[str]) -> None:
    plain = run(*command, DESKMIND_DATABASE_URL=_NOBODY_LISTENS)
    assert (plain.exit_code, plain.stdout) == (69, "")
    assert "Connection refused" in plain.stderr
    assert "DESKMIND_DATABASE_URL" in plain.stderr
    assert "secret-word" not in plain.stderr
    problem = json.loads(run(*command, "--json", DESKMIND_DATABASE_URL=_NOBODY_LISTENS).stderr)
    assert problem["type"] == "urn:deskmind:problem:database-unavailable"


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_service_without_its_database_says_so(home: Path, command: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "deskmind.cli", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={
            **os.environ, **_SETTINGS, "DESKMIND_HOME": str(home), "DESKMIND_DATABASE_URL": _NOBODY_LISTENS,
            "DESKMIND_API_PORT": "0",
        },
    )  # fmt: skip
    assert ended.returncode == 69
    assert ended.stderr.startswith("error: The database cannot be reached.")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("user", "command"), [("deskmind_app", "status"), ("deskmind_superuser", "migrate status")]
)
def test_a_wrong_database_password(run: Run, server: EmbeddedServer, user: str, command: str) -> None:
    address = server.conninfo(dbname="deskmind", user=user, password="not-it")
    plain = run(*command.split(), DESKMIND_DATABASE_URL=address)
    assert (plain.exit_code, plain.stdout) == (69, "")
    assert "refused the login" in plain.stderr
    assert f'"{user}"' in plain.stderr
    assert "Check user and password" in plain.stderr
    assert "not-it" not in plain.stderr


def test_a_database_that_does_not_exist(run: Run, server: EmbeddedServer) -> None:
    plain = run("migrate", "up", DESKMIND_DATABASE_URL=server.conninfo(dbname="nowhere"))
    assert plain.exit_code == 69
    assert "createdb" in plain.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_file_names_do_not_command_the_terminal(run: Run, tmp_path: Path) -> None:
    for name in (b"\x1b]0;title\x07.md", b"line\nfeed.md", b"\xc2\x9b31m.md", "\u202eexe.md".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad-" + name)).write_bytes(b"")
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/good-" + name)).write_bytes(b"text of a file")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\x1b.md")).write_bytes(b"text")
    words = ("--tenant", "acme")
    taken = run("ingest", tmp_path, *words)
    assert (taken.exit_code, taken.stderr.count("failed: ")) == (65, 5)
    shown_names = [
        taken.stderr,
        run("documents", "list", *words).stdout,
        run("search", "text of a file", *words).stdout,
        run("ask", "text of a file", *words, "--user", "ann").stdout,
    ]
    for output in shown_names:
        assert not _ACTED_ON.search(output)
    assert r"bad-\x1b]0;title\x07.md" in taken.stderr
    assert r"bad-line\nfeed.md" in taken.stderr
    assert r"good-\u202eexe.md" in shown_names[1]
    report = json.loads(run("ingest", tmp_path, *words, "--json").stdout)
    assert [failure["uri"] for failure in report["failures"] if failure["uri"].endswith("title\x07.md")]
    listed = json.loads(run("documents", "list", *words, "--json").stdout)
    assert any(document["uri"].endswith("good-line\nfeed.md") for document in listed)


def test_what_is_shown_keeps_what_can_be_read() -> None:
    assert shown("重置 ü\tline\r\nnext") == "重置 ü\tline\r\nnext"
    assert shown("a\rb\x1b\udce9") == r"a\rb\x1b\udce9"
    assert one_line("a\r\nb\tc") == r"a\r\nb\tc"


def test_a_drifted_schema_sets_the_exit_code(run: Run, server: EmbeddedServer) -> None:
    assert run("migrate", "check").exit_code == 0
    with psycopg.connect(server.conninfo(dbname="deskmind"), autocommit=True) as connection:
        connection.execute("ALTER TABLE deskmind.documents ADD COLUMN stray text")
        drifted = run("migrate", "check")
        connection.execute("ALTER TABLE deskmind.documents DROP COLUMN stray")
    assert drifted.exit_code == 1
    assert "stray" in drifted.stdout
    assert run("migrate", "check").exit_code == 0
