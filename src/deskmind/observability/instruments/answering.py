"""From documents to answers, and what is thought of them."""

from __future__ import annotations

from deskmind.observability._instrument import (
    MODEL_SECONDS,
    RESULTS,
    STEP_SECONDS,
    WORK_SECONDS,
    Instrument,
    Label,
)
from deskmind.observability.instruments._labels import CODE

__all__ = [
    "ANSWERS",
    "ANSWERS_REMEMBERED",
    "ANSWER_DURATION",
    "COST_SPARED",
    "FEEDBACK",
    "INGEST_CHUNKS",
    "INGEST_DURATION",
    "INGEST_FILES",
    "INGEST_PENDING",
    "RETRIEVAL_DURATION",
    "RETRIEVAL_RESULTS",
]

RETRIEVAL_DURATION = Instrument(
    "deskmind.retrieval.duration",
    "histogram",
    "s",
    "stages of retrieval; vector is the hybrid search where a query has a vector, lexical the search without",
    (Label("deskmind.stage", CODE, ("embed", "vector", "lexical", "rerank", "whole")),),
    STEP_SECONDS,
)
RETRIEVAL_RESULTS = Instrument(
    "deskmind.retrieval.results", "histogram", "{passage}", "passages that a retrieval found", (), RESULTS
)
ANSWERS = Instrument(
    "deskmind.answers",
    "counter",
    "{answer}",
    "questions that were answered, or not",
    (
        Label("deskmind.outcome", CODE, ("answered", "not_found")),
        Label("deskmind.mode", CODE, ("extractive", "generated", "remembered")),
    ),
)
ANSWER_DURATION = Instrument(
    "deskmind.answer.duration",
    "histogram",
    "s",
    "from question to answer, retrieval included",
    (Label("deskmind.mode", CODE, ("extractive", "generated", "remembered")),),
    MODEL_SECONDS,
)
ANSWERS_REMEMBERED = Instrument(
    "deskmind.answer_cache.lookups",
    "counter",
    "{lookup}",
    "looks for an answer that was worded before",
    (Label("deskmind.result", CODE, ("hit", "miss")),),
)
COST_SPARED = Instrument(
    "deskmind.answer_cache.saved", "counter", "usd", "US dollars that remembered answers spared"
)
FEEDBACK = Instrument(
    "deskmind.feedback",
    "counter",
    "{rating}",
    "ratings of answers, a changed one each time",
    (Label("deskmind.rating", CODE, ("up", "down")),),
)
INGEST_FILES = Instrument(
    "deskmind.ingest.files",
    "counter",
    "{file}",
    "files that were taken in",
    (Label("deskmind.outcome", CODE, ("stored", "unchanged", "failed")),),
)
INGEST_CHUNKS = Instrument("deskmind.ingest.chunks", "counter", "{chunk}", "chunks that were stored")
INGEST_DURATION = Instrument(
    "deskmind.ingest.duration",
    "histogram",
    "s",
    "stages of taking in a batch",
    (Label("deskmind.stage", CODE, ("load", "embed", "store")),),
    WORK_SECONDS,
)
INGEST_PENDING = Instrument(
    "deskmind.ingest.pending",
    "gauge",
    "{file}",
    "files, at most, whose jobs are not done",
    across="max",
    observed=True,
)
