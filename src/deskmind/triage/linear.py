"""A linear model over all columns: a support vector machine a label, one against the rest."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import MissingExtraError
from deskmind.triage.rows import Rows, as_stored

__all__ = ["Linear", "require_extra"]

_PENALTY = 0.4


def require_extra() -> None:
    """Learning needs scikit-learn; predicting does not.

    Raises:
        MissingExtraError: the extra ``triage`` is not installed.
    """
    if find_spec("sklearn") is None:
        raise MissingExtraError("What triage learns with", "triage")


@dataclass(frozen=True, slots=True)
class Linear:
    """Scores of labels.

    Attributes:
        weights: ``[columns, labels] float32``.
        bias: ``[labels] float32``.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def fit(cls, rows: Rows, labels: NDArray[np.int64], classes: int, *, penalty: float = _PENALTY) -> Self:
        """Learn from ``rows`` whose label is ``labels[i]``; each number below ``classes`` occurs.

        Raises:
            MissingExtraError: the extra ``triage`` is not installed.
        """
        require_extra()
        svm: Any = import_module("sklearn.svm")
        machine = svm.LinearSVC(C=penalty, class_weight=None, random_state=0, tol=0.01, max_iter=300)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # liblinear says when it stops before its tolerance; the folds judge
            machine.fit(_matrix(rows), labels)
        weights = np.asarray(machine.coef_, np.float32).T
        bias = np.asarray(machine.intercept_, np.float32)
        if classes == 2:
            weights, bias = np.hstack([-weights, weights]), np.concatenate([-bias, bias])
        return cls(as_stored(np.ascontiguousarray(weights)), bias)

    def scores(self, rows: Rows) -> NDArray[np.float32]:
        """``[n, labels] float32``, distances from the border."""
        return rows.dot(self.weights) + self.bias


def _matrix(rows: Rows) -> Any:
    sparse: Any = import_module("scipy.sparse")
    return sparse.csr_matrix((rows.values, rows.columns, rows.starts), shape=(len(rows), rows.width))
