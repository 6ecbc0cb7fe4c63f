"""Extractive answers: nothing is said that does not stand in a document word for word."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deskmind.knowledge.answering.protocol import AnswerEvent
from deskmind.knowledge.answering.sentences import Unit, split_units
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.lexical import tokens
from deskmind.knowledge.models import Answer, Citation, Passage, Sentence
from deskmind.knowledge.ranking import analyse

__all__ = ["NOT_FOUND", "ExtractiveAnswerer"]

NOT_FOUND = "I found nothing in your knowledge that answers this."
_MAX_SENTENCES = 3
_MAX_WORDS = 80
_PASSAGES = 5
_UNITS = 80
_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: Passage
    unit: Unit
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the confidence is computed from; all between 0 and 1 but ``margin``.

    Attributes:
        dense: cosine of the best passage.
        coverage: share of the question's terms, weighted by rarity among the passages, in the best document.
        sentence: best similarity of a single sentence.
        margin: lead of the best document over the next.
    """

    dense: float
    coverage: float
    sentence: float
    margin: float


# Logistic regression on the development questions with each article taken out in turn; evals/fit_decline.py fits it.
_WEIGHTS = (-7.0, 5.0, 3.0, 5.0, 4.0)
_WEIGHTS_LEXICAL = (-4.0, 0.0, 7.0, 0.0, 2.0)


class ExtractiveAnswerer:
    """Chooses at most 3 sentences or steps, 80 words together, from the best passages."""

    def __init__(self, *, threshold: float | None = None) -> None:
        self._threshold = _DEFAULT_THRESHOLD if threshold is None else threshold

    async def answer(self, question: str, passages: Sequence[Passage], *, embedder: Embedder | None) -> Answer:
        """The answer, or ``found=False`` when the confidence is below the threshold."""
        focus = analyse(question).focus
        candidates = await _score_units(focus, passages, embedder)
        evidence = weigh(focus, passages, max((item.score for item in candidates), default=0.0))
        confidence = _confidence(evidence, dense=embedder is not None)
        if not candidates or confidence < self._threshold:
            return Answer(question, False, NOT_FOUND, (), (), confidence, "extractive")
        return _compose(question, _choose(candidates), confidence)

    async def stream(
        self, question: str, passages: Sequence[Passage], *, embedder: Embedder | None
    ) -> AsyncIterator[AnswerEvent]:
        """Each sentence as an event, then the whole answer."""
        answer = await self.answer(question, passages, embedder=embedder)
        for sentence in answer.sentences:
            yield AnswerEvent(text=f"{sentence.text} [{sentence.citation}]\n")
        if not answer.found:
            yield AnswerEvent(text=answer.text)
        yield AnswerEvent(answer=answer)


async def _score_units(focus: str, passages: Sequence[Passage], embedder: Embedder | None) -> list[_Candidate]:
    """Each quotable unit of the best passages with a score: its meaning, its words, its passage."""
    found = [(passage, unit) for passage in passages[:_PASSAGES] for unit in split_units(passage.text)][:_UNITS]
    if not found:
        return []
    terms = set(tokens(focus))
    rarity = _rarity(terms, [unit.text for _, unit in found])
    lexical = np.array([_coverage(terms, rarity, f"{unit.context} {unit.text}") for _, unit in found])
    passage_scores = np.array([passage.score for passage, _ in found])
    if embedder is None:
        scores = 0.6 * lexical + 0.4 * passage_scores
    else:
        vector = await embedder.embed_query(focus)
        texts = [_in_context(passage, unit) for passage, unit in found]
        meaning = await embedder.embed_documents(texts) @ vector
        scores = 0.6 * meaning + 0.15 * lexical + 0.25 * passage_scores
    return [
        _Candidate(passage, unit, float(score)) for (passage, unit), score in zip(found, scores, strict=True)
    ]


def weigh(focus: str, passages: Sequence[Passage], best_sentence: float) -> Evidence:
    """The evidence that the passages answer the question."""
    if not passages:
        return Evidence(0.0, 0.0, 0.0, 0.0)
    terms = set(tokens(focus))
    best = passages[0]
    together = " ".join(passage.text + " " + passage.title for passage in passages if passage.document_id == best.document_id)
    rarity = _rarity(terms, [passage.text for passage in passages])
    other = next((passage.score for passage in passages if passage.document_id != best.document_id), 0.0)
    return Evidence(
        dense=max((passage.dense or 0.0 for passage in passages), default=0.0),
        coverage=_coverage(terms, rarity, together),
        sentence=best_sentence,
        margin=best.score - other,
    )


def _confidence(evidence: Evidence, *, dense: bool) -> float:
    weights = _WEIGHTS if dense else _WEIGHTS_LEXICAL
    values = (1.0, evidence.dense, evidence.coverage, evidence.sentence, evidence.margin)
    return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, values, strict=True))))


def _choose(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The best units within the limits, of the best one's document first, in reading order."""
    ordered = sorted(candidates, key=lambda item: -item.score)
    chosen: list[_Candidate] = []
    words = 0
    for item in ordered:
        size = len(item.unit.text.split())
        if len(chosen) == _MAX_SENTENCES or (chosen and words + size > _MAX_WORDS):
            continue
        chosen.append(item)
        words += size
    first = chosen[0].passage.document_id
    return sorted(chosen, key=lambda item: (item.passage.document_id != first, item.passage.document_id, item.passage.start + item.unit.start))


def _compose(question: str, chosen: Sequence[_Candidate], confidence: float) -> Answer:
    citations: list[Citation] = []
    sentences: list[Sentence] = []
    for item in chosen:
        passage, unit = item.passage, item.unit
        text, end = _shortened(unit)
        citations.append(
            Citation(
                number=len(citations) + 1,
                document_id=passage.document_id,
                title=passage.title,
                uri=passage.uri,
                section=" > ".join(passage.headings),
                start=passage.start + unit.start,
                end=passage.start + end,
                quote=text,
            )
        )
        sentences.append(Sentence(text, len(citations)))
    text = "\n".join(f"{sentence.text} [{sentence.citation}]" for sentence in sentences)
    return Answer(question, True, text, tuple(sentences), tuple(citations), confidence, "extractive")


def _shortened(unit: Unit) -> tuple[str, int]:
    """A unit of more words than an answer may have is cut after the last that fits."""
    words = unit.text.split()
    if len(words) <= _MAX_WORDS:
        return unit.text, unit.end
    end = 0
    for word in words[:_MAX_WORDS]:
        end = unit.text.index(word, end) + len(word)
    return unit.text[:end], unit.start + end


def _in_context(passage: Passage, unit: Unit) -> str:
    """What is embedded of a unit: with its section, so that "Call 555-0100" knows whom."""
    place = passage.headings[-1] if passage.headings else passage.title
    return "\n".join(part for part in (place, unit.context, unit.text) if part)


def _rarity(terms: set[str], texts: Sequence[str]) -> dict[str, float]:
    counts = {term: 0 for term in terms}
    for text in texts:
        for term in terms & set(tokens(text)):
            counts[term] += 1
    return {term: math.log(1 + (len(texts) + 1) / (count + 0.5)) for term, count in counts.items()}


def _coverage(terms: set[str], rarity: Mapping[str, float], text: str) -> float:
    total = sum(rarity.values())
    return sum(rarity[term] for term in terms & set(tokens(text))) / total if total else 0.0
