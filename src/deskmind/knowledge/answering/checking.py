"""What a model wrote is not believed: each marker must name a passage, each figure must stand in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deskmind.knowledge.answering.extractive import NOT_FOUND
from deskmind.knowledge.lexical import tokens
from deskmind.knowledge.models import Answer, Citation, Passage, Sentence
from deskmind.knowledge.sentences import split_units

__all__ = ["NOTHING", "UNSUPPORTED", "checked", "may_be_nothing", "without_markers"]

UNSUPPORTED = "[unsupported]"
"""Stands behind a statement that no passage was found to hold."""

NOTHING = "NOT_FOUND"
"""What a model is told to reply when the passages do not answer."""

_MARKER = re.compile(r"\s?\[(\d{1,3})\]")
_FIGURE = re.compile(r"\d[\d.,:/-]*\d|\d")


def checked(
    question: str, written: str, passages: Sequence[Passage], confidence: float, model: str
) -> Answer:
    """A model's reply as an answer whose every marker names a passage and whose every statement has one or is marked.

    Args:
        question: as asked.
        written: the reply.
        passages: in the order of their numbers.
        confidence: that the passages answer the question.
        model: who wrote it.
    """
    if may_be_nothing(written) or not written.strip():
        return Answer(question, False, NOT_FOUND, (), (), confidence, "generated", model=model)
    citations: dict[int, Citation] = {}
    sentences: list[Sentence] = []
    lines: list[str] = []
    for statement in _statements(written):
        numbers = [int(found) for found in _MARKER.findall(statement)]
        text = _MARKER.sub("", statement).strip()
        if not text:
            continue
        valid = [number for number in dict.fromkeys(numbers) if 1 <= number <= len(passages)]
        if valid and not _holds(text, [passages[number - 1] for number in valid]):
            valid = []
        places: list[int] = []
        for number in valid:
            citation = citations.get(number)
            if citation is None:
                citation = citations[number] = _citation(len(citations) + 1, text, passages[number - 1])
            places.append(citation.number)
        if _states(text) and not places:
            lines.append(f"{text} {UNSUPPORTED}")
        else:
            lines.append(text + "".join(f" [{place}]" for place in places))
        sentences.append(Sentence(text, places[0] if places else 0))
    if not citations:
        # nothing the model said stands in the knowledge: that is no answer
        return Answer(question, False, NOT_FOUND, (), (), confidence, "generated", model=model)
    return Answer(
        question,
        True,
        "\n".join(lines),
        tuple(sentences),
        tuple(citations.values()),
        confidence,
        "generated",
        model=model,
    )


def may_be_nothing(written: str) -> bool:
    """Whether the reply so far says, or may go on to say, that nothing was found."""
    said = written.strip().strip("*`'\".").upper().replace(" ", "_")
    return said.startswith(NOTHING) or (len(said) < len(NOTHING) and NOTHING.startswith(said))


def _statements(written: str) -> list[str]:
    """Sentences and steps with the markers that follow them."""
    found: list[str] = []
    for unit in split_units(written):
        text = written[unit.start : unit.end]
        if found and not _MARKER.sub("", text).strip():
            found[-1] += text
            continue
        leading = re.match(r"(?:\s?\[\d{1,3}\])+", text)
        if found and leading:  # markers behind the full stop belong to the sentence before
            found[-1] += leading.group()
            text = text[leading.end() :]
        if text.strip():
            found.append(text)
    return found


def _states(text: str) -> bool:
    """Whether it claims something: not a question, not a heading or a lead-in."""
    return not text.endswith(("?", ":")) and len(text.split()) > 2


def _holds(text: str, passages: Sequence[Passage]) -> bool:
    """Whether the passages hold the figures of a statement and some of its words."""
    whole = " ".join(" ".join((passage.title, *passage.headings, passage.text)) for passage in passages)
    if not all(_stands(figure, whole) for figure in _FIGURE.findall(re.sub(r"^\s*\d{1,3}[.)]\s", "", text))):
        return False
    said = set(tokens(text))
    return not said or len(said & set(tokens(whole))) * 3 >= len(said)


def _stands(figure: str, text: str) -> bool:
    """Whether a figure stands in a text as it is: 4 does not stand in 40, nor 5 in 1.5."""
    return re.search(rf"(?<!\d)(?<!\d[.,]){re.escape(figure)}(?!\d)(?![.,]\d)", text) is not None


def _citation(number: int, text: str, passage: Passage) -> Citation:
    """Where it stands: the unit of the passage that shares most words with the statement."""
    said = set(tokens(text))
    units = split_units(passage.text)
    best = max(units, key=lambda unit: len(said & set(tokens(unit.text))), default=None)
    start, end = (best.start, best.end) if best is not None else (0, len(passage.text))
    return Citation(
        number=number,
        document_id=passage.document_id,
        title=passage.title,
        uri=passage.uri,
        section=" > ".join(passage.headings),
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.text[start:end],
    )


def without_markers(text: str) -> str:
    """The text of an answer without its markers: their numbers mean other passages elsewhere."""
    return _MARKER.sub("", text)
