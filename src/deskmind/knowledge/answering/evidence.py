"""How sure we may be that passages answer a question, as a probability.

A logistic regression on three facts, fitted by ``evals/fit_decline.py`` on the WorkArena development questions: each
question once with its article and once with the article taken out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from deskmind.knowledge.lexical import tokens
from deskmind.knowledge.models import Passage

__all__ = ["DEFAULT_THRESHOLD", "Evidence", "Terms", "confidence_of", "weigh"]

DEFAULT_THRESHOLD = 0.195
"""5 % of the answerable development questions lie below it."""

_WITH_SENTENCES = (-8.793, 12.247, 1.214, 7.733)
_WORDS_ONLY = (-1.728, 0.0, 1.957, 6.838)


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
        coverage: share of the question's terms in the best passage.
        margin: lead of the best document over the next.
    """

    sentence: float | None
    coverage: float
    margin: float


def weigh(terms: Terms, passages: Sequence[Passage]) -> Evidence:
    """The evidence in passages, best first."""
    if not passages:
        return Evidence(None, 0.0, 0.0)
    best = passages[0]
    sentences = [score for passage in passages for score in passage.sentence_scores]
    other = next((passage.score for passage in passages if passage.document_id != best.document_id), 0.0)
    return Evidence(max(sentences, default=None), terms.coverage(_whole(best)), best.score - other)


def confidence_of(evidence: Evidence) -> float:
    """The probability that the passages answer the question."""
    base, by_sentence, by_coverage, by_margin = _WORDS_ONLY if evidence.sentence is None else _WITH_SENTENCES
    total = (
        base
        + by_sentence * (evidence.sentence or 0.0)
        + by_coverage * evidence.coverage
        + by_margin * min(evidence.margin, 0.5)
    )
    return 1 / (1 + math.exp(-total))


def _whole(passage: Passage) -> str:
    return " ".join((passage.title, *passage.headings, passage.text))
