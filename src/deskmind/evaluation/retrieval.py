"""Retrieval and extractive answers, measured end to end through a desk."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskmind.errors import InvalidRequestError
from deskmind.evaluation.corpus import EvaluationQuestion, read_corpus, read_questions
from deskmind.evaluation.measures import clustered_interval, contains, ndcg, percentile, reciprocal_rank
from deskmind.evaluation.throwaway import throw_away_desk

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.desk import Desk
    from deskmind.knowledge.models import Passage

__all__ = ["Outcome", "ask_all", "evaluate_retrieval"]

_DEPTH = 10
_PASSAGES = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question's ranking and answer; ``rank`` of the right document counts from 1, None below the depth."""

    question: EvaluationQuestion
    ranked: tuple[str, ...]
    rank: int | None
    answer: str
    found: bool
    confidence: float
    seconds: float


async def evaluate_retrieval(
    app: Deskmind, corpus: Path, questions: Path, *, details: Path | None = None
) -> dict[str, Any]:
    """Take the corpus into a tenant of its own, ask every question, erase the tenant.

    Args:
        app: a started application.
        corpus: folder of files, or JSON list of ``{item, article}``.
        questions: JSON lines.
        details: where one JSON line a question goes.

    Returns:
        ``top1``, ``recall_at_5``, ``recall_at_10``, ``mrr``, ``ndcg_at_10``, ``answer_contains``, ``answered``,
        ``latency_ms_p50``, ``latency_ms_p95`` (of search), ``questions``, and ``interval_95`` of each measure.

    Raises:
        InvalidRequestError: a file has the wrong format, or a question names a document that is not there.
    """
    asked = read_questions(questions)
    documents = read_corpus(corpus)
    missing = {question.key for question in asked} - {document.key for document in documents}
    if missing:
        raise InvalidRequestError(
            f"{len(missing)} question(s) name a document that the corpus does not hold, such as '{sorted(missing)[0]}'."
        )
    keys = {document.key: document.key for document in documents}
    async with throw_away_desk(app, documents) as desk:
        outcomes = await ask_all(desk, keys, asked)
    if details is not None:
        lines = [json.dumps(_detail(outcome), ensure_ascii=False) + "\n" for outcome in outcomes]
        await asyncio.to_thread(details.write_text, "".join(lines), "utf-8")
    return summary(outcomes)


async def ask_all(desk: Desk, keys: dict[str, str], questions: Sequence[EvaluationQuestion]) -> list[Outcome]:
    """Search and ask each question, one after the other."""
    outcomes: list[Outcome] = []
    for question in questions:
        started = time.perf_counter()
        passages = await desk.knowledge.search(question.question, limit=_PASSAGES)
        seconds = time.perf_counter() - started
        ranked = _documents(passages, keys)
        answer = await desk.ask(question.question)
        rank = ranked.index(question.key) + 1 if question.key in ranked else None
        text = " ".join(sentence.text for sentence in answer.sentences)
        outcomes.append(
            Outcome(question, tuple(ranked[:_DEPTH]), rank, text, answer.found, answer.confidence, seconds)
        )
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The measures over all questions, with intervals clustered by document."""
    result: dict[str, Any] = {}
    intervals: dict[str, list[float]] = {}
    for name, measure in _MEASURES.items():
        clusters: dict[str, list[float]] = {}
        for outcome in outcomes:
            value = measure(outcome)
            if value is not None:
                clusters.setdefault(outcome.question.key, []).append(value)
        values = [value for cluster in clusters.values() for value in cluster]
        result[name] = sum(values) / len(values) if values else None
        if values:
            intervals[name] = [round(bound, 4) for bound in clustered_interval(clusters)]
    milliseconds = [outcome.seconds * 1000 for outcome in outcomes]
    result["latency_ms_p50"] = percentile(milliseconds, 50)
    result["latency_ms_p95"] = percentile(milliseconds, 95)
    result["questions"] = len(outcomes)
    result["interval_95"] = intervals
    return result


def _contained(outcome: Outcome) -> float | None:
    """1 or 0; None for a question without known values."""
    return float(contains(outcome.answer, outcome.question.values)) if outcome.question.values else None


_MEASURES: dict[str, Callable[[Outcome], float | None]] = {
    "top1": lambda outcome: float(outcome.rank == 1),
    "recall_at_5": lambda outcome: float(outcome.rank is not None and outcome.rank <= 5),
    "recall_at_10": lambda outcome: float(outcome.rank is not None and outcome.rank <= 10),
    "mrr": lambda outcome: reciprocal_rank(outcome.rank if outcome.rank and outcome.rank <= _DEPTH else None),
    "ndcg_at_10": lambda outcome: ndcg(outcome.rank, 10),
    "answer_contains": _contained,
    "answered": lambda outcome: float(outcome.found),
}


def _documents(passages: Sequence[Passage], keys: dict[str, str]) -> list[str]:
    """Documents in the order of their best passage."""
    return list(dict.fromkeys(keys[passage.uri] for passage in passages if passage.uri in keys))


def _detail(outcome: Outcome) -> dict[str, Any]:
    return {
        "question": outcome.question.question,
        "expected": outcome.question.key,
        "ranked": list(outcome.ranked),
        "rank": outcome.rank,
        "found": outcome.found,
        "confidence": outcome.confidence,
        "answer": outcome.answer,
        "contains": contains(outcome.answer, outcome.question.values) if outcome.question.values else None,
        "latency_ms": round(outcome.seconds * 1000, 3),
    }
