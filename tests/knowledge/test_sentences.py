"""Splitting passages into what can be quoted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskmind.knowledge.sentences import MAX_UNITS, split_units


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=2000))
def test_offsets_are_exact_and_in_order(text: str) -> None:
    end = 0
    for unit in split_units(text):
        assert text[unit.start : unit.end] == unit.text
        assert unit.start >= end
        assert unit.text
        end = unit.end


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call us. We help.", ["Call us.", "We help."]),
        ("Dr. Voss is in. Ask J. Smith, e.g. by phone.", ["Dr. Voss is in.", "Ask J. Smith, e.g. by phone."]),
        ("Version 2.1 is out! Install it? Yes.", ["Version 2.1 is out!", "Install it?", "Yes."]),
        ("A sentence\nover two lines. Next.", ["A sentence\nover two lines.", "Next."]),
        ("1. Open it.\n2. Close it. Wait.", ["1. Open it.", "2. Close it. Wait."]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [unit.text for unit in split_units(text)] == expected


def test_a_table_row_carries_its_header() -> None:
    units = split_units("| site | phone |\n|---|---|\n| Hull | 0150 |\n\nAfter.")
    assert [(unit.kind, unit.text, unit.context) for unit in units] == [
        ("row", "| site | phone |", ""),
        ("row", "| Hull | 0150 |", "| site | phone |"),
        ("sentence", "After.", ""),
    ]


def test_endless_text_is_cut_and_bounded() -> None:
    assert max(len(unit.text) for unit in split_units("word " * 2000)) <= 600
    assert max(len(unit.text) for unit in split_units("x" * 5000)) <= 600
    assert len(split_units("One. " * 500)) == MAX_UNITS
