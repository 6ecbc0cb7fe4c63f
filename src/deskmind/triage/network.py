"""A network with one hidden layer over the words of a ticket, trained in numpy: no framework is needed.

Why beside a linear model: a hidden unit can say "leaver and token together", which a sum of words cannot. (Galke and
Scherp, "Bag-of-Words vs. Graph vs. Sequence in Text Classification", 2022, found such a network close to fine-tuned
transformers on short texts.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deskmind.triage.rows import Rows, as_stored

__all__ = ["Network"]

_BATCH = 128
_TINY = 1e-8


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """How a network is trained."""

    hidden: int = 64
    epochs: int = 6
    rate: float = 0.3
    input_dropout: float = 0.3
    hidden_dropout: float = 0.3
    smoothing: float = 0.1


@dataclass(frozen=True, slots=True)
class Network:
    """Scores of labels from rows of words.

    Attributes:
        inner: ``[columns, hidden] float32``.
        inner_bias: ``[hidden] float32``.
        outer: ``[hidden, labels] float32``.
        outer_bias: ``[labels] float32``.
    """

    inner: NDArray[np.float32]
    inner_bias: NDArray[np.float32]
    outer: NDArray[np.float32]
    outer_bias: NDArray[np.float32]

    @classmethod
    def fit(
        cls,
        rows: Rows,
        labels: NDArray[np.int64],
        classes: int,
        *,
        seed: int = 0,
        shape: NetworkShape = NetworkShape(),
    ) -> Self:
        """Learn from ``rows`` whose label is ``labels[i]``, a number below ``classes``; the same for the same seed."""
        draw = np.random.default_rng(seed)
        trainer = _Trainer(rows.width, classes, draw, shape)
        steps = shape.epochs * max(1, -(-len(rows) // _BATCH))
        done = 0
        for _ in range(shape.epochs):
            order = draw.permutation(len(rows))
            for first in range(0, len(order), _BATCH):
                part = order[first : first + _BATCH]
                trainer.step(rows.take(part), labels[part], shape.rate * (1 - done / steps))
                done += 1
        return cls(as_stored(trainer.inner), trainer.inner_bias, trainer.outer, trainer.outer_bias)

    def scores(self, rows: Rows) -> NDArray[np.float32]:
        """``[n, labels] float32``, logits."""
        hidden = np.maximum(rows.dot(self.inner) + self.inner_bias, 0)
        return hidden @ self.outer.astype(np.float32) + self.outer_bias


class _Trainer:
    """Adagrad; of the inner weights only the rows of words that occur in the batch are touched."""

    def __init__(self, width: int, classes: int, draw: np.random.Generator, shape: NetworkShape) -> None:
        self._draw = draw
        self._shape = shape
        hidden = shape.hidden
        self.inner = (draw.standard_normal((width, hidden), np.float32) * 0.1).astype(np.float32)
        self.inner_bias = np.zeros(hidden, np.float32)
        self.outer = (draw.standard_normal((hidden, classes), np.float32) / np.sqrt(hidden)).astype(
            np.float32
        )
        self.outer_bias = np.zeros(classes, np.float32)
        self._squares = [np.full_like(part, 1e-3) for part in self._parts()]

    def _parts(self) -> list[NDArray[np.float32]]:
        return [self.inner, self.inner_bias, self.outer, self.outer_bias]

    def step(self, rows: Rows, labels: NDArray[np.int64], rate: float) -> None:
        """One batch."""
        shape, draw = self._shape, self._draw
        values = rows.values * (draw.random(len(rows.values), np.float32) >= shape.input_dropout)
        dropped = Rows(rows.starts, rows.columns, values / np.float32(1 - shape.input_dropout), rows.width)
        before = dropped.dot(self.inner) + self.inner_bias
        mask = (before > 0) & (draw.random(before.shape, np.float32) >= shape.hidden_dropout)
        scale = np.float32(1 / (1 - shape.hidden_dropout))
        hidden = before * mask * scale
        error = self._error(hidden @ self.outer + self.outer_bias, labels)
        back = (error @ self.outer.T) * mask * scale
        self._apply(2, (hidden.T @ error).astype(np.float32), rate)
        self._apply(3, error.sum(axis=0, dtype=np.float32), rate)
        self._apply(1, back.sum(axis=0, dtype=np.float32), rate)
        self._apply_inner(dropped, back, rate)

    def _error(self, logits: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        smoothing = np.float32(self._shape.smoothing)
        chances -= smoothing / chances.shape[1]
        chances[np.arange(len(labels)), labels] -= 1 - smoothing
        return chances / np.float32(len(labels))

    def _apply(self, place: int, gradient: NDArray[np.float32], rate: float) -> None:
        part, squares = self._parts()[place], self._squares[place]
        squares += gradient * gradient
        part -= np.float32(rate) * gradient / (np.sqrt(squares) + np.float32(_TINY))

    def _apply_inner(self, rows: Rows, back: NDArray[np.float32], rate: float) -> None:
        touched, gradient = _gradient(rows, back)
        squares = self._squares[0]
        grown = squares[touched] + gradient * gradient
        squares[touched] = grown
        self.inner[touched] -= np.float32(rate) * gradient / (np.sqrt(grown) + np.float32(_TINY))


def _gradient(rows: Rows, back: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The columns that occur, and ``rows.T @ back`` for them."""
    order = np.argsort(rows.columns, kind="stable")
    columns = rows.columns[order]
    if not len(columns):
        return columns, np.empty((0, back.shape[1]), np.float32)
    owners = np.repeat(np.arange(len(rows)), np.diff(rows.starts))[order]
    products = back[owners] * rows.values[order, None]
    begins = np.flatnonzero(np.concatenate([[True], columns[1:] != columns[:-1]]))
    return columns[begins], np.add.reduceat(products, begins, axis=0)
