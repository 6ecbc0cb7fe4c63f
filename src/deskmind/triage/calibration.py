"""From scores to chances: a logistic regression over all labels' scores, fitted on tickets the scorer had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration"]

_LOOSENESS = 0.3
"""Inverse strength of the penalty."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Chances from scores. Fitted by likelihood on held-out scores, they are calibrated; and one label's score counts for
    another's, so that it corrects the scorer too.

    Attributes:
        weights: ``[scores, labels] float32``.
        bias: ``[labels] float32``.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def fit(cls, scores: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> Self:
        """Learn from scores ``[n, scores]`` that were made without the ticket they are of."""
        linear: Any = import_module("sklearn.linear_model")
        exact = scores.astype(np.float64)
        middle, spread = exact.mean(axis=0), np.maximum(exact.std(axis=0), 1e-3)
        model = linear.LogisticRegression(C=_LOOSENESS, max_iter=1000)
        model.fit((exact - middle) / spread, labels)
        weights, bias = np.asarray(model.coef_).T, np.asarray(model.intercept_)
        if classes == 2:
            weights, bias = np.hstack([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        weights = weights / spread[:, None]
        return cls(weights.astype(np.float32), (bias - middle @ weights).astype(np.float32))

    def chances(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """``[n, labels] float32``, each row sums to 1."""
        logits = scores @ self.weights + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        return odds / odds.sum(axis=1, keepdims=True)
