"""Measures of ranking and answers, with confidence intervals that respect clusters."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["clustered_interval", "contains", "ndcg", "percentile", "reciprocal_rank"]

# of a number or a word, and not between two
_INSIDE = re.compile(r"(?<=\d)[.,](?=\d)|(?<=[^\W\d_])['’](?=[^\W\d_])")
_FOLD = re.compile(r"[\s\-‐-―_.,;:()'\"“”‘’]+")


def reciprocal_rank(rank: int | None) -> float:
    """1/rank of the right document, 0 when it was not found. Ranks count from 1."""
    return 1 / rank if rank else 0.0


def ndcg(rank: int | None, depth: int) -> float:
    """Normalised discounted cumulative gain with one relevant document (Järvelin and Kekäläinen, 2002)."""
    return 1 / math.log2(rank + 1) if rank and rank <= depth else 0.0


def contains(answer: str, values: Sequence[str]) -> bool:
    """Whether the answer holds one of the values; case, spaces, dashes and punctuation do not count.

    A value counts where it begins and ends with words of the answer: ``5`` is not in ``15 minutes`` nor in ``1.5``.
    """
    folded = _fold(answer)
    return any(_standing(letters).search(folded) for value in values if (letters := _letters(value)))


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
    return _FOLD.sub(" ", _INSIDE.sub("", text.lower())).strip()


def _letters(value: str) -> str:
    return _fold(value).replace(" ", "")


def _standing(letters: str) -> re.Pattern[str]:
    """These letters, spaced anyhow, with no further letter or digit at their ends."""
    start = r"(?<!\w)" if letters[0].isalnum() else ""
    end = r"(?!\w)" if letters[-1].isalnum() else ""
    return re.compile(start + " ?".join(map(re.escape, letters)) + end)
