"""How sure we may be that passages answer a question, as a probability.

A logistic regression on a few facts, fitted by ``evals/fit_decline.py`` on the WorkArena development questions: each
question once with its article and once with the article taken out. ``docs/design/declining.md`` tells which facts
were tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import Self

from deskmind.knowledge.answering.expectation import Expectation
from deskmind.knowledge.lexical import tokens
from deskmind.knowledge.models import Passage

__all__ = ["DEFAULT_THRESHOLD", "WORDS_ONLY_THRESHOLD", "Evidence", "Terms", "confidence_of", "weigh"]

DEFAULT_THRESHOLD = 0.24
"""5 % of the answerable development questions lie below it (4.6 % to be exact)."""

WORDS_ONLY_THRESHOLD = 0.13
"""The same without an embedder, for 1 %: words alone tell so little that declining more would cost right answers."""

_WIDE_MARGIN = 0.5
_WITH_SENTENCES = (-8.194, 12.198, 0.0, 4.928, -0.35, 1.467, -1.099)
_WORDS_ONLY = (-0.13, 0.0, 0.206, 3.566, -0.417, 0.894, -0.288)
"""Base, then one coefficient for each of ``Evidence.facts``."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The question's terms with their rarity among the passages found."""

    rarity: dict[str, float]

    @classmethod
    def of(cls, question: str, passages: Sequence[Passage]) -> Self:
        """Weigh each term by how few of the passages hold it."""
        held = [set(tokens(_whole(passage))) for passage in passages]
        return cls(
            {
                term: math.log(1 + (len(held) + 1) / (sum(term in words for words in held) + 0.5))
                for term in set(tokens(question))
            }
        )

    def coverage(self, text: str) -> float:
        """Share of the terms that ``text`` holds, weighted by rarity, 0 to 1."""
        total = sum(self.rarity.values())
        return (
            sum(self.rarity[term] for term in self.rarity.keys() & set(tokens(text))) / total
            if total
            else 0.0
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer.

    Attributes:
        sentence: best cosine similarity of a single sentence; None without an embedder.
        coverage: share of the question's terms in the best passage, weighted by rarity, 0 to 1.
        margin: lead of the best document over the next.
        missing: how many words the question is about do not stand in the best document's passages.
        meets: whether the quote holds a value of the kind asked for.
        names: whether the question names something. All that is written about a thing resembles each question
            that names it, so that resemblance then proves less.
    """

    sentence: float | None
    coverage: float
    margin: float
    missing: int = 0
    meets: bool = True
    names: bool = False

    @property
    def facts(self) -> tuple[float, ...]:
        """The numbers that confidence is made of, in the order of its coefficients."""
        return (
            self.sentence or 0.0,
            self.coverage,
            min(self.margin, _WIDE_MARGIN),
            float(self.missing),
            float(self.meets),
            float(self.names),
        )


def weigh(question: str, terms: Terms, passages: Sequence[Passage], quote: str) -> Evidence:
    """The evidence in passages, best first, for an answer that would begin with ``quote``."""
    expected = Expectation.of(question)
    if not passages:
        return Evidence(None, 0.0, 0.0, len(expected.focus), meets=False, names=expected.names)
    best = passages[0]
    sentences = [score for passage in passages for score in passage.sentence_scores]
    document = [passage for passage in passages if passage.document_id == best.document_id]
    other = next((passage.score for passage in passages if passage.document_id != best.document_id), 0.0)
    return Evidence(
        sentence=max(sentences, default=None),
        coverage=terms.coverage(_whole(best)),
        margin=best.score - other,
        missing=expected.missing(" ".join(map(_whole, document))),
        meets=expected.met_by(quote),
        names=expected.names,
    )


def confidence_of(evidence: Evidence) -> float:
    """The probability that the passages answer the question."""
    base, *coefficients = _WORDS_ONLY if evidence.sentence is None else _WITH_SENTENCES
    total = base + sum(map(mul, coefficients, evidence.facts))
    return 1 / (1 + math.exp(-total))


def _whole(passage: Passage) -> str:
    return " ".join((passage.title, *passage.headings, passage.text))
