"""A trained model: what it says of a ticket, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskmind.triage.calibration import Calibration
from deskmind.triage.features import Vocabulary
from deskmind.triage.linear import Linear
from deskmind.triage.meaning import Meaning, closeness, votes
from deskmind.triage.neighbours import Neighbours
from deskmind.triage.past import Past
from deskmind.triage.predictions import Guess, Neighbour, Prediction, Term
from deskmind.triage.rows import Rows

__all__ = ["MOST_TOLD", "SURE", "Provenance", "Reading", "TargetModel", "TriageModel"]

SURE = 0.9
"""From this confidence on, words alone decide: meaning would change one label in a hundred, as often for the worse, and costs
four times as much."""

_MOST_TERMS = 5
MOST_TOLD = 5
"""Tickets of the past that a prediction cites."""

_MOST_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model comes from.

    Attributes:
        trained_at: when, with a zone.
        tickets: how many it has learned from.
        release: of Deskmind.
        evaluation: by target, figures on tickets held out while it was trained; see ``Evaluation.figures``.
        left_out: by target, labels of too few tickets and how many have them.
        embedding: space of the vectors that counted; empty where it learned from words alone.
        words_only: by target, figures of the same tickets without an embedder; empty without ``embedding``.
    """

    trained_at: datetime
    tickets: int
    release: str
    evaluation: Mapping[str, Mapping[str, float | int]]
    left_out: Mapping[str, Mapping[str, int]]
    embedding: str = ""
    words_only: Mapping[str, Mapping[str, float | int]] = field(
        default_factory=dict[str, Mapping[str, float | int]]
    )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "trained_at": self.trained_at.isoformat(),
            "tickets": self.tickets,
            "release": self.release,
            "evaluation": {target: dict(figures) for target, figures in self.evaluation.items()},
            "left_out": {target: dict(labels) for target, labels in self.left_out.items()},
            "embedding": self.embedding,
            "words_only": {target: dict(figures) for target, figures in self.words_only.items()},
        }

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Provenance:
        """From ``as_dict``."""
        return cls(
            datetime.fromisoformat(given["trained_at"]),
            given["tickets"],
            given["release"],
            given["evaluation"],
            given["left_out"],
            given.get("embedding", ""),
            given.get("words_only", {}),
        )


