"""Words to stems to weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from deskmind.knowledge import lexical
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


def test_threads_do_not_mix_their_words() -> None:
    """Ingest stems in several threads while questions are stemmed in another."""
    endings = ("ations", "ingly", "edness", "ies", "fulness")
    texts = [
        " ".join(
            f"thr{chr(97 + text)}{chr(97 + word % 26)}{word // 26}x{endings[word % 5]}" for word in range(400)
        )
        for text in range(24)
    ]
    with ThreadPoolExecutor(8) as threads:
        at_once = list(threads.map(tokens, texts))
    for cache in (lexical._stem, lexical._stems):
        cache.cache_clear()
    assert at_once == [tokens(text) for text in texts]
