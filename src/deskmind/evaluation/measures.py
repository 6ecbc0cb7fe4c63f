"""Measures of ranking and answers, with confidence intervals that respect clusters."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["clustered_interval", "contains", "ndcg", "percentile", "reciprocal_rank"]

_FOLD = re.compile(r"[\s\-‐-―_.,;:()'\"“”‘’]+")


def reciprocal_rank(rank: int | None) -> float:
    """1/rank of the right document, 0 when it was not found. Ranks count from 1."""
    return 1 / rank if rank else 0.0


def ndcg(rank: int | None, depth: int) -> float:
    """Normalised discounted cumulative gain with one relevant document (Järvelin and Kekäläinen, 2002)."""
    return 1 / math.log2(rank + 1) if rank and rank <= depth else 0.0


def contains(answer: str, values: Sequence[str]) -> bool:
    """Whether the answer holds one of the values; case, spaces, dashes and punctuation do not count."""
    folded = f" {_fold(answer)} "
    squeezed = folded.replace(" ", "")
    return any(
        f" {_fold(value)} " in folded or _fold(value).replace(" ", "") in squeezed
        for value in values
        if _fold(value)
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` percent lie."""
    return float(np.percentile(np.asarray(values, dtype=np.float64), share)) if values else 0.0


def clustered_interval(
    clusters: Mapping[str, Sequence[float]], *, rounds: int = 2000, seed: int = 7
) -> tuple[float, float]:
    """A 95 % bootstrap interval of the mean, drawing whole clusters (Efron and Tibshirani, 1993)."""
    sums = np.array([sum(values) for values in clusters.values()], dtype=np.float64)
    sizes = np.array([len(values) for values in clusters.values()], dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, len(sums), size=(rounds, len(sums)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def _fold(text: str) -> str:
    return _FOLD.sub(" ", text.lower()).strip()
