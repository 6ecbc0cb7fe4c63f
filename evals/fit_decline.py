"""Fit the confidence of extractive answers: ``python evals/fit_decline.py CORPUS QUESTIONS``.

Each question is asked twice: with every article there (it can be answered), and after its own article was deleted.
Coefficients come from all questions; the curve is cross-validated by item, five folds in ten shuffles, and its
intervals draw whole items. A deleted article leaves some questions answerable, because another one states the same in
passing; so the curve is also given for those whose value no other article holds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deskmind import Deskmind
from deskmind.evaluation.corpus import CorpusDocument, EvaluationQuestion, read_corpus, read_questions
from deskmind.evaluation.measures import contains
from deskmind.evaluation.throwaway import throw_away_desk
from deskmind.knowledge.answering import ExtractiveAnswerer
from deskmind.knowledge.ingest.staging import StagedFile

if TYPE_CHECKING:
    from deskmind.desk import Desk

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]

SHARES = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2)
"""Of the answerable questions that are declined."""

FACTS = {"local": (0, 2, 3, 4, 5), "none": (1, 2, 3, 4, 5)}
"""Which of ``Evidence.facts`` count: similarity replaces coverage where there is an embedder."""

_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Asked:
    """What came of the questions; the first dimension of each array is the question.

    Attributes:
        items: each question's article.
        present: facts with every article there, ``[n, 6]``.
        absent: facts without the question's own article.
        right: whether the answer given without the own article holds the value all the same.
        elsewhere: whether another article holds the value.
    """

    items: list[str]
    present: Matrix
    absent: Matrix
    right: Mask
    elsewhere: Mask


async def ask_twice(corpus: Path, questions: Path, *, embedder: str) -> Asked:
    """Ask each question with its article and without it."""
    documents = {document.key: document for document in read_corpus(corpus)}
    asked = sorted(read_questions(questions), key=lambda question: question.key)
    absent: list[tuple[tuple[float, ...], bool]] = []
    with tempfile.TemporaryDirectory() as home:
        settings = {"knowledge": {"embedder": embedder}, "answer": {"threshold": 0.0}}
        async with (
            Deskmind.open(home=home, **settings) as app,
            throw_away_desk(app, list(documents.values())) as desk,
        ):
            present = [(await _facts(desk, question))[0] for question in asked]
            for key in sorted({question.key for question in asked}):
                await _delete(desk, key)
                absent += [await _facts(desk, question) for question in asked if question.key == key]
                await _restore(desk, documents[key])
    return Asked(
        [question.key for question in asked],
        np.array(present),
        np.array([facts for facts, _ in absent]),
        np.array([right for _, right in absent]),
        np.array([_stands_elsewhere(question, documents.values()) for question in asked]),
    )


async def _facts(desk: Desk, question: EvaluationQuestion) -> tuple[tuple[float, ...], bool]:
    answer = await desk.ask(question.question)
    facts = ExtractiveAnswerer().evidence(question.question, answer.passages).facts
    text = " ".join(sentence.text for sentence in answer.sentences)
    return facts, contains(text, question.values)


async def _delete(desk: Desk, key: str) -> None:
    after = None
    while page := await desk.knowledge.documents(limit=200, after=after):
        for document in page:
            if document.uri == key:
                await desk.knowledge.delete(document.document_id)
        after = page[-1].document_id


async def _restore(desk: Desk, document: CorpusDocument) -> None:
    file = StagedFile(document.key, document.key, document.name, document.content)
    await desk.knowledge.add_files([file], source="evaluation")


def _stands_elsewhere(question: EvaluationQuestion, documents: Sequence[CorpusDocument]) -> bool:
    """Whether an article other than the question's holds one of its values as whole words."""
    values = "|".join(re.escape(value.strip()) for value in question.values if value.strip())
    pattern = re.compile(rf"(?<!\w)(?:{values})(?!\w)", re.IGNORECASE)
    others = (document for document in documents if document.key != question.key)
    return bool(values) and any(
        pattern.search(" ".join(_TAG.sub(" ", document.content.decode("utf-8", "replace")).split()))
        for document in others
    )


def fit(answerable: Matrix, unanswerable: Matrix, *, penalty: float = 0.01, rounds: int = 30) -> Vector:
    """Logistic regression by Newton's method on standardised facts; base first."""
    rows = np.vstack([answerable, unanswerable])
    labels = np.r_[np.ones(len(answerable)), np.zeros(len(unanswerable))]
    mean, spread = rows.mean(0), rows.std(0) + 1e-9
    scaled = np.c_[np.ones(len(rows)), (rows - mean) / spread]
    ridge = penalty * np.diag(np.r_[0.0, np.ones(rows.shape[1])])
    weights = np.zeros(scaled.shape[1])
    for _ in range(rounds):
        predicted = 1 / (1 + np.exp(-(scaled @ weights)))
        slope = scaled.T @ (predicted - labels) / len(labels) + ridge @ weights
        curvature = (scaled.T * (predicted * (1 - predicted))) @ scaled / len(labels) + ridge
        weights -= np.linalg.solve(curvature, slope)
    slopes = weights[1:] / spread
    return np.r_[weights[0] - slopes @ mean, slopes]


