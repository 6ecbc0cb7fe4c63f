"""Triage on the public tickets beside the checkout: ``python evals/triage.py [--folds N]`` prints a Markdown table.

Each row is judged on tickets that were held out from learning: ours with the local embedder; the same model asked
without it; both on the same held-out texts made to look raw, with capitals, punctuation, numbers and addresses; a plain
TF-IDF and linear SVM on the same folds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deskmind.knowledge.embedding import LocalEmbedder
from deskmind.triage import Evaluation, Prediction, TrainingTicket, embedded, judged, learn, read_table
from deskmind.triage.measures import measure
from deskmind.triage.splitting import stratified

_FILE = Path(__file__).parents[2] / "shared" / "data" / "triage" / "it-tickets-dev.csv.gz"
_TARGET = "category"
_SEED = 77
_OURS = (
    "ours",
    "ours without the embedder",
    "ours, texts made to look raw",
    "the same without the embedder",
)


def roughened(text: str, chance: random.Random) -> str:
    """A cleaned text as somebody might have written it."""
    made: list[str] = []
    for word in text.split():
        made.append(word.capitalize() if chance.random() < 0.2 else word)
        if chance.random() < 0.1:
            made[-1] += chance.choice((",", ".", "!", ":", "\n"))
        if chance.random() < 0.05:
            made.append(
                chance.choice(("08:15", "2026", "#4711", "https://intranet.example/x?id=3", "it@example.com"))
            )
    return " ".join(made)


def bare(past: Sequence[TrainingTicket], texts: Sequence[str]) -> list[str]:
    """What a plain TF-IDF and linear SVM predict."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LinearSVC(C=0.5, random_state=0)
    )
    pipeline.fit([one.text for one in past], [one.labels[_TARGET] for one in past])
    return [str(label) for label in pipeline.predict(texts)]


class Clock:
    """CPU seconds of this process, by what they were spent on."""

    def __init__(self) -> None:
        self._started = time.process_time()

    def lap(self) -> float:
        """Since the last lap."""
        last, self._started = self._started, time.process_time()
        return self._started - last


async def run(file: Path, folds: int) -> dict[str, Any]:
    """Figures by row, over all held-out tickets."""
    with tempfile.TemporaryDirectory() as folder:
        embedder = LocalEmbedder.load(Path(folder))
        try:
            return await _run(file, folds, embedder)
        finally:
            await embedder.close()


async def _run(file: Path, folds: int, embedder: LocalEmbedder) -> dict[str, Any]:
    tickets = read_table(file).tickets("text", [_TARGET])
    labels = np.unique([one.labels[_TARGET] for one in tickets], return_inverse=True)[1].astype(np.int64)
    part_of = stratified(labels, max(folds, 5), seed=_SEED)
    held: list[TrainingTicket] = []
    said: dict[str, list[Prediction]] = {name: [] for name in _OURS}
    plain: list[str] = []
    learning, predicting = 0.0, 0.0
    chance = random.Random(_SEED)
    clock = Clock()
    all_of_them = await embedded(embedder, [one.text for one in tickets])
    embedding = clock.lap()
    for part in range(folds):
        past = [tickets[place] for place in np.flatnonzero(part_of != part)]
        asked = [tickets[place] for place in np.flatnonzero(part_of == part)]
        clock.lap()
        model = learn(past, embedded=all_of_them.take(np.flatnonzero(part_of != part)))
        learning += clock.lap()
        held += asked
        texts = [one.text for one in asked]
        said["ours"] += model.predict(texts, vectors=all_of_them.vectors[part_of == part])
        predicting += clock.lap()
        said["ours without the embedder"] += model.predict(texts)
        rough = [roughened(text, chance) for text in texts]
        said["ours, texts made to look raw"] += model.predict(
            rough, vectors=(await embedded(embedder, rough)).vectors
        )
        said["the same without the embedder"] += model.predict(rough)
        plain += bare(past, texts)
        print(f"fold {part + 1} of {folds}", file=sys.stderr)
    truth = [one.labels[_TARGET] for one in held]
    return {
        **{name: _row(judged(held, one).evaluations[_TARGET]) for name, one in said.items()},
        "TF-IDF and linear SVM": _row(measure(truth, plain, np.ones(len(plain)), threshold=0)),
        "seconds_of_cpu_to_learn": round(learning / folds, 1),
        "milliseconds_of_cpu_to_embed": round(1000 * embedding / len(tickets), 2),
        "milliseconds_of_cpu_to_predict": round(1000 * predicting / len(held), 2),
        "difference_95": _difference(truth, _labels(said["ours"]), plain),
        "difference_of_embedder_95": _difference(
            truth, _labels(said["ours"]), _labels(said["ours without the embedder"])
        ),
    }


def _labels(said: Sequence[Prediction]) -> list[str]:
    return [one.guesses[_TARGET].label for one in said]


def _row(found: Evaluation) -> dict[str, Any]:
    share = found.accuracy
    half = 1.96 * (share * (1 - share) / found.tickets) ** 0.5
    return {**found.figures(), "accuracy_95": [round(share - half, 4), round(share + half, 4)]}


def _difference(truth: Sequence[str], ours: Sequence[str], plain: Sequence[str]) -> list[float]:
    """The 95 % interval of our accuracy less the other's, tickets drawn anew in pairs."""
    gains = np.array(
        [(one == right) - (other == right) for right, one, other in zip(truth, ours, plain, strict=True)],
        float,
    )
    draw = np.random.default_rng(_SEED)
    means = [gains[draw.integers(len(gains), size=len(gains))].mean() for _ in range(2_000)]
    return [round(float(bound), 4) for bound in np.quantile(means, [0.025, 0.975])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=1, choices=range(1, 6), help="of five")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--file", type=Path, default=_FILE, help="a CSV file with the columns text and category"
    )
    given = parser.parse_args()
    if not given.file.is_file():
        sys.exit(f"The public tickets are not at {given.file}.")
    found = asyncio.run(run(given.file, given.folds))
    if given.json:
        print(json.dumps(found, indent=1))
        return
    print(
        "| | tickets | accuracy (95 %) | macro F1 | calibration error | accuracy at 80 % |\n|---|---|---|---|---|---|"
    )
    for name, row in found.items():
        if isinstance(row, dict):
            low, high = row["accuracy_95"]
            print(
                f"| {name} | {row['tickets']:,} | {row['accuracy']:.4f} ({low:.4f}–{high:.4f}) | {row['macro_f1']:.4f}"
                f" | {row['calibration_error']:.4f} | {row['accuracy_at_80']:.4f} |"
            )
    print(
        f"\nCPU: learning {found['seconds_of_cpu_to_learn']} s; a ticket: embedding"
        f" {found['milliseconds_of_cpu_to_embed']} ms, predicting {found['milliseconds_of_cpu_to_predict']} ms"
        f"\nours less SVM, 95 %: {found['difference_95']}; with less without the embedder:"
        f" {found['difference_of_embedder_95']}"
    )


if __name__ == "__main__":
    main()
