"""Placeholders: the same for the same value, back in place at the end, in streams and JSON too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import ContentBlockedError, InvalidRequestError
from deskmind.governance.redaction import (
    Action,
    EntityType,
    Finding,
    PatternDetector,
    Prepared,
    RedactionPolicy,
    Redactor,
)

_REDACTOR = Redactor([PatternDetector()])
_DATA = st.sampled_from(
    [
        "ann@example.com",
        "bob@example.com",
        "+44 7700 900318",
        "4111 1111 1111 1111",
        "<EMAIL_ADDRESS_1>",
        "<PHONE_",
        "10.1.2.3",
    ]
)
_TEXTS = st.lists(st.one_of(_DATA, st.text(max_size=20)), max_size=12).map(" ".join)


def test_a_value_has_one_placeholder_over_several_texts() -> None:
    session = _REDACTOR.session()
    first = session.protect("ann@example.com and bob@example.com")
    second = session.protect("Again ANN@example.com")
    assert first == "<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_2>"
    assert second == "Again <EMAIL_ADDRESS_1>"
    assert session.counts == {"EMAIL_ADDRESS": 2}


def test_passwords_that_differ_in_case_are_two() -> None:
    session = _REDACTOR.session()
    text = "password: Winter22 and then password: winter22"
    assert session.protect(text) == "password: <PASSWORD_1> and then password: <PASSWORD_2>"
    assert session.restore(session.protect(text)) == text


def test_what_the_text_had_of_its_own_is_nobodys_value() -> None:
    session = _REDACTOR.session()
    assert (
        session.protect("<EMAIL_ADDRESS_1> is not ann@example.com")
        == "<EMAIL_ADDRESS_1> is not <EMAIL_ADDRESS_2>"
    )
    assert session.restore("<EMAIL_ADDRESS_1>") == "<EMAIL_ADDRESS_1>"


@given(_TEXTS)
def test_what_was_replaced_comes_back(text: str) -> None:
    session = _REDACTOR.session()
    assert session.restore(session.protect(text)) == text


@given(_TEXTS, st.lists(st.integers(0, 300), max_size=30))
def test_a_stream_may_be_cut_anywhere(text: str, cuts: list[int]) -> None:
    session = _REDACTOR.session()
    protected = session.protect(text)
    edges = sorted({0, len(protected), *(cut for cut in cuts if cut < len(protected))})
    restorer = session.restorer()
    shown = "".join(restorer.feed(protected[start:end]) for start, end in pairwise(edges)) + restorer.finish()
    assert shown == text


def test_only_what_may_be_a_placeholder_is_held_back() -> None:
    restorer = _REDACTOR.session().restorer()
    assert restorer.feed("a < b and <PERS") == "a < b and "
    assert restorer.feed("ON is a tag") == "<PERSON is a tag"


def test_inside_json_values_are_escaped() -> None:
    redactor = Redactor(policy=RedactionPolicy())
    session = redactor.session()
    name = session.placeholder(EntityType.ADDRESS, '1 "Old" Road\nCork')
    arguments = json.dumps({"address": f"to {name}"})
    assert json.loads(session.restore_json(arguments)) == {"address": 'to 1 "Old" Road\nCork'}
    restorer = session.restorer(in_json=True)
    assert json.loads("".join(map(restorer.feed, arguments)) + restorer.finish()) == {
        "address": 'to 1 "Old" Road\nCork'
    }


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.MASK, "to <EMAIL_ADDRESS>"),
        (Action.ALLOW, "to ann@example.com"),
        (Action.PLACEHOLDER, "to <EMAIL_ADDRESS_1>"),
    ],
)
def test_the_policy_decides(action: Action, expected: str) -> None:
    redactor = Redactor([PatternDetector()], policy=RedactionPolicy({EntityType.EMAIL: action}))
    assert redactor.redact("to ann@example.com").text == expected


def test_hashes_tell_values_apart_and_depend_on_the_key() -> None:
    policy = RedactionPolicy(default=Action.HASH)
    one = Redactor([PatternDetector()], policy=policy, hash_key=b"1" * 32)
    other = Redactor([PatternDetector()], policy=policy, hash_key=b"2" * 32)
    text = one.redact("ann@example.com Ann@example.com bob@example.com").text.split()
    assert text[0] == text[1] != text[2]
    assert other.redact("ann@example.com").text != text[0]


def test_a_refused_type_is_named_and_its_value_is_not() -> None:
    redactor = Redactor([PatternDetector()], policy=RedactionPolicy({EntityType.CARD: Action.BLOCK}))
    with pytest.raises(ContentBlockedError) as refused:
        redactor.redact("pay with 4111 1111 1111 1111")
    assert "CREDIT_CARD" in str(refused.value)
    assert "4111" not in json.dumps(refused.value.problem())


def test_names_of_types_and_actions_are_checked() -> None:
    policy = RedactionPolicy.parse({"person": "mask"}, default="hash")
    assert policy.action(EntityType.PERSON) is Action.MASK
    assert policy.action(EntityType.IP) is Action.HASH
    for wrong in ({"nobody": "mask"}, {"PERSON": "shred"}):
        with pytest.raises(InvalidRequestError, match="Known"):
            RedactionPolicy.parse(wrong)


class _Listed:
    """Finds words as they are given; what stands in a text of its own only where it is listed for that text."""

    name = "listed"

    def __init__(self, listed: dict[str, list[str]]) -> None:
        self._listed = listed

    def find(self, prepared: Prepared) -> Iterator[Finding]:
        for value in self._listed.get(prepared.text, ()):
            start = prepared.text.index(value)
            yield Finding(start, start + len(value), EntityType.PERSON, 0.8, "listed", self.name)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["Anna Kowalska"], [], "hi <PERSON_1>, annabel and ANNA KOWALSKA"),
        (["Anna Kowalska"], ["Anna"], "hi <PERSON_1>, annabel and ANNA KOWALSKA"),
        (["Kowalska"], ["Anna Kowalska"], "hi <PERSON_1>, annabel and ANNA KOWALSKA"),
        (["it"], [], "hi Anna Kowalska, annabel and ANNA KOWALSKA"),
    ],
)
def test_what_is_found_in_one_text_is_replaced_whole_in_the_others(
    first: list[str], second: list[str], expected: str
) -> None:
    """A longer value is never left in part; ordinary words and other words' parts are not touched."""
    one, other = "Anna Kowalska did it", "hi Anna Kowalska, annabel and ANNA KOWALSKA"
    session = Redactor([_Listed({one: first, other: second})]).session()
    assert session.protect_all([one, other])[other] == expected


def test_allowed_values_are_not_looked_for_elsewhere() -> None:
    policy = RedactionPolicy({EntityType.PERSON: Action.ALLOW})
    redactor = Redactor([_Listed({"by Example": ["Example"]}), PatternDetector()], policy=policy)
    texts = redactor.session().protect_all(["by Example", "to ann@example.com Example"])
    assert texts["to ann@example.com Example"] == "to <EMAIL_ADDRESS_1> Example"
