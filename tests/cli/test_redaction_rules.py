"""``deskmind redaction``: a tenant's own patterns, actions and names, from the command line to redacted text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deskmind.cli.root import app as command

Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(desk_home: Path, app: object) -> Run:
    """Runs commands for a tenant of their own."""
    del app  # keeps the home's server running
    env = {
        "DESKMIND_HOME": str(desk_home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_DEFAULTS_TENANT": "rules-cli",
    }

    def call(*words: str, code: int = 0, stdin: str | None = None) -> str:
        result = CliRunner().invoke(command, list(words), env=env, input=stdin)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr

    call("tenant", "create", "rules-cli")
    return call


def test_a_pattern_from_the_command_line_to_a_redacted_text(run: Run) -> None:
    run("redaction", "patterns", "add", "badge", "QX-[0-9]{4}")
    assert json.loads(run("redaction", "patterns", "list", "--json")) == [
        {"name": "badge", "regex": "QX-[0-9]{4}", "type": "EMPLOYEE_ID", "score": 0.9}
    ]
    assert run("redact", "--tenant", "rules-cli", "--text", "QX-4711").strip() == "<EMPLOYEE_ID_1>"
    assert run("redact", "--text", "QX-4711").strip() == "QX-4711"
    run("redaction", "patterns", "remove", "badge")
    assert run("redact", "-t", "rules-cli", "--text", "QX-4711").strip() == "QX-4711"


def test_an_expression_is_tried_before_it_is_added(run: Run) -> None:
    assert "QX-4711" in run("redaction", "patterns", "test", "QX-[0-9]{4}", "--text", "it is QX-4711")
    assert (
        json.loads(run("redaction", "patterns", "test", "QX-[0-9]{4}", "--json", stdin="it is no badge"))
        == []
    )
    assert "repetition within a repetition" in run(
        "redaction", "patterns", "test", "(a+)+", "--text", "a", code=65
    )
    assert "repetition within a repetition" in run("redaction", "patterns", "add", "bad", "(a+)+", code=65)


def test_actions_and_names_of_the_tenant(run: Run, tmp_path: Path) -> None:
    run("redaction", "actions", "set", "email_address", "mask")
    assert {"type": "EMAIL_ADDRESS", "action": "mask"} in json.loads(
        run("redaction", "actions", "list", "--json")
    )
    names = tmp_path / "names.txt"
    names.write_text("KX-PRN-9\n\nKX-PRN-10\n", encoding="utf-8")
    run(
        "redaction",
        "directory",
        "add",
        "--file",
        str(names),
        "--type",
        "HOST_NAME",
        "--source",
        "cmdb",
        "--replace",
    )
    run("redaction", "directory", "add", "Ixquia Tlaloc")
    assert "KX-PRN-10" in run("redaction", "directory", "list", "--source", "cmdb")
    shown = run("redact", "-t", "rules-cli", "--text", "tlaloc IXQUIA, kx-prn-9, ann@example.com")
    assert shown.strip() == "<PERSON_1>, <HOST_NAME_1>, <EMAIL_ADDRESS>"
    run("redaction", "directory", "remove", "Ixquia Tlaloc")
    assert "Tlaloc" not in run("redaction", "directory", "list")
    run("redaction", "actions", "set", "EMAIL_ADDRESS", "default")


def test_the_model_is_asked_where_wanted(run: Run, tmp_path: Path) -> None:
    assert run("redact", "--ner", "--text", "the pw of kwame mensah").strip() == "the pw of <PERSON_1>"
    labelled = json.dumps(
        {"text": "the pw of kwame mensah", "spans": [{"start": 10, "end": 22, "type": "PERSON"}]}
    )
    file = tmp_path / "labelled.jsonl"
    file.write_text(labelled, encoding="utf-8")
    assert json.loads(run("eval", "redaction", str(file), "--ner", "--json"))["recall"] == 1.0
