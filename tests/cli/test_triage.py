"""``deskmind triage`` on CSV files and for a tenant."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.triage.tickets import tickets
from typer.testing import CliRunner, Result

from deskmind.cli.root import app


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def _file(path: Path, count: int, seed: int) -> Path:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["number", "text", "category", "group", "created_at", "one"])
    for one in tickets(count, seed=seed):
        writer.writerow([one.reference, one.text, *one.labels.values(), one.created_at, "always"])
    data = out.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


@pytest.fixture(scope="module", autouse=True)
def hashing() -> Iterator[None]:
    """The embedder that needs no weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "hashing")
        yield


@pytest.fixture(scope="module")
def folder(hashing: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files to learn from and to predict, and a model."""
    made = tmp_path_factory.mktemp("triage")
    _file(made / "past.csv.gz", 160, 1)
    _file(made / "new.csv", 60, 2)
    trained = _run(
        "triage", "train", "--csv", str(made / "past.csv.gz"), "--text-column", "text",
        "--label-column", "category", "--output", str(made / "model"), "--json",
    )  # fmt: skip
    assert trained.exit_code == 0, trained.output
    told = json.loads(trained.stdout)
    assert (told["tickets"], told["embedding"].partition("_")[0]) == (160, "hashing")
    return made


def test_predictions_are_the_rows_with_three_columns_more(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = _run(
        "triage", "predict", "--csv", str(folder / "new.csv"), "--model", str(folder / "model"),
        "--output", str(out), "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    given = _rows(folder / "new.csv")
    rows = _rows(out)
    assert list(rows[0]) == [*given[0], "label", "confidence", "abstained"]
    assert [{name: row[name] for name in given[0]} for row in rows] == given
    right = sum(row["label"] == row["category"] for row in rows) / len(rows)
    told = json.loads(done.stdout)
    assert right > 0.85
    assert told["evaluation"]["category"]["accuracy"] == pytest.approx(right, abs=1e-3)
    assert told["abstained"] == sum(row["abstained"] == "true" for row in rows)
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)


def test_a_file_without_labels_is_predicted_too(folder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("text,label\nvpn tunnel drops,mine\n", encoding="utf-8")
    out = tmp_path / "out.csv"
    done = _run(
        "triage", "predict", "--csv", str(bare), "--text-column", "text", "--label-column", "category",
        "--model", str(folder / "model"), "--output", str(out),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (row,) = _rows(out)
    assert (row["label"], row["predicted_label"]) == ("mine", "Network")


def test_one_ticket_on_the_command_line_is_explained(folder: Path) -> None:
    done = _run("triage", "predict", "VPN tunnel drops!", "--model", str(folder / "model"), "--json")
    (said,) = json.loads(done.stdout)
    assert said["guesses"]["category"]["label"] == "Network"
    assert said["guesses"]["category"]["terms"]
    assert said["neighbours"]


def test_without_its_embedder_a_model_predicts_by_words_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vague = "it is urgent, thank you"  # of whose words alone no model is sure
    words = ["triage", "predict", vague, "--model", str(folder / "model"), "--json"]
    (with_it,) = json.loads(_run(*words).stdout)
    monkeypatch.setenv("DESKMIND_KNOWLEDGE_EMBEDDER", "none")
    done = _run(*words)
    (without,) = json.loads(done.stdout)
    assert (with_it["by_meaning"], without["by_meaning"]) == (True, False)
    assert "words_only" in done.stderr, "it is told why the confidence differs"


def test_words_alone_on_wish(folder: Path, tmp_path: Path) -> None:
    past, made = str(folder / "past.csv.gz"), str(tmp_path / "bare")
    done = _run("triage", "train", "--csv", past, "--no-embed", "--model", made)
    assert "by words alone" in done.stdout
    (said,) = json.loads(_run("triage", "predict", "VPN tunnel drops!", "--model", made, "--json").stdout)
    assert not said["by_meaning"]


def test_the_default_model_is_in_the_data_folder(folder: Path, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    past, new = str(folder / "past.csv.gz"), str(folder / "new.csv")
    assert _run("triage", "train", "--csv", past, "--label-column", "group", "--home", home).exit_code == 0
    assert (tmp_path / "home" / "triage" / "model.json").is_file()
    done = _run("triage", "predict", "--csv", new, "--home", home)
    assert done.exit_code == 0
    assert "net-ops" in done.stdout


def test_evaluation_on_held_out_tickets(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "held.csv"
    past, new = str(folder / "past.csv.gz"), str(folder / "new.csv")
    held = _run("triage", "evaluate", "--csv", past, "--output", str(out), "--json")
    found = json.loads(held.stdout)["category"]
    assert found["tickets"] == 32 == len(_rows(out))
    assert {"accuracy", "macro_f1", "calibration_error", "accuracy_at_80", "classes", "confusion"} <= set(
        found
    )
    other = _run("triage", "evaluate", "--csv", past, "--test", new, "--json")
    assert json.loads(other.stdout)["category"]["tickets"] == 60
    table = _run("triage", "evaluate", "--csv", new, "--model", str(folder / "model"))
    assert "taken for" in table.stdout
    assert "Network" in table.stdout


def test_several_targets_have_their_columns_each(folder: Path, tmp_path: Path) -> None:
    both, out = str(tmp_path / "both"), tmp_path / "out.csv"
    past, new = str(folder / "past.csv.gz"), str(folder / "new.csv")
    labels = ["--label-column", "category", "--label-column", "group"]
    assert _run("triage", "train", "--csv", past, *labels, "--model", both).exit_code == 0
    assert _run("triage", "predict", "--csv", new, "--model", both, "--output", str(out)).exit_code == 0
    (header, *_) = out.read_text("utf-8").splitlines()
    assert header.endswith(
        "category_label,category_confidence,category_abstained,group_label,group_confidence,group_abstained"
    )


def test_duplicates_and_clusters_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    lines = [f"S{place},outlook: mail server not found,2026-05-04T09:0{place}:00" for place in range(5)]
    file.write_text(
        "\n".join(["number,text,created_at", *lines, "T1,new laptop,2026-05-04T09:00:00Z"]), "utf-8"
    )
    options = ["--csv", str(file), "--reference-column", "number", "--json"]
    (group,) = json.loads(_run("triage", "duplicates", *options).stdout)
    (cluster,) = json.loads(_run("triage", "clusters", *options).stdout)
    assert group["references"] == cluster["references"] == ["S0", "S1", "S2", "S3", "S4"]
    assert cluster["first_at"] == "2026-05-04T09:00:00+00:00"


def test_one_huge_and_one_empty_text_among_others_are_taken(folder: Path, tmp_path: Path) -> None:
    strange, out = tmp_path / "strange.csv", tmp_path / "out.csv"
    strange.write_text(f'text\n{"vpn tunnel drops " * 12_000}\n" "\n', "utf-8")
    assert strange.stat().st_size > 200_000
    done = _run(
        "triage", "predict", "--csv", str(strange), "--model", str(folder / "model"), "--output", str(out)
    )
    assert done.exit_code == 0, done.output
    huge, empty = _rows(out)
    assert (huge["label"], huge["abstained"], empty["abstained"]) == ("Network", "false", "true")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["predict"], "What is to be predicted?"),
        (["predict", "x", "--model", "/nowhere"], "no triage model"),
        (["train", "--csv", "/nowhere.csv"], "cannot be read"),
        (["train", "--csv", "{new}", "--label-column", "colour"], "no column 'colour'"),
        (["train", "--csv", "{empty}"], "no rows"),
        (["train", "--csv", "{binary}"], "cannot be read"),
        (["train", "--csv", "{latin}"], "no UTF-8"),
        (["train", "--csv", "{semicolons}"], "not with semicolons"),
        (["train", "--csv", "{more}"], "Line 2 has 3 fields, and the header has 2"),
        (["train", "--csv", "{twice}"], "two columns 'text'"),
        (["train", "--csv", "{textless}"], "empty in every row"),
        (["train", "--csv", "{new}", "--label-column", "one"], "too few tickets to learn 'one'"),
        (["train", "--csv", "{new}", "--label-column", "category", "--label-column", "one"], "'one'"),
        (["train", "--tenant", "acme", "--model", "m"], "kept in the database"),
        (["predict", "vpn", "--output", "out.csv"], "no rows to write"),
        (["clusters", "--csv", "{new}", "--time-column", "text"], "no time"),
    ],
)
def test_what_cannot_be_done_is_said(words: list[str], told: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("text,category\n", "utf-8")
    (tmp_path / "binary.csv").write_bytes(b"\x1f\x8b\x08not gzip")
    (tmp_path / "latin.csv").write_bytes("text,category\nKüche,Network\n".encode("latin-1"))
    (tmp_path / "semicolons.csv").write_text("text;category\nvpn;Network\n", "utf-8")
    (tmp_path / "more.csv").write_text("text,category\nprinter, second floor,Hardware\n", "utf-8")
    (tmp_path / "twice.csv").write_text("text,text\na,b\n", "utf-8")
    (tmp_path / "textless.csv").write_text("text,category\n,Network\n,Access\n", "utf-8")
    places = {path.stem: str(path) for path in tmp_path.glob("*.csv")}
    done = _run("triage", *(word.format(new=folder / "new.csv", **places) for word in words))
    assert done.exit_code not in (0, 1)
    assert told in " ".join(done.stderr.split())
