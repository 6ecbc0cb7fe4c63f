"""Reordering the best passages by evidence that single chunks do not carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from deskmind.knowledge.lexical import tokens
from deskmind.knowledge.models import Passage
from deskmind.knowledge.ranking.query import Query

__all__ = ["PassageReranker", "Reranker"]


class Reranker(Protocol):
    """Reorders passages; may call a model."""

    async def rerank(self, query: Query, passages: Sequence[Passage]) -> list[Passage]:
        """The same passages, best first."""
        ...


class PassageReranker:
    """Supports a passage by the rest of its document.

    A document whose other sections match too is more likely the right one: a passage's score is mixed with that of
    its document's second and third best passages, as discounted evidence.
    """

    def __init__(self, *, document_share: float = 0.2) -> None:
        self._share = document_share

    async def rerank(self, query: Query, passages: Sequence[Passage]) -> list[Passage]:
        """Passages by mixed score, ties in the order given."""
        by_document: dict[str, list[float]] = {}
        for passage in passages:
            by_document.setdefault(passage.document_id, []).append(passage.score)
        terms = set(tokens(query.focus))
        scored = [
            replace(passage, score=self._mixed(passage, by_document[passage.document_id], terms)) for passage in passages
        ]
        return sorted(scored, key=lambda passage: -passage.score)

    def _mixed(self, passage: Passage, scores: list[float], terms: set[str]) -> float:
        ordered = sorted(scores, reverse=True)[:3]
        support = sum(score / (place + 1) for place, score in enumerate(ordered)) / sum(
            1 / (place + 1) for place in range(3)
        )
        del terms
        return (1 - self._share) * passage.score + self._share * support