@dataclass(frozen=True, slots=True)
class TargetModel:
    """What predicts one target.

    Attributes:
        labels: sorted; a score's column ``i`` is of ``labels[i]``.
        calibration: of the linear scores.
        known: ``[tickets of the past] int16``, each one's label, -1 for none.
        joined: of the linear scores and the votes by meaning; None where it learned from words alone.
    """

    labels: tuple[str, ...]
    linear: Linear
    calibration: Calibration
    known: NDArray[np.int16]
    joined: Calibration | None = None
    _labelled: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _numbers: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        labelled = np.flatnonzero(self.known >= 0)
        object.__setattr__(self, "_labelled", labelled)
        object.__setattr__(self, "_numbers", self.known[labelled].astype(np.int64))

    def chances(self, rows: Rows, close: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """``[n, labels]``, each row sums to 1.

        Args:
            rows: of the texts.
            close: the texts' closeness by meaning to the tickets of the past, ``[n, tickets]``; None counts words alone.
        """
        scores = self.linear.scores(rows)
        if close is None or self.joined is None:
            return self.calibration.chances(scores)
        some = close if len(self._labelled) == close.shape[1] else close[:, self._labelled]
        return self.joined.chances(np.hstack([scores, votes(some, self._numbers, len(self.labels))]))


@dataclass(frozen=True, slots=True)
class Reading:
    """What the words of a ticket say.

    Attributes:
        rows: its terms and runs of characters, one row.
        words: its terms alone.
        nearest: tickets of the past that read alike, and their similarities.
        chances: by target, of each label by words alone.
        sure: words alone decide.
    """

    rows: Rows
    words: Rows
    nearest: tuple[NDArray[np.int64], NDArray[np.float32]]
    chances: Mapping[str, NDArray[np.float32]]
    sure: bool


@dataclass(frozen=True, slots=True)
class TriageModel:
    """Predicts each target of a ticket's text.

    Attributes:
        vocabulary: which terms count.
        neighbours: index of the tickets of the past, in the order of ``past``.
        past: what is told of them.
        targets: models by name.
        threshold: confidence below which a prediction is abstained from.
        provenance: where it comes from.
        meaning: the tickets of the past by meaning; None where it learned from words alone.
    """

    vocabulary: Vocabulary
    neighbours: Neighbours
    past: Past
    targets: Mapping[str, TargetModel]
    threshold: float
    provenance: Provenance
    meaning: Meaning | None = None
    _past: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tickets = np.empty((0, 0), np.int8) if self.meaning is None else self.meaning.tickets
        object.__setattr__(self, "_past", tickets.astype(np.float32))

    def predict(
        self,
        texts: Sequence[str],
        *,
        vectors: NDArray[np.float32] | None = None,
        threshold: float | None = None,
        neighbours: int = MOST_TOLD,
    ) -> list[Prediction]:
        """Predictions in the order of ``texts``; blocking, about a millisecond of computing a ticket.

        Args:
            texts: of tickets, summary first.
            vectors: of the texts, ``[n, dimensions]`` in the space of ``provenance.embedding``; None predicts by words
                alone, as does a model that learned without. They count where words alone are not sure.
            threshold: instead of the model's.
            neighbours: how many tickets of the past are cited at most.
        """
        return [
            self.say(
                self.read(text, neighbours=neighbours),
                vector=None if vectors is None else vectors[place],
                threshold=threshold,
            )
            for place, text in enumerate(texts)
        ]

    def read(self, text: str, *, neighbours: int = MOST_TOLD) -> Reading:
        """What the words of a ticket say; ``say`` makes a prediction of it."""
        rows = self.vocabulary.rows([text])
        words = rows.until(len(self.vocabulary.terms))
        chances = {name: target.chances(rows)[0] for name, target in self.targets.items()}
        sure = len(words.columns) > 0 and all(float(some.max()) >= SURE for some in chances.values())
        return Reading(rows, words, self.neighbours.nearest(*words.row(0), neighbours), chances, sure)

    def say(
        self, read: Reading, *, vector: NDArray[np.float32] | None = None, threshold: float | None = None
    ) -> Prediction:
        """The prediction; ``vector`` and ``threshold`` as for ``predict``."""
        least = self.threshold if threshold is None else threshold
        chances, meant = read.chances, False
        if self.meaning is not None and vector is not None and not read.sure:
            close = closeness(self.meaning.along(vector[None]), self._past)
            chances = {name: target.chances(read.rows, close)[0] for name, target in self.targets.items()}
            meant = True
        guesses = {name: self._guess(name, some, read.words, least) for name, some in chances.items()}
        told = zip(read.nearest[0].tolist(), read.nearest[1].tolist(), strict=True)
        return Prediction(guesses, tuple(self.neighbour(*one) for one in told), meant)

    def _guess(self, name: str, chances: NDArray[np.float32], words: Rows, threshold: float) -> Guess:
        target = self.targets[name]
        order: list[int] = np.argsort(-chances, kind="stable").tolist()
        best = order[0]
        confidence = float(chances[best])
        return Guess(
            label=target.labels[best],
            confidence=confidence,
            abstained=confidence < threshold or not len(words.columns),
            alternatives=tuple(
                (target.labels[place], float(chances[place])) for place in order[1 : 1 + _MOST_ALTERNATIVES]
            ),
            terms=self._terms(target, best, words),
        )

    def _terms(self, target: TargetModel, label: int, words: Rows) -> tuple[Term, ...]:
        """Words that speak for the label most, by the linear model: value × (weight - the labels' mean weight)."""
        weights = target.linear.weights[words.columns]
        shares = words.values * (weights[:, label] - weights.mean(axis=1))
        columns: list[int] = words.columns.tolist()
        speaking: list[float] = shares.tolist()
        found: dict[str, float] = {}
        for column, share in zip(columns, speaking, strict=True):
            text = self.vocabulary.terms[column].lstrip("^")
            found[text] = found.get(text, 0.0) + share
        best = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:_MOST_TERMS]
        return tuple(Term(text, weight) for text, weight in best if weight > 0)

    def neighbour(self, ticket: int, similarity: float) -> Neighbour:
        """What is told of a ticket of the past."""
        known = {name: int(target.known[ticket]) for name, target in self.targets.items()}
        labels = {name: self.targets[name].labels[label] for name, label in known.items() if label >= 0}
        return Neighbour(
            self.past.references[ticket],
            similarity,
            bool(self.past.resolved[ticket]),
            labels,
            self.past.documents[ticket] if self.past.documents else "",
        )
