"""People and places that a small model recognises, with what it does not know of IT taken out again."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deskmind.governance.redaction._ordinary import ORDINARY
from deskmind.governance.redaction._products import PRODUCTS
from deskmind.governance.redaction.detector import Prepared, folded
from deskmind.governance.redaction.detectors._things import THINGS
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding

if TYPE_CHECKING:
    from deskmind.governance.redaction.detectors._rampart import Rampart, Tokens

__all__ = ["NerDetector"]

_WINDOW = 480
_OVERLAP = 64
_PERSON, _PLACE, _ADDRESS = 1, 2, 3
_GROUPS: Final = {
    "GIVEN_NAME": _PERSON,
    "SURNAME": _PERSON,
    "CITY": _PLACE,
    "STATE": _PLACE,
    "STREET_NAME": _ADDRESS,
    "BUILDING_NUMBER": _ADDRESS,
    "SECONDARY_ADDRESS": _ADDRESS,
    "ZIP_CODE": _ADDRESS,
}
_TYPES = {_PERSON: EntityType.PERSON, _PLACE: EntityType.LOCATION, _ADDRESS: EntityType.ADDRESS}
_JOINED = {
    _PERSON: frozenset({" ", "-", "'", "’", ". ", ".", ", ", "\u00a0"}),
    _PLACE: frozenset({" ", "-", ". "}),
    _ADDRESS: frozenset({" ", "-", ", ", ". ", "/", "'", ",\n", "\n"}),
}
_LEAST = {_PERSON: 0.5, _PLACE: 0.6, _ADDRESS: 0.6}
_SURE = 0.8
"""The score of certainty: patterns and checksums are believed before it."""


@dataclass(slots=True)
class _Word:
    start: int
    end: int
    group: int
    probability: float


class NerDetector:
    """Finds people, places and addresses with the model *Rampart*, which reads small letters as well as capitals.

    About 12 ms for 500 characters on one core, with 90 MB in memory; it is loaded with the first text. Names of products,
    ordinary words and what has digits in it are not taken for people. O(text).
    """

    name = "ner"
    slow = True
    """So much work that it does not belong in an event loop."""

    def __init__(self, model: Path | None = None) -> None:
        """The files are looked for and checked now, the model is loaded later.

        Args:
            model: the folder with the model's files; the package that carries them by default.

        Raises:
            MissingExtraError: the extra ``ner`` is not installed.
            ConfigurationError: there is no model, or its files are not the expected ones.
        """
        from deskmind.governance.redaction.detectors._rampart import find_model

        self._folder = find_model(model)

    def load(self) -> None:
        """Load the model now rather than with the first text."""
        _loaded(self._folder)

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """People and places."""
        model = _loaded(self._folder)
        for start, end in _windows(prepared.text):
            window = prepared.text[start:end]
            if window.isspace() or not window:
                continue
            for word in _joined(window, _words(window, model)):
                finding = self._judged(window, word)
                if finding is not None:
                    yield _at(finding, start)

    def _judged(self, text: str, span: _Word) -> Finding | None:
        value = text[span.start : span.end]
        if span.probability < _LEAST[span.group] or not _telling(value, span.group):
            return None
        score = round(_SURE * span.probability, 3)
        return Finding(span.start, span.end, _TYPES[span.group], score, "recognised by the model", self.name)


@functools.lru_cache(maxsize=2)
def _read_model(folder: Path) -> Rampart:
    from deskmind.governance.redaction.detectors._rampart import Rampart

    return Rampart.load(folder, _GROUPS)


_loading = threading.Lock()


def _loaded(folder: Path) -> Rampart:
    with _loading:
        return _read_model(folder)


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Parts that fit the model, cut between words, each with the end of the one before."""
    start = 0
    while start < len(text):
        end = min(start + _WINDOW, len(text))
        if end < len(text):
            blank = text.rfind(" ", start + _WINDOW // 2, end)
            end = blank if blank > 0 else end
        yield start, end
        if end == len(text):
            return
        blank = text.find(" ", end - _OVERLAP, end)
        start = blank + 1 if blank >= 0 else end - _OVERLAP


def _words(text: str, model: Rampart) -> Iterator[_Word]:
    """Words with what they most probably are: the probabilities of a group's labels added up, the mean of its tokens."""
    tokens = model.read(text)
    pieces: list[int] = []
    for number, (start, end) in enumerate(tokens.places):
        if pieces and not (
            start == tokens.places[pieces[-1]][1] and text[start:end].isalnum() and text[start - 1].isalnum()
        ):
            yield _word(tokens, pieces)
            pieces = []
        if end > start:
            pieces.append(number)
    if pieces:
        yield _word(tokens, pieces)


def _word(tokens: Tokens, pieces: list[int]) -> _Word:
    mean = tokens.probabilities[pieces].mean(axis=0)
    group = int(mean[1:].argmax()) + 1
    if mean[group] <= mean[0]:
        group = 0
    return _Word(tokens.places[pieces[0]][0], tokens.places[pieces[-1]][1], group, float(mean[group]))


def _joined(text: str, words: Iterable[_Word]) -> Iterator[_Word]:
    """Neighbours of one group as one; as sure as the surest of them."""
    current: _Word | None = None
    for word in words:
        if not text[word.start : word.end].isalnum():
            continue
        if (
            current is not None
            and word.group == current.group
            and text[current.end : word.start] in _JOINED[word.group]
        ):
            current.end = word.end
            current.probability = max(current.probability, word.probability)
            continue
        if current is not None:
            yield current
        current = word if word.group else None
    if current is not None:
        yield current


def _telling(value: str, group: int) -> bool:
    """Whether it may be what the model says."""
    words = folded(value).replace("-", " ").replace(",", " ").split()
    digits = any(map(str.isdigit, value))
    if group == _ADDRESS:
        return digits and any(len(word) > 2 and word.isalpha() and _telling_word(word) for word in words)
    return not digits and len(value) > 2 and any(_telling_word(word) for word in words)


def _telling_word(word: str) -> bool:
    return word not in PRODUCTS and word not in ORDINARY and word not in THINGS


def _at(finding: Finding, by: int) -> Finding:
    return Finding(
        finding.start + by, finding.end + by, finding.type, finding.score, finding.reason, finding.detector
    )
