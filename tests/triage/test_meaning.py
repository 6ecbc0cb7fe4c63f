"""Where an embedder is, tickets of the same meaning count beside shared words; where it is not, words alone do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from tests.triage.tickets import TEAMS, tickets

from deskmind.knowledge.embedding import HashingEmbedder
from deskmind.triage import (
    Embedded,
    TrainingTicket,
    TriageModel,
    digest,
    dump,
    embedded,
    evaluate,
    judge,
    learn,
    load,
    predicted,
)
from deskmind.triage.meaning import Meaning, closeness, votes
from deskmind.triage.model import SURE

SPACE = "meanings_1"
PAST = [
    replace(one, text=f"please help {one.reference[-1]}", labels={"category": one.labels["category"]})
    for one in tickets(120)
]
"""Tickets whose words say nothing."""


def _vectors(some: list[TrainingTicket], seed: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Unit vectors: beside their category's direction, with noise."""
    noise = np.random.default_rng(seed).normal(0, 0.15, (len(some), 12)).astype(np.float32)
    for row, one in zip(noise, some, strict=True):
        row[list(TEAMS).index(one.labels["category"])] += 1
    return noise / np.linalg.norm(noise, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def meant() -> TriageModel:
    return learn(PAST, embedded=Embedded(SPACE, _vectors(PAST)))


def test_meaning_tells_what_words_do_not(meant: TriageModel) -> None:
    vectors = _vectors(PAST, seed=2)
    with_it = judge(meant, PAST, vectors=vectors).evaluations["category"].accuracy
    without = judge(meant, PAST).evaluations["category"].accuracy
    assert with_it > 0.95 > 0.7 > without
    assert {one.by_meaning for one in judge(meant, PAST, vectors=vectors).predictions} == {True}
    assert {one.by_meaning for one in judge(meant, PAST).predictions} == {False}


def test_what_was_embedded_and_what_it_was_worth_is_kept(meant: TriageModel) -> None:
    provenance = meant.provenance
    assert provenance.embedding == SPACE
    assert provenance.evaluation["category"]["accuracy"] > 0.95
    assert provenance.words_only == learn(PAST).provenance.evaluation


def test_a_stored_model_predicts_the_same_with_and_without(meant: TriageModel) -> None:
    data = dump(meant)
    again, texts, vectors = (
        load(data, expected=digest(data)),
        [one.text for one in PAST],
        _vectors(PAST, seed=3),
    )
    assert again.predict(texts, vectors=vectors) == meant.predict(texts, vectors=vectors)
    assert again.predict(texts) == meant.predict(texts)
    assert again.provenance == meant.provenance


def test_a_prediction_does_not_depend_on_what_is_asked_with_it(meant: TriageModel) -> None:
    vectors = _vectors(PAST, seed=4)
    together = meant.predict([one.text for one in PAST[:20]], vectors=vectors[:20])
    alone = [meant.predict([PAST[i].text], vectors=vectors[i : i + 1])[0] for i in range(20)]
    for first, second in zip(together, alone, strict=True):
        assert first.guesses["category"].confidence == pytest.approx(second.guesses["category"].confidence)


def test_tickets_without_a_label_do_not_vote() -> None:
    some = [one if place % 2 else replace(one, labels={"group": "x"}) for place, one in enumerate(PAST)]
    model = learn(some, embedded=Embedded(SPACE, _vectors(PAST)), targets=["category"])
    assert judge(model, PAST, vectors=_vectors(PAST, seed=2)).evaluations["category"].accuracy > 0.95


def test_held_out_tickets_are_judged_with_their_vectors() -> None:
    found = evaluate(PAST, embedded=Embedded(SPACE, _vectors(PAST)))
    assert found.evaluations["category"].accuracy > 0.9


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(2, 40), st.integers(1, 5)), elements=st.floats(-1, 1, width=32)
    )
)
def test_votes_are_shares_whatever_the_vectors(
    vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> None:
    meaning = Meaning.of(vectors)
    numbers = np.arange(len(vectors)) % 2
    said = (
        np.exp(votes(closeness(meaning.along(vectors), meaning.tickets.astype(np.float32)), numbers, 2))
        - 0.02
    )
    assert np.all(said >= -1e-6)
    assert said.sum(axis=1) == pytest.approx(1, abs=1e-4)


class _Asked(HashingEmbedder):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        self.texts.append(text)
        return await super().embed_query(text)


async def test_only_texts_whose_words_leave_a_doubt_are_embedded() -> None:
    embedder = _Asked()
    known = tickets(120)
    past = await embedded(embedder, [one.text for one in known])
    model = learn(known, embedded=past, targets=["category"])
    texts = ["vpn tunnel drops, please help", "monitor flickers again", "it is urgent, thank you"]
    said = await predicted(model, embedder, texts)
    alone = [one.guesses["category"].confidence for one in model.predict(texts)]
    assert embedder.texts == [text for text, chance in zip(texts, alone, strict=True) if chance < SURE]
    assert [one.by_meaning for one in said] == [text in embedder.texts for text in texts]
    assert 0 < len(embedder.texts) < len(texts)
    whole = model.predict(texts, vectors=(await embedded(HashingEmbedder(), texts)).vectors)
    assert [one.guesses["category"].label for one in said] == [one.guesses["category"].label for one in whole]