def confidences(weights: Vector, rows: Matrix) -> Vector:
    """The probability for each row of facts."""
    return 1 / (1 + np.exp(-(np.c_[np.ones(len(rows)), rows] @ weights)))


def cross_validated(
    items: Sequence[str], answerable: Matrix, unanswerable: Matrix, *, seed: int
) -> tuple[Vector, Vector]:
    """Confidences of each question from a fit on the other folds."""
    unique = sorted(set(items))
    order = np.random.default_rng(seed).permutation(len(unique))
    fold = {unique[place]: number % 5 for number, place in enumerate(order)}
    folds = np.array([fold[item] for item in items])
    inside, outside = np.zeros(len(items)), np.zeros(len(items))
    for number in range(5):
        held = folds == number
        weights = fit(answerable[~held], unanswerable[~held])
        inside[held] = confidences(weights, answerable[held])
        outside[held] = confidences(weights, unanswerable[held])
    return inside, outside


def ranking_quality(inside: Vector, outside: Vector) -> float:
    """The chance that an answerable question has more confidence than an unanswerable one (AUC)."""
    return float(np.mean(inside[:, None] > outside) + np.mean(inside[:, None] == outside) / 2)


def answered(inside: Vector, outside: Vector, counted: Mask) -> Vector:
    """For each of ``SHARES`` the share of unanswerable questions whose confidence passes."""
    thresholds = np.quantile(inside, SHARES)
    return (outside[counted][:, None] >= thresholds).mean(0)


def interval(items: Sequence[str], inside: Vector, outside: Vector, counted: Mask) -> Matrix:
    """95 % bootstrap intervals of ``answered``, ``[2, shares]``; draws whole items."""
    places = [np.flatnonzero(np.array(items) == item) for item in sorted(set(items))]
    draws = np.random.default_rng(7).integers(0, len(places), size=(1000, len(places)))
    rounds: list[Vector] = []
    for draw in draws:
        drawn = np.concatenate([places[number] for number in draw])
        rounds.append(answered(inside[drawn], outside[drawn], counted[drawn]))
    return np.nanpercentile(np.array(rounds), [2.5, 97.5], axis=0)


def summary(asked: Asked, facts: Sequence[int]) -> dict[str, object]:
    """Weights, ranking quality and the curves, each value the mean over ten shuffles of the folds."""
    chosen = list(facts)
    answerable, unanswerable = asked.present[:, chosen], asked.absent[:, chosen]
    weights = fit(answerable, unanswerable)
    spread = np.zeros(asked.present.shape[1] + 1)
    spread[[0, *(place + 1 for place in chosen)]] = weights
    shuffles = [cross_validated(asked.items, answerable, unanswerable, seed=seed) for seed in range(10)]
    inside, outside = (np.mean([shuffle[side] for shuffle in shuffles], axis=0) for side in (0, 1))
    groups = {"all": np.ones(len(asked.items), bool), "value_nowhere_else": ~asked.elsewhere}
    return {
        "weights": [round(float(value), 3) for value in spread],
        "thresholds": dict(
            zip(SHARES, np.quantile(confidences(weights, answerable), SHARES).round(4).tolist(), strict=True)
        ),
        "answered_right_without_article": round(float(asked.right.mean()), 4),
        "curves": {
            name: _curve(asked, shuffles, inside, outside, counted) for name, counted in groups.items()
        },
    }


def _curve(
    asked: Asked, shuffles: Sequence[tuple[Vector, Vector]], inside: Vector, outside: Vector, counted: Mask
) -> dict[str, object]:
    low, high = interval(asked.items, inside, outside, counted)
    means = np.mean([answered(*shuffle, counted) for shuffle in shuffles], axis=0)
    wrong = np.mean([answered(*shuffle, counted & ~asked.right) for shuffle in shuffles], axis=0)
    wrong *= (counted & ~asked.right).sum() / counted.sum()
    return {
        "questions": int(counted.sum()),
        "auc": round(float(np.mean([ranking_quality(a, b[counted]) for a, b in shuffles])), 4),
        "answerable_declined": SHARES,
        "unanswerable_answered": means.round(4).tolist(),
        "interval_95": np.c_[low, high].round(3).tolist(),
        "answered_wrong": wrong.round(4).tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--embedder", default="local", choices=["local", "none"])
    given = parser.parse_args()
    asked = asyncio.run(ask_twice(given.corpus, given.questions, embedder=given.embedder))
    print(json.dumps(summary(asked, FACTS[given.embedder]), indent=1))


if __name__ == "__main__":
    main()
