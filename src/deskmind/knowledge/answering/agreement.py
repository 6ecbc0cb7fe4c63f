"""Whether two questions ask for the same thing, as far as their words tell.

Similarity of vectors alone cannot: a question about another version, product or number is nearer than many a paraphrase.
These rules only ever refuse; they are linear in the length of the questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from deskmind.knowledge.lexical import tokens

__all__ = ["agree"]

_WORD = re.compile(r"[^\W_]+(?:[.\-/'’][^\W_]+)*")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|except|cannot|isn|aren|don|doesn|didn|won|can|couldn|shouldn|"
    r"wouldn|wasn|weren|hasn|haven)(?:['’]t)\b|\b(?:not|no|never|none|nobody|nothing|neither|nor|without|except|cannot)\b",
    re.IGNORECASE,
)  # fmt: skip
_OPPOSITE = ("un", "dis", "de", "in", "non", "re")
_PLAIN = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "by",
        "with",
        "as",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "do",
        "does",
        "did",
        "can",
        "could",
        "would",
        "should",
        "will",
        "shall",
        "may",
        "might",
        "must",
        "have",
        "has",
        "had",
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "me",
        "my",
        "your",
        "our",
        "their",
        "its",
        "us",
        "please",
        "tell",
        "give",
        "provide",
        "state",
        "specify",
        "answer",
        "reply",
        "respond",
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "how",
        "much",
        "many",
        "exact",
        "exactly",
        "about",
        "there",
        "any",
        "some",
        "just",
        "also",
        "so",
        "then",
        "than",
        "if",
    ]
)
_CLOSE = 0.72
_LONGEST = 400


def agree(one: str, other: str) -> bool:
    """Whether nothing in their words says that the questions differ: numbers, names, negation, a word exchanged."""
    first, second = _words(one), _words(other)
    if _figures(first) != _figures(second):
        return False
    if len(_NEGATION.findall(one)) != len(_NEGATION.findall(other)):
        return False
    if not (_named(one, other) and _named(other, one)):
        return False
    if _opposed(first, second):
        return False
    return not _exchanged(first, second)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)[:_LONGEST]


def _figures(words: Sequence[str]) -> set[str]:
    """Numbers, versions, codes: whatever holds a digit."""
    return {word.casefold() for word in words if any(character.isdigit() for character in word)}


def _named(one: str, other: str) -> bool:
    """Whether the names in one question stand in the other, in whatever case."""
    lowered = {word.casefold() for word in _words(other)} | {word.casefold() for word in tokens(other)}
    start = True
    for found in _WORD.finditer(one):
        word = found.group()
        name = word[0].isupper() and (not start or word[1:].lower() != word[1:])
        start = one[found.end() :].lstrip(" \"')")[:1] in {".", "?", "!", ":"}
        if name and word.casefold() not in lowered and word.casefold() not in _PLAIN:
            stem = tokens(word)
            if not stem or stem[0] not in lowered:
                return False
    return True


def _opposed(first: Sequence[str], second: Sequence[str]) -> bool:
    """One says ``install``, the other ``uninstall``."""
    left, right = {word.casefold() for word in first}, {word.casefold() for word in second}
    for here, there in ((left - right, right - left), (right - left, left - right)):
        for word in here:
            for prefix in _OPPOSITE:
                if len(word) > 3 and prefix + word in there:
                    return True
    return False


def _exchanged(first: Sequence[str], second: Sequence[str]) -> bool:
    """The same sentence but for some content words: another subject in the same mould."""
    left = [word.casefold() for word in first]
    right = [word.casefold() for word in second]
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < _CLOSE:
        return False
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        if _content(left[a:b]) != _content(right[c:d]):
            return True
    return False


def _content(words: Sequence[str]) -> set[str]:
    return {stem for word in words if word not in _PLAIN for stem in tokens(word)}
