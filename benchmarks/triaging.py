"""What triage costs: learning, and predicting one ticket, beside a bare TF-IDF and linear model in the same run."""

from __future__ import annotations

import random
import statistics
import time
from importlib import import_module
from typing import Any

from deskmind.triage import TrainingTicket, TriageModel, learn

_LABELS = 8
_WORDS_OF_A_LABEL = 400
_WORDS = 20_000


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows: seconds and milliseconds of processor time."""
    chance = random.Random(6)
    tickets = [_ticket(chance) for _ in range(1_500 if quick else 20_000)]
    asked = [_ticket(chance).text for _ in range(200 if quick else 1_000)]
    started = time.process_time()
    model = learn(tickets)
    ours = time.process_time() - started
    started = time.process_time()
    bare = _bare(tickets)
    theirs = time.process_time() - started
    return [
        {"case": f"learning from {len(tickets):,} tickets", "s of CPU": round(ours, 1)},
        {"case": f"a bare TF-IDF and linear SVM on {len(tickets):,} tickets", "s of CPU": round(theirs, 1)},
        *_in_turns(model, bare, asked),
    ]


def _ticket(chance: random.Random) -> TrainingTicket:
    """About 40 words, some of them its label's; rare words are rare, as in real tickets."""
    label = chance.randrange(_LABELS)
    words = [f"word{min(int(chance.paretovariate(0.6)), _WORDS)}" for _ in range(34)]
    words += [f"label{label}of{chance.randrange(_WORDS_OF_A_LABEL)}" for _ in range(6)]
    chance.shuffle(words)
    return TrainingTicket(" ".join(words), {"category": str(label)})


def _bare(tickets: list[TrainingTicket]) -> Any:
    pipeline: Any = import_module("sklearn.pipeline")
    text: Any = import_module("sklearn.feature_extraction.text")
    svm: Any = import_module("sklearn.svm")
    made = pipeline.make_pipeline(
        text.TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), svm.LinearSVC(random_state=0)
    )
    return made.fit([ticket.text for ticket in tickets], [ticket.labels["category"] for ticket in tickets])


def _in_turns(model: TriageModel, bare: Any, asked: list[str]) -> list[dict[str, Any]]:
    used: dict[str, list[float]] = {"ours, with confidence, reason and neighbours": [], "the bare model": []}
    for text in asked:
        for name, predict in zip(used, (model.predict, bare.predict), strict=True):
            started = time.process_time()
            predict([text])
            used[name].append((time.process_time() - started) * 1_000)
    return [
        {
            "case": f"predicting one ticket: {name}",
            "p50 ms of CPU": round(statistics.median(spent), 3),
            "p95 ms of CPU": round(statistics.quantiles(spent, n=20)[-1], 3),
        }
        for name, spent in used.items()
    ]
