"""The threat model: every test it names exists, and no risk of the lists is left out."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
NAMED = re.compile(r"\[`(?P<test>test_\w+)`\]\(\.\./(?P<file>tests/[\w/]+\.py)\)")


def test_every_test_that_shows_a_control_exists() -> None:
    named = [(match["file"], match["test"]) for match in NAMED.finditer(PAGE.read_text("utf-8"))]
    gone = [
        f"{file}::{test}"
        for file, test in named
        if not re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.M)
    ]
    assert len(named) > 80
    assert gone == []


def test_every_named_test_is_a_link_that_is_checked() -> None:
    text = PAGE.read_text("utf-8")
    assert len(re.findall(r"`test_\w+", text)) == len(NAMED.findall(text))


def test_no_risk_is_left_out_and_each_has_a_control_that_a_test_shows() -> None:
    text = PAGE.read_text("utf-8")
    parts = {part.split()[0]: part for part in re.split(r"^### ", text, flags=re.M)[1:]}
    assert [*parts] == [f"LLM{number:02d}" for number in range(1, 11)]
    assert [name for name, part in parts.items() if not NAMED.search(part.split("\n## ")[0])] == []
    rows = dict(re.findall(r"^\| (ASI\d\d) (.*)$", text, re.M))
    assert [*rows] == [f"ASI{number:02d}" for number in range(1, 11)]
    assert [name for name, row in rows.items() if not NAMED.search(row)] == []


def test_every_control_of_a_table_names_a_test() -> None:
    """Under a heading "shown by" no cell is empty of tests."""
    lines = PAGE.read_text("utf-8").splitlines()
    controls, inside = [], False
    for line in lines:
        if line.startswith("|") and "shown by" in line:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and "---" not in line:
            controls.append(line)
    assert controls
    assert [line for line in controls if not NAMED.search(line)] == []
