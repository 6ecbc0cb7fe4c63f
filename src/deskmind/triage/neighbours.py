"""Tickets of the past that read alike: an inverted index over words in plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deskmind.triage.largest import largest
from deskmind.triage.rows import Rows

__all__ = ["Neighbours"]

_NEVER_COMMON = 1_000
"""A word of so few tickets always counts: it costs little."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """An index of tickets by their words.

    Attributes:
        rows: ``[n, words]``, length 1 each.
        common: a word of more than this share of the tickets finds nothing: it says little and costs the most.
    """

    rows: Rows
    common: float = 0.1
    _ends: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _tickets: NDArray[np.int32] = field(init=False, repr=False, compare=False)
    _values: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rows = self.rows
        owners = np.repeat(np.arange(len(rows), dtype=np.int32), np.diff(rows.starts))
        counts = np.bincount(rows.columns, minlength=rows.width)
        rare = counts <= max(_NEVER_COMMON, self.common * len(rows))
        useful = rare[rows.columns]
        order = np.argsort(rows.columns[useful], kind="stable")
        ends = np.zeros(rows.width + 1, np.int64)
        np.cumsum(np.where(rare, counts, 0), out=ends[1:])
        object.__setattr__(self, "_ends", ends)
        object.__setattr__(self, "_tickets", owners[useful][order])
        object.__setattr__(self, "_values", rows.values[useful][order])

    def __len__(self) -> int:
        return len(self.rows)

    def similarities(self, columns: NDArray[np.int32], values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine similarity to each ticket, common words aside: ``[n] float32``."""
        begins, ends = self._ends[columns], self._ends[columns + 1]
        lengths = ends - begins
        total = int(lengths.sum())
        if not total:
            return np.zeros(len(self), np.float32)
        offsets = np.cumsum(lengths) - lengths
        places = np.arange(total) + np.repeat(begins - offsets, lengths)
        weights = self._values[places] * np.repeat(values, lengths)
        found = np.bincount(self._tickets[places], weights, minlength=len(self))
        return found.astype(np.float32)

    def nearest(
        self, columns: NDArray[np.int32], values: NDArray[np.float32], limit: int, *, but: int = -1
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The most similar tickets, best first, and their similarities; ties by position.

        Args:
            columns: of the words.
            values: of the words, length 1.
            limit: at most this many.
            but: a ticket that is left out: itself.
        """
        similar = self.similarities(columns, values)
        if 0 <= but < len(similar):
            similar[but] = 0
        best = largest(similar, limit)
        best = best[np.lexsort((best, -similar[best]))]
        best = best[similar[best] > 0]
        return best, similar[best]
