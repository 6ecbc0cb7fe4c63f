"""Tickets that say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deskmind.triage.features import Vocabulary
from deskmind.triage.groups import joined
from deskmind.triage.neighbours import Neighbours
from deskmind.triage.similar import DUPLICATE
from deskmind.triage.tickets import TrainingTicket

__all__ = ["DuplicateGroup", "find_duplicates"]

_MOST = 50
"""Of one ticket so many others are compared with it: a storm is joined through its members."""


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Tickets that say the same, directly or through one another.

    Attributes:
        references: in the order of the input; the first is the one to keep.
        similarity: the least of the similarities that join them.
    """

    references: tuple[str, ...]
    similarity: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"references": list(self.references), "similarity": round(self.similarity, 4)}


def find_duplicates(tickets: Sequence[TrainingTicket], *, least: float = DUPLICATE) -> list[DuplicateGroup]:
    """Groups of tickets whose words are nearly the same; blocking, about a millisecond a ticket.

    Args:
        tickets: to be compared with each other.
        least: cosine similarity from which two say the same, 0 to 1.
    """
    vocabulary, rows = Vocabulary.of([ticket.text for ticket in tickets], least=1)
    words = rows.until(len(vocabulary.terms))
    found = dict(_pairs(Neighbours(words, common=1.0), least))
    groups = joined(len(tickets), found)
    names = [ticket.reference or str(number) for number, ticket in enumerate(tickets, start=1)]
    group_of = {member: place for place, members in enumerate(groups) for member in members}
    lowest = [1.0] * len(groups)
    for (one, _), similarity in found.items():
        lowest[group_of[one]] = min(lowest[group_of[one]], similarity)
    return [
        DuplicateGroup(tuple(names[member] for member in members), similarity)
        for members, similarity in zip(groups, lowest, strict=True)
    ]


def _pairs(neighbours: Neighbours, least: float) -> Iterator[tuple[tuple[int, int], float]]:
    for number in range(len(neighbours)):
        others, similarities = neighbours.nearest(*neighbours.rows.row(number), _MOST, but=number)
        for place in np.flatnonzero(similarities >= least):
            other = int(others[place])
            yield (min(number, other), max(number, other)), float(min(similarities[place], 1))
