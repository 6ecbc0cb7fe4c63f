"""``deskmind prompts`` as a person and a script see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from deskmind.cli.root import app

Run = Callable[..., Result]

TRIAGE = "name: triage\nvariables:\n  ticket:\n    type: string\nmessages:\n- role: user\n  content: 'Sort {{ ticket }}'\n"


@pytest.fixture(scope="module")
def home(running_home: Path) -> Path:
    """With the tenant acme."""
    made = CliRunner().invoke(app, ["tenant", "create", "acme"], env={"DESKMIND_HOME": str(running_home)})
    assert made.exit_code == 0, made.output
    return running_home


@pytest.fixture
def run(home: Path) -> Run:
    def call(*words: str | Path, code: int = 0, stdin: str | None = None) -> Result:
        env = {
            "DESKMIND_HOME": str(home),
            "DESKMIND_KNOWLEDGE_EMBEDDER": "none",
            "DESKMIND_DEFAULTS_TENANT": "acme",
        }
        result = CliRunner().invoke(app, [str(word) for word in words], input=stdin, env=env)
        assert result.exit_code == code, (words, result.output, result.stderr, result.exception)
        return result

    return call


def test_a_prompt_from_file_to_production_and_back(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "triage.yaml"
    file.write_text(TRIAGE)
    assert (
        run("prompts", "save", file, "--label", "production", "-m", "begin").stdout
        == "triage is version 1 (production).\n"
    )
    assert (
        run("prompts", "save", "-", stdin=TRIAGE.replace("Sort", "Rank")).stdout == "triage is version 2.\n"
    )
    assert "+  content: Rank {{ ticket }}" in run("prompts", "diff", "triage", "production", "2").stdout
    assert (
        run("prompts", "label", "triage", "production", "2").stdout == "production of triage is version 2.\n"
    )
    assert run("prompts", "render", "triage", "--set", "ticket=INC1=x").stdout == "── user\nRank INC1=x\n"
    assert run("prompts", "rollback", "triage").stdout == "production of triage is version 1 again.\n"
    rendered = run("prompts", "render", "triage", "--set", 'ticket:="INC2"', "--json").stdout
    assert json.loads(rendered) == [{"role": "user", "content": "Sort INC2"}]

    listed = run("prompts", "list").stdout.splitlines()
    assert listed[0] == "prompt\tnewest\tlabels\tshared\tdescription"
    assert "triage\t2\tproduction → 1\t\t" in listed
    assert any(row.startswith("answer\t0\tproduction → 0\tyes\t") for row in listed)
    shown = run("prompts", "show", "triage").stdout
    assert shown.startswith("# version 1, production by operator, ")
    assert "name: triage" in shown
    versions = json.loads(run("prompts", "show", "triage", "--versions", "--json").stdout)
    assert [(item["version"], item["note"]) for item in versions] == [(2, ""), (1, "begin")]
    history = run("prompts", "show", "triage", "--history").stdout.splitlines()
    assert [row.split("\t")[:3] for row in history[1:]] == [["3", "1", "yes"], ["2", "2", ""], ["1", "1", ""]]


def test_a_folder_goes_out_and_comes_back_unchanged(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    written = run("prompts", "export", "--to", folder).stdout.split()
    assert {Path(file).name for file in written} == {
        "answer.yaml",
        "condense.yaml",
        "judge.yaml",
        "summarise.yaml",
        "triage.yaml",
    }
    assert (folder / "triage.yaml").read_text() == run("prompts", "export", "triage").stdout
    imported = json.loads(run("prompts", "import", folder, "--json").stdout)
    assert {item["name"]: item["version"] for item in imported} == {
        "answer": 1,
        "condense": 1,
        "judge": 1,
        "summarise": 1,
        "triage": 1,
    }
    assert run("prompts", "import", folder).stdout.splitlines()[4] == "triage is version 1 (production)."


def test_mistakes_are_explained(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(TRIAGE.replace("ticket }}", "tickt }}"))
    good = tmp_path / "good.yaml"
    good.write_text(TRIAGE.replace("triage", "fresh"))
    result = run("prompts", "import", tmp_path, code=65)
    assert "Message 1, line 1: 'tickt' is not declared" in result.stderr
    assert "fresh" not in run("prompts", "list").stdout
    assert "has no version 9" in run("prompts", "show", "triage", "-v", "9", code=66).stderr
    assert "needs 'ticket'" in run("prompts", "render", "triage", code=65).stderr
    assert "not JSON" in run("prompts", "render", "triage", "--set", "ticket:=x", code=65).stderr
    assert "sets nothing" in run("prompts", "render", "triage", "--set", "ticket", code=65).stderr
    assert "Where to?" in run("prompts", "export", code=65).stderr
    assert "cannot be read" in run("prompts", "save", tmp_path / "none.yaml", code=65).stderr
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in run("prompts", "save", tmp_path / "latin.yaml", code=65).stderr
    (tmp_path / "empty").mkdir()
    assert "no .yaml file" in run("prompts", "import", tmp_path / "empty", code=65).stderr
    (tmp_path / "a-file").write_text("")
    assert (
        "cannot be written"
        in run("prompts", "export", "triage", "--to", tmp_path / "a-file" / "x", code=65).stderr
    )
    problem = json.loads(run("prompts", "rollback", "triage", "none", "--json", code=66).stderr)
    assert problem["type"] == "urn:deskmind:problem:prompt-not-found"


def test_an_experiment_from_start_to_stop(run: Run) -> None:
    started = run("experiments", "start", "shorter", "triage", "-v", "control=1", "-v", "new=2:3").stdout
    assert started == ("shorter on triage runs: control = version 1, weight 1, new = version 2, weight 3.\n")
    weighed = run("experiments", "weigh", "shorter", "new=0").stdout
    assert "new = version 2, weight 0" in weighed
    assert run("experiments", "show", "shorter").stdout == ""
    report = json.loads(run("experiments", "show", "shorter", "--confidence", "0.9", "--json").stdout)
    assert (report["experiment"], report["running"], report["metrics"]) == ("shorter", True, [])
    assert "shorter on triage has stopped" in run("experiments", "stop", "shorter").stdout
    listed = run("experiments", "list").stdout.splitlines()
    assert listed[1].split("\t")[:3] == ["shorter", "triage", "stopped"]
    assert "has stopped" in run("experiments", "stop", "shorter", code=73).stderr
    assert (
        "is no variant" in run("experiments", "start", "x", "triage", "-v", "a", "-v", "b=1", code=65).stderr
    )
    assert "is no weight" in run("experiments", "weigh", "shorter", "new", code=65).stderr
    assert "no experiment 'none'" in run("experiments", "show", "none", code=66).stderr


def test_a_conversation_continues_on_the_command_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "parking.md").write_text("# Parking\n\nRenew the parking permit in the portal before 15 May.")
    run("ingest", tmp_path)
    run("user", "add", "ann")
    asking = ("--user", "ann", "--json", "--conversation")
    first = json.loads(run("ask", "How do I renew the parking permit?", *asking, "new").stdout)
    second = json.loads(run("ask", "And when?", *asking, first["conversation"]).stdout)
    assert second["conversation"] == first["conversation"]
    assert second["searched"] == "And when? How do I renew the parking permit?"
    assert (second["found"], second["prompt"], second["window"]) == (True, None, None)
    shown = run("ask", "And when?", "--user", "ann", "-c", first["conversation"]).stdout
    assert shown.splitlines()[-1] == f"conversation {first['conversation']}"
    assert "You have no conversation" in run("ask", "And?", *asking, str(uuid4()), code=66).stderr
