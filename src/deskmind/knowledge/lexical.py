"""The lexical side: words to hashed stems with BM25 weights.

A chunk's weights are fixed when it is stored: term frequency saturated and normalised against a reference
length that the chunker aims at, so that later documents change no stored row. The inverse document frequency,
which does change, is applied by the database at query time. Source: Robertson and Zaragoza, The
Probabilistic Relevance Framework: BM25 and Beyond, 2009.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections import Counter
from functools import lru_cache
from typing import Any, cast

import snowballstemmer

__all__ = ["DIMENSIONS", "document_weights", "query_terms", "tokens"]

DIMENSIONS = 1_000_000_000
_K1 = 1.2
_B = 0.5
_REFERENCE_LENGTH = 120
_MAX_TERMS = 4_000
_MAX_QUERY_TERMS = 64
_TOKEN = re.compile(r"[^\W_]+(?:[.\-_'’][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_STOPWORDS = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "again",
        "against",
        "all",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "down",
        "during",
        "each",
        "few",
        "for",
        "from",
        "further",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "itself",
        "just",
        "me",
        "more",
        "most",
        "my",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "ours",
        "out",
        "over",
        "own",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "yours",
    ]
)
_of_thread = threading.local()


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    stemmer = getattr(_of_thread, "stemmer", None)
    if stemmer is None:  # it keeps the word it works on: two threads would mix theirs
        stemmer = _of_thread.stemmer = cast("Any", snowballstemmer).stemmer("english")
    return str(stemmer.stemWord(word))


@lru_cache(maxsize=65_536)
def _number(stem: str) -> int:
    return zlib.crc32(stem.encode()) % (DIMENSIONS - 1) + 1


@lru_cache(maxsize=65_536)
def _stems(token: str) -> tuple[str, ...]:
    parts = _PART.findall(token)
    words = [part for part in parts if part not in _STOPWORDS]
    stems = [_stem(word.removesuffix("'s")) for word in words]
    if len(parts) > 1:
        stems.append(token)
    return tuple(stems)


def tokens(text: str) -> list[str]:
    """The stems of a text in order, stop words left out; compounds such as ``KB0010042.v2`` also as a whole."""
    return [stem for token in _TOKEN.findall(text.lower()) for stem in _stems(token)]


def query_terms(text: str) -> list[int]:
    """The distinct term numbers of a query, at most 64, in order of appearance."""
    return list(dict.fromkeys(_number(stem) for stem in tokens(text)))[:_MAX_QUERY_TERMS]


def document_weights(text: str) -> dict[int, float]:
    """Term number to BM25 weight without the inverse document frequency, ascending by number."""
    counts = Counter(_number(stem) for stem in tokens(text))
    length = sum(counts.values())
    norm = _K1 * (1 - _B + _B * length / _REFERENCE_LENGTH)
    return {
        term: count * (_K1 + 1) / (count + norm) for term, count in sorted(counts.most_common(_MAX_TERMS))
    }
