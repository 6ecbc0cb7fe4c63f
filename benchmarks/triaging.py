"""What triage costs: learning, and predicting one ticket, beside a bare TF-IDF and linear model in the same run; and each
part's share of one prediction with the local embedder. The past's vectors are random here: what they say costs nothing.

The tickets are made up, of words that are in no dictionary: a tokenizer makes three pieces of each, and embedding them costs three times as
much as embedding real ones. So the whole is measured on the public tickets too, where they are beside the checkout.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from deskmind.errors import DeskmindError
from deskmind.knowledge.embedding import LocalEmbedder
from deskmind.triage import Embedded, TrainingTicket, TriageModel, embedded, learn, read_table
from deskmind.triage.embedding import LONGEST_EMBEDDED
from deskmind.triage.meaning import closeness, votes

_PUBLIC = Path(__file__).parents[2] / "shared" / "data" / "triage" / "it-tickets-dev.csv.gz"
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
        *await _parts(tickets, asked[:200]),
        *await _on_public_tickets(chance, quick=quick),
    ]


async def _on_public_tickets(chance: random.Random, *, quick: bool) -> list[dict[str, Any]]:
    if not _PUBLIC.is_file():
        return []
    tickets = list(read_table(_PUBLIC).tickets("text", ["category"]))
    chance.shuffle(tickets)
    asked, past = [one.text for one in tickets[:300]], tickets[300 : 2_000 if quick else 20_300]
    rows = await _parts(past, asked)
    return [{**row, "case": f"public tickets: {row['case']}"} for row in rows]


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


async def _parts(tickets: list[TrainingTicket], asked: list[str]) -> list[dict[str, Any]]:
    """Medians of one ticket's parts, and of the whole: text in, prediction out."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            embedder = LocalEmbedder.load(Path(folder))
        except DeskmindError as error:
            return [{"case": f"parts: not measured ({error.code})"}]
        try:
            return await _measured(embedder, tickets, asked)
        finally:
            await embedder.close()


async def _measured(
    embedder: LocalEmbedder, tickets: list[TrainingTicket], asked: list[str]
) -> list[dict[str, Any]]:
    noise = np.random.default_rng(6).standard_normal((len(tickets), embedder.space.dimensions))
    past = Embedded(embedder.space.name, (noise / np.linalg.norm(noise, axis=1)[:, None]).astype(np.float32))
    model = learn(tickets, embedded=past)
    vectors = (await embedded(embedder, asked)).vectors
    whole: list[float] = []
    embedding: list[float] = []
    for text in asked:
        started = time.process_time()
        vector = await embedder.embed_query(text[:LONGEST_EMBEDDED])
        embedding.append(time.process_time() - started)
        model.predict([text], vectors=vector[None])
        whole.append(time.process_time() - started)
    total = statistics.median(whole)
    spent = {
        "embedding": embedding,
        "of it its tokens": _timed(asked, lambda place: embedder.token_count(asked[place])),
        **_of_the_model(model, asked, vectors),
    }
    return [
        {
            "case": f"one prediction, part: {name}",
            "p50 ms of CPU": round(statistics.median(times) * 1_000, 3),
            "share": f"{statistics.median(times) / total:.0%}",
        }
        for name, times in spent.items()
    ] + [
        {
            "case": "one prediction with its embedding",
            "p50 ms of CPU": round(total * 1_000, 3),
            "p95 ms of CPU": round(statistics.quantiles(whole, n=20)[-1] * 1_000, 3),
        }
    ]


def _of_the_model(model: TriageModel, asked: list[str], vectors: Any) -> dict[str, list[float]]:
    assert model.meaning is not None
    past = model.meaning.tickets.astype(np.float32)
    target = model.targets["category"]
    rows = [model.vocabulary.rows([text]) for text in asked]
    words = [one.until(len(model.vocabulary.terms)).row(0) for one in rows]
    along = model.meaning.along(vectors)
    numbers = target.known.astype(np.int64)

    def vote(place: int) -> None:
        votes(closeness(along[place : place + 1], past), numbers, len(target.labels))

    return {
        "its words and runs of characters": _timed(
            asked, lambda place: model.vocabulary.rows([asked[place]])
        ),
        "linear scores": _timed(asked, lambda place: target.linear.scores(rows[place])),
        "votes by meaning": _timed(asked, vote),
        "tickets that read alike": _timed(asked, lambda place: model.neighbours.nearest(*words[place], 5)),
    }


def _timed(asked: list[str], act: Callable[[int], object]) -> list[float]:
    spent: list[float] = []
    for place in range(len(asked)):
        started = time.process_time()
        act(place)
        spent.append(time.process_time() - started)
    return spent
