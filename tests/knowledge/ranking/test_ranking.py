"""Fusing and reranking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.knowledge.models import Passage
from deskmind.knowledge.ranking import SentenceReranker, analyse, fuse

_SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1, 1), max_size=8)


def passage(
    name: str, score: float, dense: float | None = None, sentences: tuple[float, ...] = ()
) -> Passage:
    """A passage of a document of its own."""
    return Passage(name, name, name, name, (), name, 0, 1, score, dense, None, {}, sentences)


@given(_SCORES, st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 50), max_size=8))
def test_fusion_ranks_every_chunk_once_best_first(dense: dict[str, float], lexical: dict[str, float]) -> None:
    ranked = fuse(dense, lexical)
    assert {chunk for chunk, _ in ranked} == dense.keys() | lexical.keys()
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)
    assert all(-1e-9 <= score <= 1 + 1e-9 for _, score in ranked)


def test_both_sides_count() -> None:
    assert fuse({"a": 0.5, "b": 0.5}, {"b": 3.0})[0][0] == "b"
    assert fuse({"a": 0.9, "b": 0.2}, {"b": 3.0})[0][0] == "a"
    assert fuse({}, {"a": 2.0, "b": 4.0}) == [("b", 1.0), ("a", 0.5)]
    assert fuse({"b": 0.4, "a": 0.4}, {}) == [("a", pytest.approx(0.28)), ("b", pytest.approx(0.28))]


async def test_a_passage_with_one_fitting_sentence_rises() -> None:
    vague = passage("vague", 0.50, 0.6, (0.3, 0.4))
    exact = passage("exact", 0.45, 0.5, (0.1, 0.9))
    ranked = await SentenceReranker().rerank(analyse("q"), [vague, exact])
    assert [item.document_id for item in ranked] == ["exact", "vague"]
    assert all(0 <= item.score <= 1 for item in ranked)


async def test_without_sentences_the_order_stays() -> None:
    given_order = [passage("a", 0.5), passage("b", 0.4)]
    assert await SentenceReranker().rerank(analyse("q"), given_order) == given_order


def test_a_question_is_folded() -> None:
    assert analyse("  how \n do I?  ").text == "how do I?"
