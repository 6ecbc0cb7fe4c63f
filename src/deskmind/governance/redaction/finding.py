"""One place in a text that holds personal or secret data, and which of several to believe."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from deskmind.governance.redaction.entities import EntityType

__all__ = ["Finding", "resolve"]

_SURE = 0.6
_WHOLE = frozenset({EntityType.PERSON, EntityType.LOCATION, EntityType.ORGANISATION})
"""What is none if a surer finding takes a part of it."""
_LEAST_BEYOND = 4
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Finding:
    """A place in a text.

    Attributes:
        start: index of its first character.
        end: index after its last.
        type: what it is.
        score: how sure, 0 to 1; a passed checksum is 1.
        reason: what spoke for it, such as ``checksum`` or ``after "my name is"``; never the text itself.
        detector: who found it.
    """

    start: int
    end: int
    type: EntityType
    score: float
    reason: str
    detector: str

    def overlaps(self, other: Finding) -> bool:
        """Whether both share a character."""
        return self.start < other.end and other.start < self.end


def resolve(findings: Iterable[Finding], text: str = "") -> list[Finding]:
    """Findings that do not overlap, by position: the surer wins, then the longer, then the earlier. O(n log n).

    Args:
        findings: in any order.
        text: that they are of. With it, what reaches beyond a surer one stays found there: a street is not shown because a
            name behind it is surer.
    """
    taken = _Intervals()
    best_first = sorted(findings, key=lambda found: (-found.score, found.start - found.end, found.start))
    chosen: list[Finding] = []
    for finding in best_first:
        if taken.add(finding.start, finding.end):
            chosen.append(finding)
        elif text and finding.score >= _SURE and finding.type not in _WHOLE:
            chosen += _beyond(finding, taken, text)
    return sorted(chosen, key=lambda found: found.start)


def _beyond(finding: Finding, taken: _Intervals, text: str) -> Iterator[Finding]:
    """What a finding has before and behind those that cover the rest of it, without the marks at its edges."""
    for start, end in taken.around(finding.start, finding.end):
        words = list(_WORD.finditer(text, start, end))
        if not words:
            continue
        first, last = words[0].start(), words[-1].end()
        if last - first >= _LEAST_BEYOND and taken.add(first, last):
            yield replace(finding, start=first, end=last)


class _Intervals:
    """Intervals none of which overlap."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> bool:
        """Add one unless it overlaps."""
        place = bisect_right(self._starts, start)
        if place and self._ends[place - 1] > start:
            return False
        if place < len(self._starts) and self._starts[place] < end:
            return False
        self._starts.insert(place, start)
        self._ends.insert(place, end)
        return True

    def around(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The free pieces at the beginning and at the end of an interval that is not free."""
        first = bisect_right(self._starts, start)
        if (not first or self._ends[first - 1] <= start) and first < len(self._starts):
            yield start, min(end, self._starts[first])
        last = bisect_left(self._starts, end)
        if last and self._ends[last - 1] < end:
            yield max(start, self._ends[last - 1]), end
