"""Tickets of the past like a new one: by shared words, and by meaning where they are embedded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deskmind.triage.largest import largest
from deskmind.triage.model import TriageModel
from deskmind.triage.predictions import Neighbour

__all__ = ["DUPLICATE", "find_similar"]

DUPLICATE = 0.8
"""From this similarity on, two tickets say the same."""

_CANDIDATES = 100
_MEANING = 0.5
"""Weight of the embeddings' cosine; the rest is that of words. Both are cosines, so that their mean is one measure."""


def find_similar(
    model: TriageModel,
    text: str,
    *,
    vector: NDArray[np.float32] | None = None,
    limit: int = 5,
    least: float = 0.0,
    resolved_only: bool = False,
) -> list[Neighbour]:
    """The most similar tickets, best first; blocking, some milliseconds.

    Args:
        model: whose past is searched.
        text: of the new ticket.
        vector: of the text, in the space of the past's vectors; None compares words alone.
        limit: at most this many.
        least: similarity, 0 to 1.
        resolved_only: leave out tickets that are open.
    """
    words = model.vocabulary.rows([text]).until(len(model.vocabulary.terms))
    wanted = model.past.resolved if resolved_only else np.ones(len(model.neighbours), np.bool_)
    by_words = model.neighbours.similarities(*words.row(0))
    most = max(limit, _CANDIDATES)
    chosen = _best(np.where(wanted, by_words, 0), most)
    by_meaning = None
    if vector is not None and len(model.past.vectors):
        by_meaning = model.past.closeness(vector)
        chosen = np.union1d(chosen, _best(np.where(wanted, by_meaning, 0), most))
    scores = model.neighbours.rows.cosines(chosen, *words.row(0))
    if by_meaning is not None:
        scores = (1 - _MEANING) * scores + _MEANING * by_meaning[chosen]
    order = np.lexsort((chosen, -scores))[:limit]
    return [
        model.neighbour(int(chosen[place]), float(min(scores[place], 1)))
        for place in order
        if scores[place] >= max(least, 1e-6)
    ]


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    found = largest(scores, count)
    return np.sort(found[scores[found] > 0])
