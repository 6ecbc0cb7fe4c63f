"""How good predictions are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassMeasure", "Evaluation", "measure"]

_BINS = 15
_COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class ClassMeasure:
    """One label: shares are 0 to 1, ``tickets`` is how many truly have it."""

    label: str
    precision: float
    recall: float
    f1: float
    tickets: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Predictions of one target against what people chose.

    Attributes:
        tickets: how many were judged.
        accuracy: share that is right, nothing abstained from.
        macro_f1: mean of the labels' F1.
        calibration_error: expected calibration error over 15 bins of equal width (Naeini et al., 2015): how far
            confidence is from accuracy.
        accuracy_at_80: accuracy of the 80 % with the highest confidence.
        threshold: below this confidence a prediction is abstained from.
        coverage: share at or above the threshold.
        accuracy_covered: accuracy of these.
        classes: by label, the most frequent first.
        confusion: ``[true][predicted]`` counts, in the order of ``classes``.
    """

    tickets: int
    accuracy: float
    macro_f1: float
    calibration_error: float
    accuracy_at_80: float
    threshold: float
    coverage: float
    accuracy_covered: float
    classes: tuple[ClassMeasure, ...]
    confusion: tuple[tuple[int, ...], ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def figures(self) -> dict[str, float | int]:
        """Without the tables, rounded: what is kept with a model."""
        return {
            "tickets": self.tickets,
            "accuracy": round(self.accuracy, 4),
            "macro_f1": round(self.macro_f1, 4),
            "calibration_error": round(self.calibration_error, 4),
            "accuracy_at_80": round(self.accuracy_at_80, 4),
        }


def measure(
    truth: Sequence[str], predicted: Sequence[str], confidence: NDArray[np.floating], *, threshold: float
) -> Evaluation:
    """Compare predictions with the truth.

    Args:
        truth: labels that people chose.
        predicted: the same number of labels, in the same order.
        confidence: ``[n]``, 0 to 1.
        threshold: of abstaining.
    """
    right = np.array([one == other for one, other in zip(truth, predicted, strict=True)])
    labels = [label for label, _ in sorted(Counter(truth).items(), key=lambda item: (-item[1], item[0]))]
    labels += sorted(set(predicted) - set(labels))
    confusion = _confusion(truth, predicted, labels)
    classes = tuple(_of_class(label, confusion, place) for place, label in enumerate(labels))
    covered = confidence >= threshold
    best = np.argsort(-confidence, kind="stable")[: max(1, round(_COVERAGE * len(right)))]
    return Evaluation(
        tickets=len(right),
        accuracy=float(right.mean()),
        macro_f1=float(np.mean([one.f1 for one in classes if one.tickets])),
        calibration_error=calibration_error(right, confidence),
        accuracy_at_80=float(right[best].mean()),
        threshold=threshold,
        coverage=float(covered.mean()),
        accuracy_covered=float(right[covered].mean()) if covered.any() else 0.0,
        classes=classes,
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def calibration_error(right: NDArray[np.bool_], confidence: NDArray[np.floating]) -> float:
    """The expected calibration error: the bins' |accuracy - confidence|, weighted by their tickets."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, right - confidence, _BINS)
    return float(np.abs(gaps).sum() / len(right))


def _confusion(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    places = {label: place for place, label in enumerate(labels)}
    made = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(made, ([places[label] for label in truth], [places[label] for label in predicted]), 1)
    return made


def _of_class(label: str, confusion: NDArray[np.int64], place: int) -> ClassMeasure:
    hits = float(confusion[place, place])
    called, real = float(confusion[:, place].sum()), float(confusion[place].sum())
    return ClassMeasure(
        label,
        precision=hits / called if called else 0.0,
        recall=hits / real if real else 0.0,
        f1=2 * hits / (called + real) if called + real else 0.0,
        tickets=int(real),
    )
