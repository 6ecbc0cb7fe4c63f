"""Sparse rows in plain arrays, so that predicting needs numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows", "as_stored"]

_PART = 256


@dataclass(frozen=True, slots=True)
class Rows:
    """``[n, width]`` in compressed rows.

    Attributes:
        starts: ``[n + 1] int64``; row ``i`` is ``columns[starts[i]:starts[i + 1]]``.
        columns: ``[entries] int32``, ascending within a row.
        values: ``[entries] float32``.
        width: number of columns.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    width: int

    @classmethod
    def stacked(
        cls, columns: Sequence[NDArray[np.int32]], values: Sequence[NDArray[np.float32]], width: int
    ) -> Self:
        """From one array of columns and one of values a row."""
        starts = np.zeros(len(columns) + 1, np.int64)
        np.cumsum([len(row) for row in columns], out=starts[1:])
        return cls(
            starts,
            np.concatenate(columns) if columns else np.empty(0, np.int32),
            np.concatenate(values).astype(np.float32) if values else np.empty(0, np.float32),
            width,
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def row(self, number: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Columns and values of one row."""
        part = slice(self.starts[number], self.starts[number + 1])
        return self.columns[part], self.values[part]

    def take(self, numbers: NDArray[np.int64]) -> Rows:
        """Some rows, in the order given."""
        lengths = self.starts[numbers + 1] - self.starts[numbers]
        starts = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        moved = np.repeat(self.starts[numbers] - starts[:-1], lengths)
        places = np.arange(len(moved)) + moved
        return Rows(starts, self.columns[places], self.values[places], self.width)

    def until(self, column: int) -> Rows:
        """Without the columns from ``column`` on."""
        return replace(self._where(self.columns < column), width=column)

    def only(self, wanted: NDArray[np.bool_]) -> Rows:
        """Of ``wanted`` columns alone, each row of length 1 again."""
        kept = self._where(wanted[self.columns])
        owners = np.repeat(np.arange(len(kept)), np.diff(kept.starts))
        lengths = np.sqrt(np.bincount(owners, kept.values.astype(np.float64) ** 2, minlength=len(kept)))
        return replace(kept, values=(kept.values / np.maximum(lengths[owners], 1e-9)).astype(np.float32))

    def _where(self, kept: NDArray[np.bool_]) -> Rows:
        ends = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(kept, out=ends[1:])
        return Rows(ends[self.starts], self.columns[kept], self.values[kept], self.width)

    def cosines(
        self, numbers: NDArray[np.int64], columns: NDArray[np.int32], values: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Of some rows with one of ascending ``columns``, both of length 1: ``[len(numbers)] float32``."""
        some = self.take(numbers)
        if not len(columns):
            return np.zeros(len(numbers), np.float32)
        places = np.minimum(np.searchsorted(columns, some.columns), len(columns) - 1)
        products = some.values * np.where(columns[places] == some.columns, values[places], 0)
        ends = np.concatenate([np.zeros(1), np.cumsum(products, dtype=np.float64)])
        return (ends[some.starts[1:]] - ends[some.starts[:-1]]).astype(np.float32)

    def dot(self, weights: NDArray[np.floating]) -> NDArray[np.float32]:
        """The product with ``[width, k]``: ``[n, k] float32``."""
        made = np.zeros((len(self), weights.shape[1]), np.float32)
        for first in range(0, len(self), _PART):
            last = min(first + _PART, len(self))
            begin, end = self.starts[first], self.starts[last]
            if begin == end:
                continue
            products = weights[self.columns[begin:end]] * self.values[begin:end, None]
            filled = np.flatnonzero(np.diff(self.starts[first : last + 1]))
            made[first + filled] = np.add.reduceat(products, self.starts[first + filled] - begin, axis=0)
        return made


def as_stored(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights as they are after being written in half precision, so that a stored model says what the trained one said."""
    return weights.astype(np.float16).astype(np.float32)
