"""A how-to question is answered with steps of one list, in order, within the limits of an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.knowledge.answering import ExtractiveAnswerer
from deskmind.knowledge.answering.steps import asks_how, numbered_lists, window
from deskmind.knowledge.models import Answer, Passage
from deskmind.knowledge.sentences import split_units

_LIST = """\
The gateway client needs the certificate of your laptop.

1. Open the software centre.
2. Choose the gateway client.

   Note: it takes a minute.
   - It is 80 MB.
3. Restart the laptop.
4. Sign in with your badge.
5. Open the gateway client and choose Connect.
"""


def _passage(text: str, *scores: float, document: str = "d1", rank: int = 0) -> Passage:
    """A passage; ``scores`` are the similarities of its first units."""
    units = len(split_units(text))
    similar = (*scores, *[0.3] * units)[:units]
    return Passage(
        f"c{rank}", document, "Gateway", "u", (), text, 0, len(text), 0.8 - rank / 100, 0.6, 2.0, {}, similar
    )


async def _ask(question: str, *passages: Passage) -> Answer:
    return await ExtractiveAnswerer(threshold=0.0).answer(question, passages, embedder=None)


async def test_the_first_steps_are_told_in_order() -> None:
    answer = await _ask("How do I install the gateway client?", _passage(_LIST, 0.9))
    assert [sentence.text for sentence in answer.sentences] == [
        "1. Open the software centre.",
        "2. Choose the gateway client.",
        "3. Restart the laptop.",
    ]
    assert [citation.quote for citation in answer.citations] == [item.text for item in answer.sentences]


async def test_a_step_that_stands_out_is_told_with_those_before_it() -> None:
    places = [place for place, unit in enumerate(split_units(_LIST)) if unit.text.startswith("5.")]
    scores = [0.3] * places[0] + [0.95]
    answer = await _ask("How do I connect with the gateway client?", _passage(_LIST, *scores))
    assert [sentence.text[:2] for sentence in answer.sentences] == ["3.", "4.", "5."]


async def test_the_list_of_the_best_document_is_told_though_another_has_sentences_like_the_question() -> None:
    lead = _passage("The gateway client is installed by yourself.", 0.9)
    other = _passage("How the gateway client is installed was announced.", 0.95, document="d2", rank=1)
    steps = _passage(_LIST, rank=2)
    answer = await _ask("How do I install the gateway client?", lead, other, steps)
    assert {citation.document_id for citation in answer.citations} == {"d1"}
    assert answer.text.startswith("1. Open the software centre. [1]\n2. Choose")


async def test_other_questions_and_other_texts_are_answered_as_before() -> None:
    asked = await _ask("Why does the gateway need a certificate?", _passage(_LIST, 0.9))
    assert asked.sentences[0].text == "The gateway client needs the certificate of your laptop."
    plain = await _ask("How do I reach the desk?", _passage("Call the desk. It is open until 20:00.", 0.9))
    assert plain.sentences[0].text == "Call the desk."
    phone = "How do I reach the desk? Answer with the phone number."
    number = await _ask(
        phone, _passage(_LIST), _passage("Call +44 20 7946 0100.", 0.9, document="d1", rank=1)
    )
    assert "+44 20 7946 0100" in number.text


@pytest.mark.parametrize(
    ("question", "how"),
    [
        ("How do I reset it?", True),
        ("The label is blank, how can we calibrate the printer?", True),
        ("how to join a call", True),
        ("What should I do with a found stick?", True),
        ("How long does it take?", False),
        ("How many users may join?", False),
        ("Who can tell me?", False),
    ],
)
def test_what_asks_for_a_way(question: str, how: bool) -> None:
    assert asks_how(question) == how


def test_lists_inside_steps_and_bullets_are_lists_of_their_own_or_none() -> None:
    text = "1. One\n   1. Inner one\n   2. Inner two\n2. Two\n- Bullet\n3. Three\n\n7. Alone"
    units = split_units(text)
    found = [[units[place].text for place in steps] for steps in numbered_lists(units)]
    assert found == [["1. One", "2. Two", "3. Three"], ["1. Inner one", "2. Inner two"]]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.data())
def test_a_window_holds_the_best_step_and_keeps_the_limits(sizes: list[int], data: st.DataObject) -> None:
    best = data.draw(st.integers(0, len(sizes) - 1))
    told = window(sizes, best, most=3, words=80)
    assert best in told
    assert len(told) <= 3
    assert sum(sizes[place] for place in told) <= 80
    earlier = [start for start in range(max(0, best - 2), told.start) if sum(sizes[start : best + 1]) <= 80]
    assert not earlier
