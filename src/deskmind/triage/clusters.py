"""Major incidents: many tickets that read alike within a short time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import InvalidRequestError
from deskmind.triage.features import Vocabulary
from deskmind.triage.groups import joined
from deskmind.triage.neighbours import Neighbours
from deskmind.triage.rows import Rows
from deskmind.triage.tickets import TrainingTicket

__all__ = ["Cluster", "find_clusters"]

_MOST_TERMS = 6


@dataclass(frozen=True, slots=True)
class Cluster:
    """Tickets that may have one cause.

    Attributes:
        references: by time.
        first_at, last_at: of the tickets.
        terms: words that they share and others do not, the strongest first.
        cohesion: mean similarity of neighbours inside, 0 to 1.
    """

    references: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    terms: tuple[str, ...]
    cohesion: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "references": list(self.references),
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
            "terms": list(self.terms),
            "cohesion": round(self.cohesion, 4),
        }


def find_clusters(
    tickets: Sequence[TrainingTicket],
    *,
    window: timedelta = timedelta(hours=2),
    least: int = 5,
    similarity: float = 0.3,
    background: Vocabulary | None = None,
) -> list[Cluster]:
    """Clusters, the largest first; blocking, about a millisecond a ticket. The same tickets give the same clusters.

    DBSCAN (Ester et al., 1996) with time as a second condition: a ticket with ``least - 1`` similar ones no further away
    than ``window`` is dense; dense tickets that are neighbours, and their neighbours, are one cluster.

    Args:
        tickets: new ones; those without ``created_at`` are left out.
        window: how far apart in time neighbours may be.
        least: tickets that make a cluster.
        similarity: cosine of their words from which two are neighbours, 0 to 1.
        background: of tickets of the past: how common words are when nothing is wrong.

    Raises:
        InvalidRequestError: ``least`` is below 2, the similarity is not above 0, or a time has no zone.
    """
    _check(tickets, least, similarity)
    timed = sorted(
        (one for one in tickets if one.created_at is not None), key=lambda one: (_seconds(one), one.reference)
    )
    if len(timed) < least:
        return []
    vocabulary, words = _words(timed, background)
    times = np.array([_seconds(one) for one in timed])
    near = _near(Neighbours(words, common=1.0), times, window.total_seconds(), similarity)
    dense = {number for number, others in enumerate(near) if len(others) >= least - 1}
    groups = joined(len(timed), _joining(near, dense))
    found = [_cluster(timed, members, near, words, vocabulary) for members in groups if len(members) >= least]
    return sorted(found, key=lambda one: (-len(one.references), one.first_at, one.references))


def _check(tickets: Sequence[TrainingTicket], least: int, similarity: float) -> None:
    if least < 2 or not 0 < similarity <= 1:
        raise InvalidRequestError(
            "Clusters cannot be found like this.",
            remedy="Choose at least 2 tickets and a similarity in (0, 1].",
        )
    if any(one.created_at is not None and one.created_at.tzinfo is None for one in tickets):
        raise InvalidRequestError("A ticket's time has no zone.", remedy="Give created_at with a time zone.")


def _seconds(ticket: TrainingTicket) -> float:
    assert ticket.created_at is not None
    return ticket.created_at.timestamp()


def _words(tickets: Sequence[TrainingTicket], background: Vocabulary | None) -> tuple[Vocabulary, Rows]:
    """Single words: people say the same thing in different order, and no two of them the same pairs.

    A word that everybody writes today is rare still if it was rare before: else a storm would hide itself.
    """
    texts = [ticket.text for ticket in tickets]
    vocabulary, rows = Vocabulary.of(texts)
    if background is not None:
        vocabulary = vocabulary.weighed_like(background)
        rows = vocabulary.rows(texts)
    single = np.array([" " not in term and not term.startswith("^") for term in vocabulary.terms], np.bool_)
    words = rows.until(len(vocabulary.terms))
    if background is not None:  # how rare a word is was learned from other days, and may count twice
        words = replace(words, values=words.values * vocabulary.weights[words.columns])
    return vocabulary, words.only(single)


def _near(
    neighbours: Neighbours, times: NDArray[np.float64], window: float, least: float
) -> list[dict[int, float]]:
    """Of each ticket, those that read alike and came about the same time."""
    made: list[dict[int, float]] = []
    for number in range(len(times)):
        similar = neighbours.similarities(*neighbours.rows.row(number))
        similar[np.abs(times - times[number]) > window] = 0
        similar[number] = 0
        made.append({int(place): float(similar[place]) for place in np.flatnonzero(similar >= least)})
    return made


def _joining(near: Sequence[dict[int, float]], dense: set[int]) -> Iterator[tuple[int, int]]:
    """Dense tickets join each other; one that is not joins its nearest dense one only, lest it bridge two clusters."""
    for number, others in enumerate(near):
        beside = [other for other in others if other in dense]
        if number in dense:
            yield from ((number, other) for other in beside)
        elif beside:
            yield number, max(beside, key=lambda other: (others[other], -other))


def _cluster(
    tickets: Sequence[TrainingTicket],
    members: Sequence[int],
    near: Sequence[dict[int, float]],
    words: Rows,
    vocabulary: Vocabulary,
) -> Cluster:
    inside = set(members)
    similar = [value for one in members for other, value in near[one].items() if other in inside]
    first, last = tickets[members[0]].created_at, tickets[members[-1]].created_at
    assert first is not None
    assert last is not None
    return Cluster(
        references=tuple(tickets[one].reference or tickets[one].text[:40] for one in members),
        first_at=first,
        last_at=last,
        terms=_terms(words, members, vocabulary),
        cohesion=float(np.mean(similar)) if similar else 0.0,
    )


def _terms(words: Rows, members: Sequence[int], vocabulary: Vocabulary) -> tuple[str, ...]:
    """By the mean weight inside less the mean weight outside."""
    count = np.array(members, np.int64)
    inside, whole = _sums(words.take(count)), _sums(words)
    outside = (whole - inside) / max(1, len(words) - len(count))
    shares = inside / len(count) - outside
    best = sorted(np.flatnonzero(shares > 0).tolist(), key=lambda column: (-shares[column], column))
    return tuple(vocabulary.terms[column] for column in best[:_MOST_TERMS])


def _sums(rows: Rows) -> NDArray[np.float64]:
    return np.bincount(rows.columns, rows.values, minlength=rows.width).astype(np.float64)
