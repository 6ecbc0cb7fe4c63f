"""Values found in one text of a request, looked for in its other texts, where nothing beside them may give them away."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deskmind.governance.redaction._ordinary import ORDINARY
from deskmind.governance.redaction.detector import folded
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding, resolve

__all__ = ["KnownValues"]

_RUN = re.compile(r"\w+")
_SHORTEST = 3
_SCORE = 0.0
_SPARED = frozenset({EntityType.LOCATION, EntityType.URL, EntityType.HOST})
"""Where a thing is has forms of its own; as parts of other words they say nothing of a person."""


class _Value(NamedTuple):
    text: str
    type: EntityType
    before: int
    any_case: bool


class KnownValues:
    """Values by their first word.

    A password is told by the words before it; in the arguments of a tool, where the model put it, it stands alone.
    Finding costs O(text) however many values there are, save those that begin with the same word.
    """

    detector = "known"

    def __init__(self) -> None:
        self._by_word: dict[str, list[_Value]] = {}
        self._seen: set[tuple[str, EntityType]] = set()

    def __bool__(self) -> bool:
        return bool(self._by_word)

    def add(self, text: str, findings: Iterable[Finding]) -> None:
        """Take in what was found in a text."""
        for finding in findings:
            value = text[finding.start : finding.end]
            first = _RUN.search(value)
            key = (value, finding.type)
            if first is None or key in self._seen or not _telling(value, finding.type):
                continue
            self._seen.add(key)
            any_case = not value.replace(" ", "").isalpha()
            entry = _Value(value, finding.type, first.start(), any_case)
            self._by_word.setdefault(first[0].casefold(), []).append(entry)

    def added(self, text: str, findings: list[Finding]) -> list[Finding]:
        """The findings of a text and where known values stand in it, none overlapping.

        A known value takes the place of findings that are parts of it; to any other it gives way.
        """
        known = resolve(self._find(text))
        if not known:
            return findings
        starts = [finding.start for finding in known]

        def part(finding: Finding) -> bool:
            place = bisect_right(starts, finding.start) - 1
            return place >= 0 and finding.end <= known[place].end

        return resolve([*known, *(finding for finding in findings if not part(finding))])

    def _find(self, text: str) -> Iterator[Finding]:
        for run in _RUN.finditer(text):
            for value in self._by_word.get(run[0].casefold(), ()):
                start = run.start() - value.before
                end = start + len(value.text)
                if start >= 0 and _same(value, text[start:end]) and _whole(text, start, end):
                    yield Finding(start, end, value.type, _SCORE, "found elsewhere", self.detector)


def _telling(value: str, entity: EntityType) -> bool:
    return len(value) >= _SHORTEST and entity not in _SPARED and folded(value) not in ORDINARY


def _same(value: _Value, there: str) -> bool:
    return there == value.text or (value.any_case and there.casefold() == value.text.casefold())


def _whole(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit goes on before or behind."""
    begins = start == 0 or not (_wordy(text[start - 1]) and _wordy(text[start]))
    return begins and (end >= len(text) or not (_wordy(text[end]) and _wordy(text[end - 1])))


def _wordy(character: str) -> bool:
    return character.isalnum() or character == "_"
