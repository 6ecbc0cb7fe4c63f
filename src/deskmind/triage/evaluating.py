"""Judging on tickets that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import InvalidRequestError
from deskmind.triage.learning import THRESHOLD, learn
from deskmind.triage.meaning import Embedded
from deskmind.triage.measures import Evaluation, measure
from deskmind.triage.model import TriageModel
from deskmind.triage.predictions import Prediction
from deskmind.triage.splitting import stratified
from deskmind.triage.tickets import TrainingTicket

__all__ = ["Judged", "evaluate", "judge", "judged"]

_HELD_OUT = 5
"""Without folds, one ticket in five is held out."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Held-out tickets, what was said of them, and how right that was.

    Attributes:
        tickets: in the order of ``predictions``.
        evaluations: by target.
    """

    tickets: tuple[TrainingTicket, ...]
    predictions: tuple[Prediction, ...]
    evaluations: dict[str, Evaluation]


def evaluate(
    tickets: Sequence[TrainingTicket],
    *,
    embedded: Embedded | None = None,
    folds: int = 1,
    threshold: float = THRESHOLD,
    seed: int = 0,
) -> Judged:
    """Learn from a part and judge on the rest, stratified by the first target; blocking.

    Args:
        tickets: with labels.
        embedded: their texts, in one order; None judges words alone.
        folds: 1 holds out one ticket in five; from 2 on, every ticket is held out once.
        threshold: confidence below which is abstained.
        seed: of the split.

    Raises:
        MissingExtraError: the extra ``triage`` is not installed.
        InvalidRequestError: there are too few tickets.
    """
    if not 1 <= folds <= 20:
        raise InvalidRequestError(f"{folds} folds are not possible.", remedy="Choose 1 to 20.")
    parts = _HELD_OUT if folds == 1 else folds
    part_of = stratified(_strata(tickets), parts, seed=seed)
    held: list[TrainingTicket] = []
    said: list[Prediction] = []
    for part in range(folds):
        learned, kept = np.flatnonzero(part_of != part), np.flatnonzero(part_of == part)
        model = learn(
            [tickets[place] for place in learned.tolist()],
            embedded=None if embedded is None else embedded.take(learned),
            threshold=threshold,
        )
        asked = [tickets[place] for place in kept.tolist()]
        held += asked
        vectors = None if embedded is None else embedded.vectors[kept]
        said += model.predict([ticket.text for ticket in asked], vectors=vectors)
    return judged(held, said, threshold=threshold)


def judge(
    model: TriageModel,
    tickets: Sequence[TrainingTicket],
    *,
    vectors: NDArray[np.float32] | None = None,
    threshold: float | None = None,
) -> Judged:
    """Judge a model on tickets it has not learned from; ``vectors`` as for ``TriageModel.predict``."""
    said = model.predict([ticket.text for ticket in tickets], vectors=vectors, threshold=threshold)
    return judged(tickets, said, threshold=model.threshold if threshold is None else threshold)


def judged(
    tickets: Sequence[TrainingTicket], said: Sequence[Prediction], *, threshold: float = THRESHOLD
) -> Judged:
    """Predictions beside the tickets they are of, in one order; targets without a label are not judged."""
    targets = sorted({name for prediction in said for name in prediction.guesses})
    evaluations: dict[str, Evaluation] = {}
    for target in targets:
        pairs = [
            (ticket.labels[target], prediction.guesses[target])
            for ticket, prediction in zip(tickets, said, strict=True)
            if ticket.labels.get(target)
        ]
        if pairs:
            evaluations[target] = measure(
                [label for label, _ in pairs],
                [guess.label for _, guess in pairs],
                np.array([guess.confidence for _, guess in pairs]),
                threshold=threshold,
            )
    return Judged(tuple(tickets), tuple(said), evaluations)


def _strata(tickets: Sequence[TrainingTicket]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    target = min((name for ticket in tickets for name in ticket.labels), default="")
    labels = [ticket.labels.get(target, "") for ticket in tickets]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)
