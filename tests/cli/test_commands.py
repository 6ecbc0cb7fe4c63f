"""The command line as a person and a script see it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deskmind.cli.root import app
from deskmind.database.migrations import revisions

Run = Callable[..., Result]
_SETTINGS = {"DESKMIND_KNOWLEDGE_EMBEDDER": "hashing", "DESKMIND_ANSWER_THRESHOLD": "0.05"}


@pytest.fixture(scope="module")
def home(running_home: Path) -> Path:
    return running_home


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command in this process."""

    def call(
        *words: str | Path, code: int = 0, stdin: str | None = None, env: dict[str, str] | None = None
    ) -> Result:
        settings = {**_SETTINGS, "DESKMIND_HOME": str(home), **(env or {})}
        result = CliRunner().invoke(app, [str(word) for word in words], input=stdin, env=settings)
        assert result.exit_code == code, (words, result.output, result.stderr, result.exception)
        return result

    return call


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


@pytest.fixture(scope="module", autouse=True)
def acme(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tenant with two users and a folder of documents, and one more, made by the commands themselves."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "vpn.md").write_text("# VPN token\n\nA new VPN token arrives within 20 minutes.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    secret = tmp_path_factory.mktemp("secret")
    (secret / "pay.md").write_text("# Severance\n\nGrade 5 receives nine weeks of severance pay.\n")
    runner = CliRunner()
    env = {**_SETTINGS, "DESKMIND_HOME": str(home)}
    for words, code in (
        (["tenant", "create", "acme", "--display-name", "Acme Ltd"], 0),
        (["user", "add", "req1", "--groups", "hr, it", "--tenant", "acme"], 0),
        (["user", "add", "req2", "--tenant", "acme"], 0),
        (["ingest", str(folder), "--tenant", "acme"], 65),
        (["ingest", str(secret), "--tenant", "acme", "--groups", "hr"], 0),
        (["tenant", "create", "other"], 0),
    ):
        result = runner.invoke(app, words, env=env)
        assert result.exit_code == code, (words, result.output, result.exception)
    return folder


def test_bad_files_are_named_and_the_rest_is_stored(run: Run, acme: Path) -> None:
    result = run("ingest", acme, "--json", "--tenant", "acme", code=65)
    report = as_json(result)
    assert (report["unchanged"], report["failed"]) == (1, 1)
    assert report["failures"][0]["uri"].endswith("broken.pdf")
    plain = run("ingest", acme, "--tenant", "acme", code=65)
    assert "0 documents (0 chunks) stored, 1 unchanged, 1 failed." in plain.stdout
    assert "broken.pdf" in plain.stderr


def test_two_users_two_answers(run: Run) -> None:
    question = "How much severance pay does grade 5 receive?"
    told = as_json(run("ask", question, "--tenant", "acme", "--user", "req1", "--json"))
    assert told["found"]
    assert "nine weeks" in told["text"]
    assert told["citations"][0]["title"] == "Severance"
    untold = run("ask", question, "--tenant", "acme", "--user", "req2", "--json")
    assert "nine weeks" not in untold.stdout


def test_a_plain_answer_shows_its_citations_without_colour(run: Run) -> None:
    result = run("ask", "-", "--tenant", "acme", "--user", "req1", stdin="When does a new VPN token arrive?")
    assert "A new VPN token arrives within 20 minutes. [1]" in result.stdout
    assert "[1] VPN token — " in result.stdout
    assert "\x1b" not in result.stdout


def test_nothing_found_sets_the_exit_code_on_request(run: Run) -> None:
    run("tenant", "create", "empty")
    run("user", "add", "u", "--tenant", "empty")
    result = run("ask", "anything", "--tenant", "empty", "--user", "u", "--exit-code", code=1)
    assert "found nothing" in result.stdout


def test_search_and_documents(run: Run) -> None:
    rows = as_json(run("search", "VPN token", "--tenant", "acme", "--user", "req2", "--json"))
    assert [row["title"] for row in rows] == ["VPN token"]
    assert "VPN token" in run("search", "VPN token", "--tenant", "acme").stdout
    assert len(as_json(run("documents", "list", "--tenant", "acme", "--json"))) == 2
    seen = as_json(run("documents", "list", "--tenant", "acme", "--user", "req2", "--json"))
    assert [item["title"] for item in seen] == ["VPN token"]
    shown = run("documents", "show", seen[0]["document_id"], "--tenant", "acme", "--user", "req2")
    assert "within 20 minutes" in shown.stdout
    assert (
        as_json(run("documents", "show", seen[0]["document_id"], "--tenant", "acme", "--json"))["version"]
        == 1
    )


def test_delete(run: Run, tmp_path: Path) -> None:
    (tmp_path / "temporary.md").write_text("# Temporary\n\ntext")
    run("ingest", tmp_path, "--tenant", "acme")
    listed = as_json(run("documents", "list", "--tenant", "acme", "--json"))
    document_id = next(item["document_id"] for item in listed if item["title"] == "Temporary")
    refused = run("documents", "delete", document_id, "--tenant", "acme", "--user", "req1", code=77)
    assert "someone else" in refused.stderr
    run("documents", "delete", document_id, "--tenant", "acme")
    run("documents", "show", document_id, "--tenant", "acme", code=66)


def test_directory_commands(run: Run) -> None:
    assert {item["tenant"] for item in as_json(run("tenant", "list", "--json"))} >= {"acme"}
    assert "acme" in run("tenant", "list").stdout
    run("tenant", "create", "acme", code=73)
    run("tenant", "create", "Not A Name", code=65)
    assert as_json(run("tenant", "create", "third", "--json"))["tenant"] == "third"
    users = as_json(run("user", "list", "--tenant", "acme", "--json"))
    assert {"user": "req1", "groups": ["hr", "it"], "role": "member"} in users
    assert "req1" in run("user", "list", "--tenant", "acme").stdout
    run("user", "add", "req1", "--tenant", "acme", code=73)
    added = as_json(run("user", "add", "boss", "--operator", "--tenant", "acme", "--json"))
    assert added["role"] == "operator"
    assert "it" in run("user", "groups", "boss", "--groups", "it", "--tenant", "acme").stdout
    assert as_json(run("user", "groups", "boss", "--tenant", "acme", "--json"))["groups"] == []
    run("group", "create", "finance", "--tenant", "acme")
    groups = {
        item["group"]: item["members"] for item in as_json(run("group", "list", "--tenant", "acme", "--json"))
    }
    assert groups == {"finance": 0, "hr": 1, "it": 1}
    assert "finance" in run("group", "list", "--tenant", "acme").stdout


def test_keys(run: Run) -> None:
    made = run("key", "create", "--user", "req1", "--tenant", "acme", "--name", "ci")
    assert made.stdout.startswith("dk_")
    again = as_json(
        run("key", "create", "--user", "req1", "--tenant", "acme", "--expires-days", "3", "--json")
    )
    listed = as_json(run("key", "list", "--tenant", "acme", "--json"))
    assert {key["state"] for key in listed} == {"live"}
    assert made.stdout.strip() not in json.dumps(listed)
    run("key", "revoke", again["key_id"], "--tenant", "acme")
    run("key", "revoke", again["key_id"], "--tenant", "acme", code=66)
    assert "revoked" in run("key", "list", "--tenant", "acme").stdout


def test_the_installations_keys_are_rotated_and_retired(run: Run) -> None:
    def versions() -> list[int]:
        keys = as_json(run("keyring", "list", "--json"))
        return [key["version"] for key in keys if key["purpose"] == "scope-token"]

    first = versions()
    assert run("keyring", "rotate", "scope-token").exit_code == 0
    assert versions() == [*first, first[-1] + 1]
    assert run("keyring", "retire", "scope-token", first[-1]).exit_code == 0
    assert as_json(run("documents", "list", "--tenant", "acme", "--json"))
    for words in (("rotate", "content-encryption"), ("retire", "content-encryption", 1)):
        refused = run("keyring", *words, code=65)
        assert "scope-token" in refused.stderr
        assert "webhooks" in refused.stderr  # what is sealed under it
    assert "secret" not in run("keyring", "list", "--json").stdout


def test_errors_name_the_command_to_run(run: Run) -> None:
    unknown = run("ask", "x", "--tenant", "nobody", "--user", "req1", code=66)
    assert "deskmind tenant create nobody" in unknown.stderr
    stranger = run("ask", "x", "--tenant", "acme", "--user", "stranger", code=66)
    assert "deskmind user add stranger --tenant acme" in stranger.stderr
    nameless = run("ask", "x", "--tenant", "acme", code=65)
    assert "--user" in nameless.stderr
    assert "deskmind tenant list" in run("ask", "x", "--user", "req1", code=65).stderr
    assert "does not exist" in run("ingest", "/no/such/path", "--tenant", "acme", code=65).stderr
    too_long = run("ask", "-", "--tenant", "acme", "--user", "req1", stdin="x" * 100_000, code=65)
    assert "100,000 characters" in too_long.stderr
    problem = json.loads(run("ask", "x", "--tenant", "nobody", "--user", "u", "--json", code=66).stderr)
    assert problem["type"] == "urn:deskmind:problem:tenant-not-found"


def test_status_readiness_and_migrations(run: Run) -> None:
    status = as_json(run("status", "--json"))
    assert (status["database"], status["schema_up_to_date"]) == ("embedded", True)
    assert "schema" in run("status").stdout
    report = as_json(run("readiness", "--json"))
    assert {check["name"]: check["state"] for check in report["checks"]}["row-level security"] == "green"
    assert report["ready"]
    assert "not assessed" in run("readiness").stdout
    assert as_json(run("migrate", "status", "--json"))["pending"] == []
    assert "head" in run("migrate", "status").stdout
    assert "as described" in run("migrate", "check").stdout
    assert "CREATE TABLE documents" in run("migrate", "sql").stdout
    assert "paths" in as_json(run("openapi"))


def test_a_red_readiness_sets_the_exit_code(run: Run) -> None:
    run("readiness", code=1, env={"DESKMIND_KNOWLEDGE_EMBEDDER": "none"})


def test_migrating_down_and_up_again(run: Run, tmp_path: Path) -> None:
    here = {"DESKMIND_HOME": str(tmp_path / "other")}
    assert revisions()[-1] in run("migrate", "up", env=here).stdout
    run("migrate", "down", "base", env=here, stdin="n\n", code=1)
    assert "base" in run("migrate", "down", "base", "--yes", env=here).stdout
    assert "0001" in run("migrate", "up", "0001", env=here).stdout
    refused = run("migrate", "up", "no-such", env=here, code=65)
    assert "no such migration" in refused.stderr.lower()


def test_configuration_files(run: Run, tmp_path: Path, home: Path) -> None:
    good = tmp_path / "good.toml"
    good.write_text(f'home = "{home}"\n[defaults]\ntenant = "acme"\nuser = "req1"\n')
    assert as_json(run("ask", "VPN token", "--config", good, "--json"))["found"]
    broken = tmp_path / "broken.toml"
    broken.write_text("[database\n")
    assert "not valid TOML" in run("status", "--config", broken, code=78).stderr
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[log]\nlevel = "loud"\n')
    assert "log.level" in run("status", "--config", wrong, code=78).stderr
    assert "does not exist" in run("status", "--config", tmp_path / "none.toml", code=78).stderr


def test_evaluation(run: Run, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.json"
    corpus.write_text(json.dumps([{"item": "A", "article": "<h1>VPN</h1><p>The VPN token is blue.</p>"}]))
    questions = tmp_path / "questions.jsonl"
    questions.write_text(
        json.dumps({"question": "Which colour is the VPN token?", "item": "A", "value": "blue"}) + "\n"
    )
    details = tmp_path / "details.jsonl"
    scores = as_json(
        run("eval", "retrieval", "--corpus", corpus, "--questions", questions, "--details", details, "--json")
    )
    assert (scores["top1"], scores["recall_at_10"], scores["questions"]) == (1.0, 1.0, 1)
    assert json.loads(details.read_text())["ranked"] == ["A"]
    assert "top1" in run("eval", "retrieval", "--corpus", corpus, "--questions", questions).stdout


def test_a_tenant_is_erased_when_it_is_meant(run: Run, tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("# Note\n\nThe safe stands in room 9.\n")
    run("tenant", "create", "short-lived")
    run("ingest", tmp_path, "--tenant", "short-lived")
    assert "is lost" in run("tenant", "delete", "short-lived", stdin="n\n", code=1).output
    assert "short-lived" in run("tenant", "list").stdout
    gone = as_json(run("tenant", "delete", "short-lived", "--yes", "--json"))
    assert gone["rows"] > 5
    assert "short-lived" not in run("tenant", "list").stdout
    assert "no tenant 'short-lived'" in run("tenant", "delete", "short-lived", "--yes", code=66).stderr
    newest, *_ = as_json(run("tenant", "audit", "--json"))
    assert (newest["action"], newest["tenant"]) == ("tenants.delete", "short-lived")
    assert newest["details"]["account"] == gone["account_id"]
    assert "tenants.delete" in run("tenant", "audit").stdout
    assert as_json(run("tenant", "accounts", "--json")) == []


def test_the_demonstration(run: Run, tmp_path: Path) -> None:
    output = run("demo", "--exit", env={"DESKMIND_HOME": str(tmp_path)}).stdout
    assert "0 rows" in output
    assert "The database itself refuses" in output
    answer = output.partition("4. Three connected systems")[2]
    ticket = re.search(r"INC\S+: .* — (http://127\.0\.0\.1:\d+)/", answer)
    assert ticket
    assert {found[:2] for found in re.findall(r"file://\S+/((?:KB|RB)\d+)-", answer)} == {"KB", "RB"}
    assert "5. A new ticket" not in output
    again = run("demo", "--exit", "--story", env={"DESKMIND_HOME": str(tmp_path)}).stdout
    told_of_one_ticket(again)
    answer = again.partition("4. Three connected systems")[2]
    ticket = re.search(r"INC\S+: .* — (http://127\.0\.0\.1:\d+)/", answer)
    assert ticket
    assert f"({ticket[1]}):" in answer, "links lead to where the systems are now"


def told_of_one_ticket(output: str) -> None:
    """The whole story: the order in it is refused, its answer is there once, nothing personal was shown, the log finds an edit."""
    ticket = output.partition("5. A new ticket")[2]
    assert "IBAN" not in ticket.partition("8. What the model")[0]
    for told in (
        "refused: Personal data or secrets may not be given to this tool.",
        "- Print, copy and scan with the pull-print devices",
        "ServiceNow has the comment, here the write is 'claimed'",
        "the write is 'applied', nothing is sent again; comments at ServiceNow: 1",
        "the run is done: INC",
        "The columns of 1 events are not what was sealed of them.",
    ):
        assert told in ticket, told
    assert re.search(r"redacted in \d+ calls: .*EMAIL_ADDRESS, \d+ IBAN_CODE.* PHONE_NUMBER", ticket)
    assert re.search(r"\d+ tokens read, \d+ written: \$0\.00\d+", ticket)
    assert ticket.count("under a checkpoint that holds") == 2


def test_version_and_help(run: Run) -> None:
    assert run("--version").stdout.startswith("deskmind ")
    for command in ("ask", "ingest", "demo", "serve", "worker", "documents"):
        assert command in run("--help").stdout


def _start(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deskmind.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **_SETTINGS, "DESKMIND_HOME": str(home)},
    )


def test_a_worker_ends_on_sigterm(home: Path) -> None:
    process = _start(home, "worker")
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "worker ready" in line
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_worker_whose_home_was_removed_says_so_and_makes_no_new_one(
    prepared_home: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    subprocess.run(["cp", "-a", str(prepared_home), str(home)], check=True)
    process = _start(home, "worker")
    assert process.stderr is not None
    assert "worker ready" in process.stderr.readline()
    home.rename(tmp_path / "elsewhere")  # in one moment, unlike a removal
    _, told = process.communicate(timeout=60)
    assert process.returncode == 69
    assert f"The embedded database in {home} is gone." in told
    assert not home.exists()


def test_serving_ends_on_sigterm(home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = _start(home, "serve", "--port", str(port))
    assert process.stderr is not None
    for line in process.stderr:
        if "running on" in line.lower():
            break
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60) as response:
        assert json.load(response)["status"] == "ready"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
