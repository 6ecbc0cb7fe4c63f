"""What retrieval and answering tell of themselves in a request's story: identifiers and scores, never a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from deskmind.knowledge.models import Answer, Passage
from deskmind.observability import note

__all__ = ["note_answer", "note_candidates", "note_context", "note_passages"]

_MOST_PASSAGES = 100


def note_candidates(
    scores: Mapping[str, tuple[float | None, float | None]], ranked: int, readable: int
) -> None:
    """How the search narrowed down.

    Args:
        scores: dense and lexical score of each candidate.
        ranked: how many were left after fusion.
        readable: how many of those row-level security let us read.
    """
    note(
        "candidates",
        found=len(scores),
        dense=sum(1 for dense, _ in scores.values() if dense is not None),
        lexical=sum(1 for _, lexical in scores.values() if lexical),
        ranked=ranked,
        hidden=ranked - readable,
    )


def note_passages(fused: Sequence[Passage], ranked: Sequence[Passage], limit: int) -> None:
    """The passages in their last order, as ``[chunk, document, ordinal, dense, lexical, fused, rerank]``.

    Args:
        fused: with the scores of the fusion.
        ranked: the same after reranking.
        limit: how many of them go on.
    """
    before = {passage.chunk_id: passage.score for passage in fused}
    scores = np.array(
        [
            (passage.dense, passage.lexical, before.get(passage.chunk_id), passage.score)
            for passage in ranked[:_MOST_PASSAGES]
        ],
        dtype=np.float64,  # None becomes NaN, and null in JSON
    )
    rows: list[list[float]] = np.round(scores, 5).tolist()
    note(
        "passages",
        limit=limit,
        ranked=[
            (passage.chunk_id, passage.document_id, passage.ordinal, *row)
            for passage, row in zip(ranked, rows, strict=False)
        ],
    )


def note_context(passages: Sequence[Passage]) -> None:
    """The passages that a model is given."""
    note("context", chunks=[passage.chunk_id for passage in passages])


def note_answer(answer: Answer) -> None:
    """How the answer came out, and which chunks and documents it cites, in the order of its citations."""
    use = answer.prompt
    note(
        "answer",
        found=answer.found,
        confidence=round(answer.confidence, 6),
        mode=answer.mode,
        model=answer.model,
        sentences=len(answer.sentences),
        cited=[
            passage.chunk_id
            for citation in answer.citations
            for passage in answer.passages
            if passage.document_id == citation.document_id and passage.start <= citation.start < passage.end
        ],
        documents=[citation.document_id for citation in answer.citations],
        prompt=use.name if use else None,
        prompt_version=use.version if use else None,
        experiment=use.experiment or None if use else None,
        variant=use.variant or None if use else None,
        standalone=bool(answer.searched),
    )
