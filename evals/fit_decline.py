"""Fit the confidence of extractive answers: ``python evals/fit_decline.py CORPUS QUESTIONS``.

Each question counts twice: with every article there (it can be answered), and with its own article's passages taken
out (it cannot). Coefficients come from all questions; the curve printed is cross-validated in five folds by item.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deskmind import Deskmind
from deskmind.evaluation.corpus import read_corpus, read_questions
from deskmind.evaluation.retrieval import throw_away_desk
from deskmind.knowledge.answering.evidence import Terms, weigh

Matrix = NDArray[np.float64]


async def evidence(corpus: Path, questions: Path, *, embedder: str) -> tuple[list[str], Matrix, Matrix]:
    """Items, and for each question the facts with and without its article: sentence, coverage, margin."""
    asked = read_questions(questions)
    with_article: list[list[float]] = []
    without: list[list[float]] = []
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home, knowledge={"embedder": embedder}) as app:
            desk, _ = await throw_away_desk(app, read_corpus(corpus))
            for question in asked:
                found = await desk.knowledge.search(question.question, limit=30)
                others = [passage for passage in found if passage.uri != question.key]
                for rows, passages in ((with_article, found[:12]), (without, others[:12])):
                    facts = weigh(Terms.of(question.question, passages), passages)
                    rows.append([facts.sentence or 0.0, facts.coverage, min(facts.margin, 0.5)])
    return [question.key for question in asked], np.array(with_article), np.array(without)


def fit(answerable: Matrix, unanswerable: Matrix, *, penalty: float = 1e-3, rounds: int = 4000) -> Matrix:
    """Logistic regression by gradient descent on standardised facts; base first."""
    rows = np.vstack([answerable, unanswerable])
    labels = np.r_[np.ones(len(answerable)), np.zeros(len(unanswerable))]
    mean, spread = rows.mean(0), rows.std(0) + 1e-9
    scaled = np.c_[np.ones(len(rows)), (rows - mean) / spread]
    weights = np.zeros(scaled.shape[1])
    for _ in range(rounds):
        predicted = 1 / (1 + np.exp(-(scaled @ weights)))
        weights -= 0.5 * (scaled.T @ (predicted - labels) / len(labels) + penalty * np.r_[0, weights[1:]])
    slopes = weights[1:] / spread
    return np.r_[weights[0] - slopes @ mean, slopes]


def confidences(weights: Matrix, rows: Matrix) -> Matrix:
    """The probability for each row of facts."""
    return 1 / (1 + np.exp(-(np.c_[np.ones(len(rows)), rows] @ weights)))


def cross_validated(items: list[str], answerable: Matrix, unanswerable: Matrix) -> tuple[Matrix, Matrix]:
    """Confidences of each question from a fit on the other folds."""
    unique = sorted(set(items))
    order = np.random.default_rng(1).permutation(len(unique))
    fold = {unique[place]: number % 5 for number, place in enumerate(order)}
    folds = np.array([fold[item] for item in items])
    inside, outside = np.zeros(len(items)), np.zeros(len(items))
    for number in range(5):
        held = folds == number
        weights = fit(answerable[~held], unanswerable[~held])
        inside[held] = confidences(weights, answerable[held])
        outside[held] = confidences(weights, unanswerable[held])
    return inside, outside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--embedder", default="local", choices=["local", "none"])
    given = parser.parse_args()
    items, answerable, unanswerable = asyncio.run(
        evidence(given.corpus, given.questions, embedder=given.embedder)
    )
    inside, outside = cross_validated(items, answerable, unanswerable)
    weights = fit(answerable, unanswerable)
    curve = [
        {
            "answerable_declined": share,
            "threshold": round(float(np.quantile(inside, share)), 4),
            "unanswerable_answered": round(float(np.mean(outside >= np.quantile(inside, share))), 4),
        }
        for share in (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2)
    ]
    print(json.dumps({"weights": [round(float(value), 3) for value in weights], "curve": curve}, indent=1))


if __name__ == "__main__":
    main()
