"""``deskmind redact`` and ``deskmind eval redaction``."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from deskmind.cli.root import app


def _run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=stdin)


def test_standard_input_comes_out_redacted() -> None:
    result = _run("redact", stdin="Please mail ann@example.com\n")
    assert (result.exit_code, result.stdout) == (0, "Please mail <EMAIL_ADDRESS_1>\n")


def test_each_finding_is_explained_without_its_value(tmp_path: Path) -> None:
    file = tmp_path / "ticket.txt"
    file.write_text("card 4111 1111 1111 1111", encoding="utf-8")
    result = _run("redact", str(file), "--explain")
    assert "checksum of a payment card" in result.stdout
    assert "4111" not in result.stdout


def test_json_lines_keep_their_ids_and_tell_the_spans() -> None:
    text = "mail ann@example.com"
    result = _run(
        "redact", "--json", stdin=json.dumps({"id": "t1", "text": text}) + "\n\n" + json.dumps({"text": "x"})
    )
    first, second = map(json.loads, result.stdout.splitlines())
    span = first["spans"][0]
    assert (first["id"], text[span["start"] : span["end"]], span["type"]) == (
        "t1",
        "ann@example.com",
        "EMAIL_ADDRESS",
    )
    assert 0.9 < span["score"] <= 1
    assert second == {"id": None, "text": "x", "spans": []}


def test_a_line_that_is_no_json_is_named() -> None:
    result = _run("redact", "--json", stdin='{"id": 1, "text": "a"}\nnot json\n')
    assert result.exit_code != 0
    assert "Line 2" in result.stderr


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(b"\xff\xfe\xfa")
    result = _run("redact", str(file))
    assert result.exit_code != 0
    assert "not UTF-8" in result.stderr


def test_scores_of_labelled_texts(tmp_path: Path) -> None:
    file = tmp_path / "labelled.jsonl"
    lines = [
        {
            "text": "mail ann@example.com",
            "spans": [{"start": 5, "end": 20, "type": "EMAIL_ADDRESS"}],
            "template": "a",
        },
        {
            "text": "mail someone",
            "spans": [{"start": 5, "end": 12, "type": "EMAIL_ADDRESS"}],
            "template": "b",
        },
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    scores = json.loads(_run("eval", "redaction", str(file), "--json").stdout)
    assert (scores["by_type"]["email"]["found"], scores["by_type"]["email"]["missed"]) == (1, 1)
    assert (scores["recall"], scores["precision"], scores["f2"]) == (0.5, 1.0, 0.5556)
    assert scores["folds"]["least"] == 0.0
    assert "F2" in scores["scorer"]
    assert "email" in _run("eval", "redaction", str(file)).stdout


def test_a_file_without_labels_says_what_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('[{"text": "x"}]', encoding="utf-8")
    result = _run("eval", "redaction", str(file))
    assert result.exit_code != 0
    assert "labelled texts" in result.stderr


def test_the_public_sentences_are_found_as_the_documentation_says(shared_data: Path) -> None:
    scores = json.loads(
        _run("eval", "redaction", str(shared_data / "pii" / "presidio-synth-v2.json"), "--json").stdout
    )
    assert scores["f2"] >= 0.83
    assert scores["folds"]["least"] >= 0.78
    for kind, least in {
        "email": 0.99,
        "card": 0.99,
        "iban": 0.99,
        "ssn": 0.99,
        "ip": 0.98,
        "phone": 0.9,
    }.items():
        assert scores["by_type"][kind]["f2"] >= least, kind
