"""Where people are mentioned in texts: in Python by words, in PostgreSQL by a regular expression that finds the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Self

from deskmind.governance.privacy.identifiers import PHONE, phone_form
from deskmind.governance.redaction.detector import folded

__all__ = ["ERASED", "Mentions", "SqlPattern", "sql_pattern"]

ERASED = "(erased)"
"""What stands where somebody was mentioned; it is plain text in Markdown, JSON, YAML and addresses."""

_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*")
_PHONE_DIGITS = range(7, 16)
_BETWEEN = "[^[:alnum:]]+"


class Mentions:
    """Finds the mentions of people in texts. O(words) lookups for each length that a form may have.

    >>> Mentions.of({"ann de vries", "ann devries"}).masked("Ask Ann de Vries <ann.devries@example.com>!")
    'Ask (erased) <(erased)@example.com>!'
    """

    def __init__(self, known: Callable[[str], bool], lengths: Collection[int]) -> None:
        """Mentions of whom ``known`` knows.

        Args:
            known: whether a form is one of those looked for.
            lengths: how many words such forms have; 0 for telephone numbers.
        """
        self._known = known
        self._lengths = sorted((length for length in lengths if length > 0), reverse=True)
        self._phones = 0 in lengths

    @classmethod
    def of(cls, forms: Collection[str]) -> Self:
        """The mentions of these forms."""
        return cls(
            frozenset(forms).__contains__,
            {0 if form.startswith(PHONE) else form.count(" ") + 1 for form in forms},
        )

    def __bool__(self) -> bool:
        return bool(self._lengths) or self._phones

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Start, end and form of each mention, in order and not overlapping."""
        words = [(found.start(), found.end(), folded(found[0])) for found in _WORD.finditer(text)]
        place = 0
        while place < len(words):
            found = self._at(words, place)
            if found is None:
                place += 1
            else:
                count, form = found
                yield words[place][0], words[place + count - 1][1], form
                place += count

    def masked(self, text: str) -> str:
        """The text with ``(erased)`` in place of each mention; the same object when there is none."""
        parts: list[str] = []
        end = 0
        for start, stop, _ in self.find(text):
            parts += (text[end:start], ERASED)
            end = stop
        return "".join([*parts, text[end:]]) if parts else text

    def _at(self, words: list[tuple[int, int, str]], place: int) -> tuple[int, str] | None:
        """How many words from here are a mention, and its form."""
        if self._phones and words[place][2].isdigit() and (phone := self._phone(words, place)):
            return phone
        for length in self._lengths:
            form = " ".join(word for _, _, word in words[place : place + length])
            if place + length <= len(words) and self._known(form):
                return length, form
        return None

    def _phone(self, words: list[tuple[int, int, str]], place: int) -> tuple[int, str] | None:
        digits, found = "", None
        for count, (_, _, word) in enumerate(words[place : place + 10], 1):
            digits += word
            if not word.isdigit() or len(digits) not in range(_PHONE_DIGITS.stop):
                break
            if len(digits) in _PHONE_DIGITS and self._known(phone_form(digits)):
                found = count, phone_form(digits)
        return found


@dataclass(frozen=True, slots=True)
class SqlPattern:
    """Regular expressions of PostgreSQL.

    Attributes:
        loose: cheap, and true of every text that has a mention.
        mention: a mention, to be replaced.
    """

    loose: str
    mention: str


def sql_pattern(forms: Collection[str]) -> SqlPattern:
    """What finds the forms in texts in normal form C, whatever their case and accents."""
    words = sorted(form.split() for form in forms if not form.startswith(PHONE))
    phones = sorted(form.removeprefix(PHONE) for form in forms if form.startswith(PHONE))
    loose = {_spelt(max(form, key=len)) for form in words} | {_number(digits) for digits in phones}
    named = [_BETWEEN.join(map(_spelt, form)) for form in words]
    exact = [f"(?<![[:alnum:]])(?:{'|'.join(named)})(?![[:alnum:]])"] if named else []
    exact += [f"(?:[0-9][^[:alnum:]]{{0,3}}){{0,6}}{_number(digits)}(?![0-9])" for digits in phones]
    return SqlPattern("|".join(sorted(loose)), "|".join(exact))


def _number(digits: str) -> str:
    return "[^[:alnum:]]{0,3}".join(digits)


def _spelt(word: str) -> str:
    return "".join(map(_letter, word))


@cache
def _letter(letter: str) -> str:
    spellings = {
        letter,
        *(case for case in (letter.upper(),) if len(case) == 1),
        *_accented().get(letter, ()),
    }
    return letter if len(spellings) == 1 else f"[{''.join(sorted(spellings))}]"


@cache
def _accented() -> dict[str, set[str]]:
    """Latin letters with an accent, by the letter without."""
    found: dict[str, set[str]] = {}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        letter = unicodedata.normalize("NFC", chr(code))
        plain = folded(letter)
        if len(plain) == len(letter) == 1 and plain != letter and plain.isalnum():
            found.setdefault(plain, set()).add(letter)
    return found
