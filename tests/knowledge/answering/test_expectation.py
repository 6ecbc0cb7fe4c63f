"""What a question expects: a kind of value, its own words, a thing it names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.knowledge.answering.expectation import Expectation
from deskmind.knowledge.lexical import tokens

_LINES = st.text(alphabet="aBc 19?.$%#'-é\n", max_size=200)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What share of tickets is reopened? Answer with a percentage.", "Of all tickets 7 % are reopened."),
        ("How much does a spare laptop cost? Answer in dollars.", "A spare laptop is $900."),
        ("In what year did the help desk open?", "The help desk opened its doors in 1998."),
        ("What is the hotline?", "Call +44 20 7946 0000 day and night."),
        ("To which e-mail address do I write?", "Write to desk@example.com."),
        ("How many printers stand on floor 3?", "There are eight printers on floor 3."),
        ("Who approves changes? Give the full name.", "Changes are approved by Ada Byron."),
        ("How do I find the phone number of a colleague?", "Open the directory and search for them."),
        ("Why is the printer out of order?", "The drum is worn."),
        ("Is the printer working?", "The printer works again."),
    ],
)
def test_a_text_with_the_value_asked_for_will_do(question: str, text: str) -> None:
    assert Expectation.of(question).met_by(text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What share of tickets is reopened? Answer with a percentage.", "Some tickets are reopened."),
        ("How much does a spare laptop cost? Answer in dollars.", "A spare laptop is on shelf 900."),
        ("In what year did the help desk open?", "The help desk opens at 8."),
        ("How many printers stand on floor 3?", "The printers on floor 3 are new."),
        ("Who approves changes? Give the full name.", "Changes are approved by the board."),
        ("Who leads Facilities? Give the name.", "This team is called Facilities."),
    ],
)
def test_a_text_without_it_or_with_the_question_s_own_will_not(question: str, text: str) -> None:
    assert not Expectation.of(question).met_by(text)


def test_the_instruction_on_the_form_is_not_what_a_question_is_about() -> None:
    bare, instructed = (
        Expectation.of("Which printer is nearest?"),
        Expectation.of("Which printer is nearest? Answer with one word, such as HP4."),
    )
    assert (bare.focus, bare.names) == (instructed.focus, instructed.names)
    assert bare.missing("The nearest device is the printer on the left.") == 0
    assert bare.missing("The nearest exit is on the left.") == 1


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How do I reset my password?", False),
        ("What can I do when it rains?", False),
        ("Who manages Office 12?", True),
        ("A-561: where is it?", True),
        ("how do I open vpn2?", True),
    ],
)
def test_capitals_inside_a_sentence_codes_and_numbers_are_names(question: str, names: bool) -> None:
    assert Expectation.of(question).names is names


@given(_LINES, _LINES, _LINES)
def test_more_text_never_misses_more(question: str, text: str, more: str) -> None:
    expected = Expectation.of(question)
    assert expected.missing(f"{text} \n{more}") <= expected.missing(text)
    assert expected.missing(question) == 0
    assert expected.focus <= set(tokens(question))


@given(st.sampled_from(["How many seats has room A-5?", "Who runs it? Give the name."]), _LINES)
def test_repeating_the_question_answers_nothing(question: str, text: str) -> None:
    expected = Expectation.of(question)
    assert not expected.met_by(question.lower())
    if expected.met_by(text):
        assert expected.met_by(f"{text}\n{question}")
