"""Learning a model from tickets of the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import InvalidRequestError
from deskmind.triage.features import Vocabulary
from deskmind.triage.linear import Linear, require_extra
from deskmind.triage.measures import Evaluation, measure
from deskmind.triage.model import NEAREST, Provenance, TargetModel, TriageModel, votes_of
from deskmind.triage.neighbours import Neighbours
from deskmind.triage.network import Network
from deskmind.triage.past import Past
from deskmind.triage.rows import Rows
from deskmind.triage.splitting import stratified
from deskmind.triage.stack import Stack
from deskmind.triage.tickets import TrainingTicket

__all__ = ["LEAST_OF_A_LABEL", "THRESHOLD", "learn"]

THRESHOLD = 0.5
"""Below this confidence the likeliest label is likelier wrong than right."""

LEAST_OF_A_LABEL = 5
"""A label of fewer tickets cannot be learned."""

_FOLDS = 4
_UNKNOWN = -1

Nearest = list[tuple[NDArray[np.int64], NDArray[np.float32]]]


def learn(
    tickets: Iterable[TrainingTicket],
    *,
    targets: Sequence[str] | None = None,
    threshold: float = THRESHOLD,
    release: str = "",
    now: datetime | None = None,
) -> TriageModel:
    """A model of each target; blocking, minutes for tens of thousands of tickets. The same tickets give the same model.

    Three scorers look at a text: a linear model, a network with one hidden layer, and the tickets that read alike. What
    weighs their scores is fitted on scores of tickets that the scorers had not seen (cross-fitting), so that its
    chances are calibrated and the figures in the provenance are honest.

    Args:
        tickets: of the past.
        targets: what to predict; default every target that some ticket has.
        threshold: confidence below which the model abstains, 0 to 1.
        release: of Deskmind, for the provenance.
        now: when, for the provenance.

    Raises:
        MissingExtraError: the extra ``triage`` is not installed.
        InvalidRequestError: there are too few tickets, or a target has fewer than two labels of five tickets.
    """
    require_extra()
    taken = list(tickets)
    wanted = list(targets) if targets is not None else sorted({name for one in taken for name in one.labels})
    labelled = {name: _Labelled.of(name, taken) for name in wanted}
    if not labelled:
        raise InvalidRequestError(
            "No ticket has a label.", remedy="Give tickets with what people chose for them."
        )
    vocabulary, rows = Vocabulary.of([ticket.text for ticket in taken])
    if not vocabulary.terms:
        raise InvalidRequestError(
            "There is nothing to learn from.", why="No two tickets share a word.", remedy="Give more tickets."
        )
    words = rows.until(len(vocabulary.terms))
    neighbours = Neighbours(words)
    nearest = [neighbours.nearest(*words.row(place), NEAREST, but=place) for place in range(len(taken))]
    made = {name: _target(found, rows, words, nearest, threshold) for name, found in labelled.items()}
    return TriageModel(
        vocabulary=vocabulary,
        neighbours=neighbours,
        past=_past(taken),
        targets={name: target for name, (target, _) in made.items()},
        threshold=threshold,
        provenance=Provenance(
            trained_at=now or datetime.now(UTC),
            tickets=len(taken),
            release=release,
            evaluation={name: evaluation.figures() for name, (_, evaluation) in made.items()},
            left_out={name: found.left_out for name, found in labelled.items() if found.left_out},
        ),
    )


class _Labelled:
    """One target's labels: ``places`` of the tickets that have one, ``numbers`` their labels, ``known`` of all."""

    def __init__(
        self, labels: tuple[str, ...], known: NDArray[np.int16], left_out: Mapping[str, int]
    ) -> None:
        self.labels = labels
        self.known = known
        self.left_out = left_out
        self.places = np.flatnonzero(known != _UNKNOWN)
        self.numbers = known[self.places].astype(np.int64)

    @classmethod
    def of(cls, target: str, tickets: Sequence[TrainingTicket]) -> _Labelled:
        counts = Counter(ticket.labels[target] for ticket in tickets if ticket.labels.get(target))
        labels = tuple(sorted(label for label, count in counts.items() if count >= LEAST_OF_A_LABEL))
        if len(labels) < 2:
            raise InvalidRequestError(
                f"There are too few tickets to learn '{target}' from.",
                why=f"At least two labels with {LEAST_OF_A_LABEL} tickets each are needed; {len(labels)} are there.",
                remedy="Give more tickets, or another target.",
            )
        numbers = {label: number for number, label in enumerate(labels)}
        known = np.array([numbers.get(one.labels.get(target, ""), _UNKNOWN) for one in tickets], np.int16)
        return cls(labels, known, {label: count for label, count in counts.items() if label not in numbers})


def _target(
    found: _Labelled, rows: Rows, words: Rows, nearest: Nearest, threshold: float
) -> tuple[TargetModel, Evaluation]:
    classes = len(found.labels)
    ours, our_words = rows.take(found.places), words.take(found.places)
    votes = votes_of([nearest[place] for place in found.places], found.known, classes)
    folds = stratified(found.numbers, _FOLDS)
    scores = np.zeros((len(found.places), 2 * classes), np.float32)
    for fold in range(_FOLDS):
        learned, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        linear, network = _scorers(
            ours.take(learned), our_words.take(learned), found.numbers[learned], classes
        )
        scores[held] = np.hstack([linear.scores(ours.take(held)), network.scores(our_words.take(held))])
    unseen = np.hstack([scores, votes])
    linear, network = _scorers(ours, our_words, found.numbers, classes)
    stack = Stack.fit(unseen, found.numbers, classes)
    evaluation = _held_out(unseen, found, folds, threshold)
    return TargetModel(found.labels, linear, network, stack, found.known), evaluation


def _scorers(rows: Rows, words: Rows, numbers: NDArray[np.int64], classes: int) -> tuple[Linear, Network]:
    return Linear.fit(rows, numbers, classes), Network.fit(words, numbers, classes)


def _held_out(
    unseen: NDArray[np.float32], found: _Labelled, folds: NDArray[np.int64], threshold: float
) -> Evaluation:
    """The stack's own cross-fitting: each ticket is judged by a stack that was not fitted on it."""
    classes = len(found.labels)
    chances = np.zeros((len(found.numbers), classes), np.float32)
    for fold in range(_FOLDS):
        learned, held = folds != fold, folds == fold
        chances[held] = Stack.fit(unseen[learned], found.numbers[learned], classes).chances(unseen[held])
    best: list[int] = chances.argmax(axis=1).tolist()
    truth: list[int] = found.numbers.tolist()
    return measure(
        [found.labels[number] for number in truth],
        [found.labels[number] for number in best],
        chances.max(axis=1),
        threshold=threshold,
    )


def _past(tickets: Sequence[TrainingTicket]) -> Past:
    return Past(
        tuple(ticket.reference or str(number) for number, ticket in enumerate(tickets, start=1)),
        np.array([ticket.resolved for ticket in tickets], np.bool_),
    )
