"""What tickets of the past with the same meaning were given: a vote of neighbours among embedded texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deskmind.triage.largest import largest

__all__ = ["SCALE", "Embedded", "Meaning", "closeness", "votes"]

_AXES = 64
_VOTERS = 30
_SHARPNESS = np.float32(8)
_LEAST_SHARE = np.float32(0.02)
SCALE = np.float32(127)
"""Length of a ticket's vector as it is kept, in whole numbers."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as vectors.

    Attributes:
        space: of the vectors; those of one space may be compared.
        vectors: ``[n, dimensions] float32`` of unit length.
    """

    space: str
    vectors: NDArray[np.float32]

    def take(self, places: NDArray[np.int64]) -> Embedded:
        """Some of them, in the order given."""
        return Embedded(self.space, self.vectors[places])


@dataclass(frozen=True, slots=True)
class Meaning:
    """Tickets of the past along the axes on which their vectors differ most.

    Attributes:
        middle: ``[dimensions] float32``, the mean vector.
        axes: ``[dimensions, k] float32``, orthogonal; ``k`` is at most 64.
        tickets: ``[n, k] int8``, unit vectors times 127.
    """

    middle: NDArray[np.float32]
    axes: NDArray[np.float32]
    tickets: NDArray[np.int8]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Self:
        """Of all tickets of the past, ``[n, dimensions]``."""
        middle = vectors.mean(axis=0)
        apart = vectors - middle
        axes = np.linalg.eigh(apart.T @ apart)[1][:, ::-1][:, :_AXES].astype(np.float32)
        tickets = np.round(_unit(apart @ axes) * SCALE).astype(np.int8)
        return cls(middle, np.ascontiguousarray(axes), tickets)

    def along(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors along the axes: ``[m, dimensions]`` to ``[m, k]``."""
        return _unit((vectors - self.middle) @ self.axes)


def closeness(asked: NDArray[np.float32], past: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines ``[m, n]`` of texts along the axes, ``[m, k]``, to ``Meaning.tickets``, ``[n, k]``."""
    scaled = np.divide(asked, SCALE, dtype=np.float32)
    if len(scaled) > 1:
        return scaled @ past.T
    # BLAS would wake a thread a core for a third of a millisecond's work, and have them spin
    return np.einsum("k,nk->n", scaled[0], past)[None]


def votes(close: NDArray[np.float32], numbers: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Logarithms of the labels' shares among the 30 nearest of the past; the nearer, the heavier.

    Args:
        close: ``[m, n]``, closeness of texts to labelled tickets.
        numbers: ``[n]``, the tickets' labels.
        classes: number of labels.

    Returns:
        ``[m, classes] float32``.
    """
    counted = np.empty((len(close), classes))
    for place, row in enumerate(close):
        nearest = largest(row, _VOTERS)
        weights = np.exp((row[nearest] - 1) * _SHARPNESS)
        counted[place] = np.bincount(numbers[nearest], weights, minlength=classes)
    shares = counted / counted.sum(axis=1, keepdims=True)
    return np.log(shares + _LEAST_SHARE).astype(np.float32)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, np.float32(1e-9))).astype(np.float32)
