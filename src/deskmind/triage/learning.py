"""Learning a model from tickets of the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import InvalidRequestError
from deskmind.triage.calibration import Calibration
from deskmind.triage.features import Vocabulary
from deskmind.triage.linear import Linear, require_extra
from deskmind.triage.meaning import SCALE, Embedded, Meaning, closeness, votes
from deskmind.triage.measures import Evaluation, measure
from deskmind.triage.model import SURE, Provenance, TargetModel, TriageModel
from deskmind.triage.neighbours import Neighbours
from deskmind.triage.past import Past
from deskmind.triage.rows import Rows
from deskmind.triage.splitting import stratified
from deskmind.triage.tickets import TrainingTicket

__all__ = ["LEAST_OF_A_LABEL", "THRESHOLD", "learn"]

THRESHOLD = 0.5
"""Below this confidence the likeliest label is likelier wrong than right."""

LEAST_OF_A_LABEL = 5
"""A label of fewer tickets cannot be learned."""

_FOLDS = 4
_PART = 256
_UNKNOWN = -1


def learn(
    tickets: Iterable[TrainingTicket],
    *,
    embedded: Embedded | None = None,
    targets: Sequence[str] | None = None,
    threshold: float = THRESHOLD,
    release: str = "",
    now: datetime | None = None,
) -> TriageModel:
    """A model of each target; blocking, minutes for tens of thousands of tickets. The same tickets give the same model.

    A linear model scores the labels; a logistic regression makes chances of the scores. It is fitted on scores of tickets
    that the linear model had not seen (cross-fitting), so that the chances are calibrated and the figures in the
    provenance are honest. With ``embedded``, what the nearest tickets by meaning were given counts too, and a second
    regression, over words alone, predicts where no embedder is.

    Args:
        tickets: of the past.
        embedded: their texts, in one order; None learns from words alone.
        targets: what to predict; default every target that can be learned.
        threshold: confidence below which the model abstains, 0 to 1.
        release: of Deskmind, for the provenance.
        now: when, for the provenance.

    Raises:
        MissingExtraError: the extra ``triage`` is not installed.
        InvalidRequestError: there are too few tickets, or a target has fewer than two labels of five tickets.
    """
    require_extra()
    taken = list(tickets)
    labelled = _labelled(taken, targets)
    vocabulary, rows = Vocabulary.of([ticket.text for ticket in taken])
    if not vocabulary.terms:
        raise InvalidRequestError(
            "There is nothing to learn from.", why="No two tickets share a word.", remedy="Give more tickets."
        )
    meaning = None if embedded is None else Meaning.of(embedded.vectors)
    made = {name: _fitted(found, rows, meaning, threshold) for name, found in labelled.items()}
    past = _past(taken)
    return TriageModel(
        vocabulary=vocabulary,
        neighbours=Neighbours(rows.until(len(vocabulary.terms))),
        past=past if embedded is None else past.embedded(embedded.space, embedded.vectors),
        targets={name: fitted.target for name, fitted in made.items()},
        threshold=threshold,
        provenance=Provenance(
            trained_at=now or datetime.now(UTC),
            tickets=len(taken),
            release=release,
            evaluation={name: fitted.evaluation.figures() for name, fitted in made.items()},
            left_out={name: found.left_out for name, found in labelled.items() if found.left_out},
            embedding="" if embedded is None else embedded.space,
            words_only={name: one.words_only.figures() for name, one in made.items() if one.words_only},
        ),
        meaning=meaning,
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
                why=f"At least two labels with {LEAST_OF_A_LABEL} tickets each are needed, and there "
                + ("is one." if len(labels) == 1 else "is none."),
                remedy="Give more tickets, or another target.",
            )
        numbers = {label: number for number, label in enumerate(labels)}
        known = np.array([numbers.get(one.labels.get(target, ""), _UNKNOWN) for one in tickets], np.int16)
        return cls(labels, known, {label: count for label, count in counts.items() if label not in numbers})


def _labelled(tickets: Sequence[TrainingTicket], targets: Sequence[str] | None) -> dict[str, _Labelled]:
    """The labels of each target: of every one that is named, else of those that have enough, one at least."""
    if targets is not None:
        found = {name: _Labelled.of(name, tickets) for name in targets}
    else:
        names = sorted({name for one in tickets for name in one.labels})
        enough = [name for name in names if _learnable(name, tickets)]
        found = {name: _Labelled.of(name, tickets) for name in enough or names}
    if not found:
        raise InvalidRequestError(
            "No ticket has a label.", remedy="Give tickets with what people chose for them."
        )
    return found


def _learnable(target: str, tickets: Sequence[TrainingTicket]) -> bool:
    counts = Counter(ticket.labels.get(target) for ticket in tickets)
    return sum(bool(label) and count >= LEAST_OF_A_LABEL for label, count in counts.items()) >= 2


@dataclass(frozen=True, slots=True)
class _Fitted:
    """One target's model and its figures on held-out tickets; ``words_only`` where an embedder counts beside words."""

    target: TargetModel
    evaluation: Evaluation
    words_only: Evaluation | None = None


