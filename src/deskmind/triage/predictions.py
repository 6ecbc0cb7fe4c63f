"""What is said of a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Guess", "Neighbour", "Prediction", "Term"]


@dataclass(frozen=True, slots=True)
class Term:
    """A word or two that speak for a label, and how strongly; comparable within one guess only."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A ticket of the past that reads alike.

    Attributes:
        reference: what a person calls it.
        similarity: cosine, 0 to 1.
        resolved: whether it is done.
        labels: what people chose for it, by target.
        document: what it is in the knowledge, see ``TrainingTicket``.
        uri: where to look at it, as far as that was looked up.
    """

    reference: str
    similarity: float
    resolved: bool
    labels: Mapping[str, str]
    document: str = ""
    uri: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "reference": self.reference,
            "similarity": round(self.similarity, 4),
            "resolved": self.resolved,
            "labels": dict(self.labels),
            "uri": self.uri,
        }


@dataclass(frozen=True, slots=True)
class Guess:
    """One target of one ticket.

    Attributes:
        label: the likeliest, also where it is abstained from.
        confidence: chance that it is right, 0 to 1, calibrated.
        abstained: the confidence is below the threshold: a person should choose.
        alternatives: the next ones with their chances.
        terms: what in the text speaks for the label.
    """

    label: str
    confidence: float
    abstained: bool
    alternatives: tuple[tuple[str, float], ...]
    terms: tuple[Term, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "abstained": self.abstained,
            "alternatives": [
                {"label": label, "confidence": round(chance, 4)} for label, chance in self.alternatives
            ],
            "terms": [{"text": term.text, "weight": round(term.weight, 4)} for term in self.terms],
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """All targets of one ticket, and the tickets of the past that read most alike.

    Attributes:
        by_meaning: an embedder counted too; False where words alone were sure, or no embedder was there.
    """

    guesses: Mapping[str, Guess]
    neighbours: tuple[Neighbour, ...]
    by_meaning: bool = False

    def as_dict(self, *, neighbours: bool = True) -> dict[str, Any]:
        """For JSON."""
        guesses = {target: guess.as_dict() for target, guess in self.guesses.items()}
        told: dict[str, Any] = {"guesses": guesses, "by_meaning": self.by_meaning}
        if neighbours:
            told["neighbours"] = [one.as_dict() for one in self.neighbours]
        return told
