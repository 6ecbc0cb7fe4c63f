"""Texts as sparse rows: words, pairs of words, words of the title, and hashed runs of characters, weighted by TF-IDF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deskmind.triage.rows import Rows
from deskmind.triage.terms import title_of, words_of

__all__ = ["Vocabulary", "word_terms"]

_CHARACTER_BITS = 17
_SHORTEST_RUN, _LONGEST_RUN = 3, 5
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MOST_TERMS = 150_000
_TITLE = "^"


def word_terms(words: Sequence[str]) -> list[str]:
    """Words, pairs of neighbours (``a b``), and the title's words (``^a``)."""
    pairs = [f"{first} {second}" for first, second in pairwise(words)]
    return [*words, *pairs, *(_TITLE + word for word in title_of(list(words)))]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which terms count and how much; made from the tickets that are learned from.

    Attributes:
        terms: of words, sorted; column ``i`` of a row is ``terms[i]``. Runs of characters follow, hashed.
        weights: ``[columns] float32``, the inverse document frequency; 0 for what was never seen.
        character_share: weight of runs of characters against words, whose share is 1.
    """

    terms: tuple[str, ...]
    weights: NDArray[np.float32]
    character_share: float = 0.7
    _columns: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_columns", {term: column for column, term in enumerate(self.terms)})

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.terms) + (1 << _CHARACTER_BITS)

    @classmethod
    def of(cls, texts: Iterable[str], *, least: int = 2) -> tuple[Self, Rows]:
        """The vocabulary of ``texts`` and their rows.

        Args:
            texts: of the tickets.
            least: a term of fewer tickets is not kept: it would say nothing of others, and may be a name.
        """
        read = [words_of(text) for text in texts]
        frequency: Counter[str] = Counter()
        for words in read:
            frequency.update(set(word_terms(words)))
        kept = sorted(
            (item for item in frequency.items() if item[1] >= least), key=lambda item: (-item[1], item[0])
        )[:_MOST_TERMS]
        terms = tuple(sorted(term for term, _ in kept))
        raw = cls(terms, np.ones(len(terms) + (1 << _CHARACTER_BITS), np.float32))
        counted = [raw._counted(words) for words in read]
        seen = np.zeros(raw.width, np.int64)
        for columns, _ in counted:
            seen[columns] += 1
        inverse = np.where(seen > 0, np.log((1 + len(read)) / (1 + seen)) + 1, 0).astype(np.float32)
        made = cls(terms, inverse)
        return made, made._weighed(counted)

    def rows(self, texts: Iterable[str]) -> Rows:
        """``[n, columns]``; words and runs of characters have length 1 and ``character_share``."""
        return self._weighed([self._counted(words_of(text)) for text in texts])

    def weighed_like(self, background: Vocabulary) -> Vocabulary:
        """The same terms, each as rare as it was in the background; what never occurred there is rarest."""
        known, rarest = background._columns, background.weights.max(initial=1)
        weights = self.weights.copy()
        for place, term in enumerate(self.terms):
            column = known.get(term)
            weights[place] = rarest if column is None else background.weights[column]
        return Vocabulary(self.terms, weights, self.character_share)

    def _counted(self, words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        known = self._columns
        counts = Counter(known[term] for term in word_terms(words) if term in known)
        columns = np.fromiter(counts.keys(), np.int32, len(counts))
        values = np.fromiter(counts.values(), np.float32, len(counts))
        order = np.argsort(columns)
        runs, often = _runs(words)
        return (
            np.concatenate([columns[order], runs + np.int32(len(self.terms))]),
            np.concatenate([values[order], often]),
        )

    def _weighed(self, counted: Sequence[tuple[NDArray[np.int32], NDArray[np.float32]]]) -> Rows:
        values = [self._weigh(columns, counts) for columns, counts in counted]
        return Rows.stacked([columns for columns, _ in counted], values, self.width)

    def _weigh(self, columns: NDArray[np.int32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
        values = (1 + np.log(counts)) * self.weights[columns]
        border = int(np.searchsorted(columns, len(self.terms)))
        values[:border] /= np.linalg.norm(values[:border]) or 1
        values[border:] *= self.character_share / (np.linalg.norm(values[border:]) or 1)
        return values


def _runs(words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Buckets of the runs of 3 to 5 characters, spaces included, and how often each occurs."""
    if not words:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    text = f" {' '.join(words)} "
    letters = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    hashed = letters.copy()
    found: list[NDArray[np.uint64]] = []
    for length in range(2, _LONGEST_RUN + 1):
        hashed = hashed[:-1] * _MULTIPLIER + letters[length - 1 :]
        if length >= _SHORTEST_RUN:
            found.append((hashed ^ (hashed >> np.uint64(29))) * _MULTIPLIER)
        if len(hashed) < 2:
            break
    if not found:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    buckets = (np.concatenate(found) >> np.uint64(64 - _CHARACTER_BITS)).astype(np.int32)
    unique, counts = np.unique(buckets, return_counts=True)
    return unique, counts.astype(np.float32)
