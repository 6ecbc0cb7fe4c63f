"""The measures of answers: what counts as holding a value, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.evaluation.measures import contains

_WORDS = st.lists(st.from_regex(r"[a-z]{1,6}|[0-9]{1,4}", fullmatch=True), min_size=1, max_size=4)
_BETWEEN = st.sampled_from([" ", "  ", "-", " - ", "\n", "–", ": ", "; ", " (", ") ", "_"])
_AROUND = st.sampled_from(["", ".", "!", "?", '"', "“", "(", ")", ",", "/", " "])


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("Wait 15 minutes, then call.", "5"),
        ("Wait 5 minutes, then call.", "15"),
        ("It needs version 2010.", "10"),
        ("It takes 1.5 hours.", "5"),
        ("It costs 12,500.", "500"),
        ("It is not available for cats and dogs.", "sand"),
        ("The cat's and the dog's.", "sand"),
        ("Restarting helps.", "start"),
        ("An answer.", "-"),
        ("An answer.", ""),
        ("", "an"),
    ],
)
def test_a_part_of_a_number_or_word_is_not_the_value(answer: str, value: str) -> None:
    assert not contains(answer, [value])


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("Wait 15 minutes, then call.", "15"),
        ("Call +1-555-101-2020!", "15551012020"),
        ("Call 001 (555) 101 2020.", "001-555-101-2020"),
        ("It costs $12,500.", "12500"),
        ("It costs 12500 dollars.", "12,500 dollars"),
        ("It takes 1.5 hours.", "1.5"),
        ("Use the e-mail.", "EMAIL"),
        ("The user's mailbox.", "user's mailbox"),
        ("yes/no", "no"),
        ("Room 7, 3rd floor", "room 7 3rd"),
    ],
)
def test_spaces_dashes_case_and_punctuation_do_not_count(answer: str, value: str) -> None:
    assert contains(answer, ["nothing", value])


@given(_WORDS, st.data())
def test_a_value_that_stands_as_words_is_found_however_it_is_spaced(
    words: list[str], data: st.DataObject
) -> None:
    def spaced() -> str:
        return "".join(word + data.draw(_BETWEEN) for word in words[:-1]) + words[-1]

    opening, closing = data.draw(_AROUND), data.draw(_AROUND)
    assert contains(f"before {opening}{spaced().upper()}{closing} after", [spaced()])


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_digits_inside_a_longer_number_are_not_the_value(before: int, value: int, after: int) -> None:
    for text in (
        f"{before}{value}",
        f"{value}{after}",
        f"{before}{value}{after}",
        f"{before}.{value}",
        f"{value},{after}",
    ):
        assert not contains(f"It is {text} so far.", [f"{value}"])