def _fitted(found: _Labelled, rows: Rows, meaning: Meaning | None, threshold: float) -> _Fitted:
    classes = len(found.labels)
    ours = rows.take(found.places)
    folds = stratified(found.numbers, _FOLDS)
    unseen = _unseen_scores(found, ours, folds)
    by_words = _held_out(unseen, found, folds)
    words = _judged(by_words, found, threshold)
    linear = Linear.fit(ours, found.numbers, classes)
    calibration = Calibration.fit(unseen, found.numbers, classes)
    if meaning is None:
        return _Fitted(TargetModel(found.labels, linear, calibration, found.known), words)
    both = np.hstack([unseen, _unseen_votes(found, meaning.tickets[found.places], folds)])
    joined = Calibration.fit(both, found.numbers, classes)
    target = TargetModel(found.labels, linear, calibration, found.known, joined)
    sure = by_words.max(axis=1, keepdims=True) >= SURE
    mixed = np.where(sure, by_words, _held_out(both, found, folds))
    return _Fitted(target, _judged(mixed, found, threshold), words)


def _unseen_scores(found: _Labelled, rows: Rows, folds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scores of each ticket by a linear model that has not seen it."""
    unseen = np.zeros((len(found.places), len(found.labels)), np.float32)
    for fold in range(_FOLDS):
        learned, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        linear = Linear.fit(rows.take(learned), found.numbers[learned], len(found.labels))
        unseen[held] = linear.scores(rows.take(held))
    return unseen


def _unseen_votes(
    found: _Labelled, tickets: NDArray[np.int8], folds: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Votes on each ticket by those of the other folds."""
    unseen = np.zeros((len(found.places), len(found.labels)), np.float32)
    for fold in range(_FOLDS):
        learned, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        past = tickets[learned].astype(np.float32)
        for first in range(0, len(held), _PART):
            part = held[first : first + _PART]
            asked = tickets[part].astype(np.float32) / SCALE
            unseen[part] = votes(closeness(asked, past), found.numbers[learned], len(found.labels))
    return unseen


def _held_out(unseen: NDArray[np.float32], found: _Labelled, folds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Chances by the calibration's own cross-fitting: of each ticket by a calibration that was not fitted on it."""
    classes = len(found.labels)
    chances = np.zeros((len(found.numbers), classes), np.float32)
    for fold in range(_FOLDS):
        learned, held = folds != fold, folds == fold
        chances[held] = Calibration.fit(unseen[learned], found.numbers[learned], classes).chances(
            unseen[held]
        )
    return chances


def _judged(chances: NDArray[np.float32], found: _Labelled, threshold: float) -> Evaluation:
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
        documents=tuple(ticket.document for ticket in tickets),
    )
