"""Fusion of dense and lexical scores by a convex combination of normalised scores.

Source: Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, 2023: a convex combination
with the scores' theoretical minimum beats reciprocal-rank fusion and needs little tuning.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LEXICAL_WEIGHT", "fuse"]

LEXICAL_WEIGHT = 0.3


def fuse(
    dense: Mapping[str, float], lexical: Mapping[str, float], *, weight: float = LEXICAL_WEIGHT
) -> list[tuple[str, float]]:
    """Chunk ids with fused scores from 0 to 1, best first; equal scores in order of their ids.

    Args:
        dense: cosine similarities, -1 to 1; negative ones count as 0.
        lexical: BM25 scores, 0 upwards; normalised by the query's best.
        weight: share of the lexical side; the whole where there are no dense scores.
    """
    best = max(lexical.values(), default=0.0)
    share = weight if dense else 1.0
    fused = {
        chunk: (1 - share) * max(dense.get(chunk, 0.0), 0.0)
        + share * (lexical.get(chunk, 0.0) / best if best > 0 else 0.0)
        for chunk in dense.keys() | lexical.keys()
    }
    return sorted(fused.items(), key=lambda item: (-item[1], item[0]))
