"""Words to stems to weights."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deskmind.knowledge.lexical import DIMENSIONS, document_weights, query_terms, tokens


def test_word_forms_meet() -> None:
    assert set(tokens("resetting passwords")) & set(tokens("How do I reset my password?")) == {
        "reset",
        "password",
    }


def test_identifiers_are_found_whole_and_in_parts() -> None:
    assert {"kb0010042", "srv-db.example.net", "0x80070005"} <= set(
        tokens("See KB0010042: 0x80070005 on srv-db.example.net")
    )
    assert "exampl" in tokens("srv-db.example.net")


def test_a_rarer_repetition_weighs_less_than_twice() -> None:
    once, twice = document_weights("printer"), document_weights("printer printer")
    (term,) = once
    assert once[term] < twice[term] < 2 * once[term]


def test_a_term_weighs_less_in_a_longer_text() -> None:
    (term,) = query_terms("printer")
    assert document_weights("printer")[term] > document_weights("printer " + "other words here " * 100)[term]


@given(st.text(max_size=500))
def test_numbers_fit_the_vector_and_ascend(text: str) -> None:
    weights = document_weights(text)
    assert list(weights) == sorted(weights)
    assert all(1 <= term < DIMENSIONS and weight > 0 for term, weight in weights.items())
    assert len(query_terms(text)) <= 64
