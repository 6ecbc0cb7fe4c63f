"""One place in a text that holds personal or secret data, and which of several to believe."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from deskmind.governance.redaction.entities import EntityType

__all__ = ["Finding", "resolve"]


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


def resolve(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that do not overlap, by position: the surer wins, then the longer, then the earlier. O(n log n)."""
    taken = _Intervals()
    best_first = sorted(findings, key=lambda found: (-found.score, found.start - found.end, found.start))
    chosen = [finding for finding in best_first if taken.add(finding.start, finding.end)]
    return sorted(chosen, key=lambda found: found.start)


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
