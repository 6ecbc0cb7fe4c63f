"""Metrics of knowledge: stages of retrieval, answers, what is taken in."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from deskmind.knowledge.models import Answer
from deskmind.observability.instruments import (
    ANSWER_DURATION,
    ANSWERS,
    INGEST_CHUNKS,
    INGEST_DURATION,
    INGEST_FILES,
    RETRIEVAL_DURATION,
    RETRIEVAL_RESULTS,
    counter,
    histogram,
)
from deskmind.observability.metering import labels

__all__ = ["count_answer", "count_chunks", "count_files", "count_results", "ingesting", "retrieving"]

Stage = Literal["embed", "vector", "lexical", "rerank", "whole"]

_retrieval = histogram(RETRIEVAL_DURATION)
_results = histogram(RETRIEVAL_RESULTS)
_answers = counter(ANSWERS)
_answer_duration = histogram(ANSWER_DURATION)
_files = counter(INGEST_FILES)
_chunks = counter(INGEST_CHUNKS)
_ingest = histogram(INGEST_DURATION)

_MODES = ("extractive", "generated", "remembered")
_stages = {
    stage: labels({"deskmind.stage": stage})
    for stage in ("embed", "vector", "lexical", "rerank", "whole", "load", "store")
}
_file_outcomes = {
    outcome: labels({"deskmind.outcome": outcome}) for outcome in ("stored", "unchanged", "failed")
}
_modes = {mode: labels({"deskmind.mode": mode}) for mode in _MODES}
_answer_kinds = {
    (found, mode): labels({"deskmind.outcome": "answered" if found else "not_found", "deskmind.mode": mode})
    for found in (True, False)
    for mode in _MODES
}


@contextmanager
def retrieving(stage: Stage) -> Generator[None]:
    """A stage of a retrieval; one that fails is not counted."""
    started = time.perf_counter()
    yield
    _retrieval.record(time.perf_counter() - started, _stages[stage])


@contextmanager
def ingesting(stage: Literal["load", "embed", "store"]) -> Generator[None]:
    """A stage of taking in a batch; one that fails is not counted."""
    started = time.perf_counter()
    yield
    _ingest.record(time.perf_counter() - started, _stages[stage])


def count_results(count: int) -> None:
    """Passages that a retrieval found."""
    _results.record(count, labels())


def count_answer(answer: Answer, seconds: float) -> None:
    """An answer, or none, after so long."""
    mode = "remembered" if answer.remembered else answer.mode
    mode = mode if mode in _modes else "extractive"
    _answers.add(1, _answer_kinds[answer.found, mode])
    _answer_duration.record(seconds, _modes[mode])


def count_files(outcome: Literal["stored", "unchanged", "failed"], count: int = 1) -> None:
    """Files that were taken in, or not."""
    if count:
        _files.add(count, _file_outcomes[outcome])


def count_chunks(count: int) -> None:
    """Chunks that were stored."""
    _chunks.add(count, labels())
