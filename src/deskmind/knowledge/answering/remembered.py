"""Answers that were worded before: a paraphrase of an answered question needs no second model call.

Similarity alone cannot decide that. A remembered answer is given only when all of this holds:

- the asker's own retrieval found the same best passage, and in it the same best sentence;
- every passage the answer was made from is visible to the asker and unchanged, and those it cites are among the asker's;
- model and instructions are the same;
- the questions are similar, and their words do not disagree (see ``agreement``).

A lookup reads one value of the cache and compares at most ``_MOST`` questions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deskmind.cache import ScopedCache
from deskmind.knowledge.answering.agreement import agree
from deskmind.knowledge.models import Answer, Citation, Passage, Sentence
from deskmind.observability.instruments import ANSWERS_REMEMBERED, COST_SPARED, counter
from deskmind.observability.metering import labels

__all__ = ["AnswerMemory", "RememberedAnswer", "Visible"]

_SIMILAR = 0.75
"""Cosine from which questions with the same best sentence are the same: 0.2 % of hits on the WorkArena development
questions are then another item's, see docs/evaluation.md."""
_MOST = 24

_lookups = counter(ANSWERS_REMEMBERED)
_saved = counter(COST_SPARED)
_HIT, _MISS = labels({"deskmind.result": "hit"}), labels({"deskmind.result": "miss"})

Visible = Callable[[Sequence[str]], Awaitable[bool]]
"""Whether the asker may see all of these chunks, as they are."""


@dataclass(frozen=True, slots=True)
class RememberedAnswer:
    """An answer with what it was made from.

    Attributes:
        question: as it was asked.
        vector: its embedding, unit length.
        unit: chunk and place of the sentence that fitted best.
        context: ids of all the chunks the model was given; a chunk that changes gets another id.
        text, sentences, citations, confidence: of the answer.
        cost: US dollars of the call, 0 when unknown.
    """

    question: str
    vector: list[float]
    unit: tuple[str, int]
    context: list[str]
    text: str
    sentences: list[Sentence]
    citations: list[Citation]
    confidence: float
    cost: float


class AnswerMemory:
    """Remembered answers of one tenant, for one model and one set of instructions."""

    def __init__(self, cache: ScopedCache[list[RememberedAnswer]], *, model: str, instructions: str) -> None:
        self._cache = cache
        self._model = model
        self._instructions = instructions

    async def find(
        self, question: str, vector: NDArray[np.float32], passages: Sequence[Passage], visible: Visible
    ) -> Answer | None:
        """The answer to a question that asks for the same, None when there is none.

        Args:
            question: as asked.
            vector: its embedding, ``[d] float32``, unit length.
            passages: what the asker's own retrieval found, best first.
            visible: asks the database, in the asker's scope.
        """
        found = await self._found(question, vector, passages, visible) if passages else None
        _lookups.add(1, _MISS if found is None else _HIT)
        if found is None:
            return None
        if found.cost:
            _saved.add(found.cost, labels())
        return Answer(
            question,
            True,
            found.text,
            tuple(found.sentences),
            tuple(found.citations),
            found.confidence,
            "generated",
            model=self._model,
            note="Worded earlier for a question that asks the same.",
            remembered=True,
        )

    async def keep(
        self,
        answer: Answer,
        vector: NDArray[np.float32],
        passages: Sequence[Passage],
        context: Sequence[Passage],
        cost: float,
    ) -> None:
        """Remember an answer.

        Args:
            answer: found, and with every statement supported.
            vector: the question's embedding.
            passages: what retrieval found, best first.
            context: what the model was given.
            cost: US dollars.
        """
        unit = _best_unit(passages)
        if unit is None:
            return
        remembered = RememberedAnswer(
            answer.question,
            [float(value) for value in vector],
            unit,
            [passage.chunk_id for passage in context],
            answer.text,
            list(answer.sentences),
            list(answer.citations),
            answer.confidence,
            cost,
        )
        key = self._key(passages)
        known = await self._cache.get(key) or []
        documents = {citation.document_id for citation in answer.citations}
        await self._cache.set(key, [remembered, *known][:_MOST], tags=sorted(documents))

    async def _found(
        self, question: str, vector: NDArray[np.float32], passages: Sequence[Passage], visible: Visible
    ) -> RememberedAnswer | None:
        unit = _best_unit(passages)
        known = await self._cache.get(self._key(passages)) if unit is not None else None
        if not known:
            return None
        similar = np.asarray([item.vector for item in known], dtype=np.float32) @ vector
        documents = {passage.document_id for passage in passages}
        for place in np.argsort(-similar):
            item = known[int(place)]
            if similar[place] < _SIMILAR:
                return None
            if (
                tuple(item.unit) == unit
                and {citation.document_id for citation in item.citations} <= documents
                and agree(question, item.question)
                and await visible(item.context)
            ):
                return item
        return None

    def _key(self, passages: Sequence[Passage]) -> str:
        return "\x1f".join((self._model, self._instructions, passages[0].chunk_id))


def _best_unit(passages: Sequence[Passage]) -> tuple[str, int] | None:
    """The sentence of the first passages that is most similar to the question."""
    scored = [
        (score, passage.chunk_id, place)
        for passage in passages[:5]
        for place, score in enumerate(passage.sentence_scores)
    ]
    if not scored:
        return None
    _, chunk, place = max(scored)
    return chunk, place
