"""Extractive answers: nothing is said that does not stand in a document word for word."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from deskmind.knowledge.answering.evidence import (
    DEFAULT_THRESHOLD,
    WORDS_ONLY_THRESHOLD,
    Evidence,
    Terms,
    confidence_of,
    weigh,
)
from deskmind.knowledge.answering.expectation import Expectation
from deskmind.knowledge.answering.protocol import AnswerEvent
from deskmind.knowledge.answering.steps import asks_how, numbered_lists, window
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.models import Answer, Citation, Passage, Sentence
from deskmind.knowledge.sentences import Unit, split_units
from deskmind.observability import note

__all__ = ["NOT_FOUND", "ExtractiveAnswerer"]

NOT_FOUND = "I found nothing in your knowledge that answers this."
_MAX_SENTENCES = 3
_MAX_WORDS = 80
_PASSAGES = 5
_LEXICAL_SHARE = 0.3
_PASSAGE_SHARE = 0.25
_FLOOR = 0.75
"""A further unit scores at least this share of the best one's; up to 0.8 this loses no right answer."""

_STANDS_OUT = 1.3
"""A step of so many times the score of the first ones is what a how-to question is about, not the whole list."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: Passage
    unit: Unit
    score: float


class ExtractiveAnswerer:
    """Chooses at most 3 sentences or steps, 80 words together, from the best passages.

    Args:
        threshold: confidence, 0 to 1, below which a question is declined; None for the calibrated default, which is
            lower without an embedder.
    """

    def __init__(self, *, threshold: float | None = None) -> None:
        self._threshold = threshold

    async def answer(
        self, question: str, passages: Sequence[Passage], *, embedder: Embedder | None
    ) -> Answer:
        """The answer, or ``found=False`` when the confidence is below the threshold."""
        del embedder  # the sentences were compared with the question when the passages were retrieved
        passages = _distinct(passages)
        evidence, ordered = _examine(question, passages)
        confidence = confidence_of(evidence) if ordered else 0.0
        least = self._least(evidence)
        note(
            "evidence",
            confidence=round(confidence, 6),
            threshold=least,
            passages_read=min(len(passages), _PASSAGES),
        )
        if not ordered or confidence < least:
            return Answer(question, False, NOT_FOUND, (), (), confidence, "extractive")
        return _compose(question, _steps(question, passages) or _choose(ordered), confidence)

    def evidence(self, question: str, passages: Sequence[Passage]) -> Evidence:
        """What speaks for the answer that these passages, best first, give."""
        return _examine(question, _distinct(passages))[0]

    def _least(self, evidence: Evidence) -> float:
        if self._threshold is not None:
            return self._threshold
        return WORDS_ONLY_THRESHOLD if evidence.sentence is None else DEFAULT_THRESHOLD

    async def stream(
        self, question: str, passages: Sequence[Passage], *, embedder: Embedder | None
    ) -> AsyncIterator[AnswerEvent]:
        """Each sentence as an event, then the whole answer; the pieces joined are its text."""
        answer = await self.answer(question, passages, embedder=embedder)
        for number, sentence in enumerate(answer.sentences):
            line = f"{sentence.text} [{sentence.citation}]"
            yield AnswerEvent(text=f"\n{line}" if number else line)
        if not answer.found:
            yield AnswerEvent(text=answer.text)
        yield AnswerEvent(answer=answer)


def _distinct(passages: Sequence[Passage]) -> list[Passage]:
    """Without those that say word for word what a better one says: one text may stand in several systems."""
    return list({passage.text.strip(): passage for passage in reversed(passages)}.values())[::-1]


def _examine(question: str, passages: Sequence[Passage]) -> tuple[Evidence, list[_Candidate]]:
    """The evidence, and the units to choose from, best first."""
    terms = Terms.of(question, passages)
    ordered = _ranked(_score_units(terms, passages[:_PASSAGES]))
    return weigh(question, terms, passages, ordered[0].unit.text if ordered else ""), ordered


def _score_units(terms: Terms, passages: Sequence[Passage]) -> list[_Candidate]:
    """Each quotable unit with a score: its meaning, its words, its passage."""
    found: list[_Candidate] = []
    for passage in passages:
        units = split_units(passage.text)
        similar = len(units) == len(passage.sentence_scores)
        for number, unit in enumerate(units):
            covered = terms.coverage(f"{unit.context} {unit.text}")
            meaning = passage.sentence_scores[number] if similar else covered
            score = (
                (1 - _LEXICAL_SHARE - _PASSAGE_SHARE) * meaning
                + _LEXICAL_SHARE * covered
                + _PASSAGE_SHARE * passage.score
            )
            found.append(_Candidate(passage, unit, score))
    return found


def _ranked(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The units best first; a question is no answer, unless there is nothing else."""
    statements = [item for item in candidates if not item.unit.text.endswith("?")]
    return sorted(statements or candidates, key=lambda item: -item.score)


def _choose(ordered: Sequence[_Candidate]) -> list[_Candidate]:
    """The best units within the limits; the best one's document first, each in reading order."""
    chosen: list[_Candidate] = []
    words = 0
    for item in ordered:
        size = len(item.unit.text.split())
        if len(chosen) == _MAX_SENTENCES or item.score < _FLOOR * ordered[0].score:
            break
        if chosen and words + size > _MAX_WORDS:
            continue
        if any(item.unit.text == other.unit.text for other in chosen):
            continue
        chosen.append(item)
        words += size
    first = chosen[0].passage.document_id
    return sorted(chosen, key=lambda item: _reading_order(item, first))


def _steps(question: str, passages: Sequence[Passage]) -> list[_Candidate]:
    """For a how-to question the steps of the best document's best list, in order; empty where there is none."""
    if not asks_how(question):
        return []
    document = [passage for passage in passages if passage.document_id == passages[0].document_id]
    terms = Terms.of(question, passages)
    for passage in document:
        candidates = _score_units(terms, [passage])
        lists = numbered_lists([item.unit for item in candidates])
        if not lists:
            continue
        steps = max(
            ([candidates[index] for index in places] for places in lists),
            key=lambda items: max(item.score for item in items),
        )
        told = [steps[place] for place in _told(steps)]
        if Expectation.of(question).met_by(" ".join(item.unit.text for item in told)):
            return told
    return []


def _told(steps: Sequence[_Candidate]) -> range:
    """The first steps, unless another stands out: then those up to it."""
    sizes = [len(item.unit.text.split()) for item in steps]
    first = window(sizes, 0, most=_MAX_SENTENCES, words=_MAX_WORDS)
    best = max(range(len(steps)), key=lambda place: steps[place].score)
    if steps[best].score < _STANDS_OUT * max(steps[place].score for place in first):
        return first
    return window(sizes, best, most=_MAX_SENTENCES, words=_MAX_WORDS)


def _reading_order(item: _Candidate, first: str) -> tuple[bool, str, int]:
    passage = item.passage
    return passage.document_id != first, passage.document_id, passage.start + item.unit.start


def _compose(question: str, chosen: Sequence[_Candidate], confidence: float) -> Answer:
    citations: list[Citation] = []
    sentences: list[Sentence] = []
    for item in chosen:
        passage = item.passage
        quote, end = _shortened(item.unit)
        citations.append(
            Citation(
                number=len(citations) + 1,
                document_id=passage.document_id,
                title=passage.title,
                uri=passage.uri,
                section=" > ".join(passage.headings),
                start=passage.start + item.unit.start,
                end=passage.start + end,
                quote=quote,
            )
        )
        sentences.append(Sentence(quote, len(citations)))
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
