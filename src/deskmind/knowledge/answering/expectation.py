"""What an answer must hold: the kind of value a question asks for, and the words that it is about.

Patterns are English; a question of no known kind expects nothing, and then every text will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from deskmind.knowledge.lexical import tokens

__all__ = ["Expectation"]

_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|"
    "sixty|hundred|thousand|million|dozen|once|twice"
)
_KINDS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(held, re.IGNORECASE))
    for asked, held in (
        (r"\bpercent|%", r"%|\bpercent"),
        (
            r"\bdollars?\b|\beuros?\b|[$€£]|\bbudgets?\b|\bsalary\b|\brevenue\b|\bprice\b|\bcosts?\b",
            r"[$€£]\s?\d|\d\s?(?:usd|eur|gbp|dollars?|euros?|pounds?)\b",
        ),
        (r"\byyyy\b|\b(?:which|what) year\b", r"\b(?:1[89]|20)\d\d\b"),
        (r"\be-?mail address\b", r"[\w.+-]{1,64}@\w"),
        (r"\bphone number\b|\bcontact number\b|\bdirect line\b|\bhotline\b", r"\d[\d\-(). ]{4,24}\d"),
        (r"\burl\b|\bweb ?site\b|\blink\b", r"https?://|\bwww\.|\w\.(?:com|org|net|io)\b"),
        (
            r"\bhow (?:many|much|long|often)\b|\bnumber of\b|\bnumeri|\bnumber\b|\bdigit|\bcount\b|\btotal\b|"
            r"\bquantity\b|\bin (?:minutes|hours|days|weeks|months|years)\b",
            rf"\d|\b(?:{_NUMBER_WORDS})\b",
        ),
    )
)
_NAME_ASKED = re.compile(
    r"\bnames?\b|\bwho(?:m|se)?\b|\bbrand\b|\btitled?\b|\bwhich (?:company|vendor|provider|person|tool|product)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w&’'-]+")
_CAPITALISED = re.compile(r"\b[A-Z][\w&’'-]*")
_NAMED = re.compile(r"\b(?:[A-Z][\w&’'-]*|\w*\d[\w-]*)")
_ASKING = re.compile(r"[^?]*\?")
_OPEN = re.compile(r"\s*(?:how (?:do|does|did|can|could|should|would|to)|why|where)\b", re.IGNORECASE)
"""Asks for a way, a reason or a place: a value that such a question mentions is not what it asks for."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a question expects.

    Attributes:
        asked: the text that says what kind of value is asked for.
        given: the names, codes and numbers that the question holds.
        focus: the stems of the question proper; what follows the first question mark, mostly an instruction on
            the form, is left out.
        names: whether the question proper names something: a capitalised word inside it, a code or a number.
    """

    asked: str
    given: frozenset[str]
    focus: frozenset[str]
    names: bool

    @classmethod
    def of(cls, question: str) -> Self:
        """Read a question.

        >>> Expectation.of("Who manages office #456? Give the full name.").names
        True
        """
        asking = _ASKING.match(question)
        proper = (asking[0] if asking else question).strip()
        instruction = question[asking.end() :] if asking else ""
        return cls(
            asked=instruction if _OPEN.match(proper) else question,
            given=frozenset(word.lower() for word in _WORD.findall(question)),
            focus=frozenset(tokens(proper)),
            names=any(
                _has_digit(found[0]) or not _initial(proper, found)
                for found in _NAMED.finditer(proper)
                if found[0] != "I"
            ),
        )

    def missing(self, text: str) -> int:
        """How many stems of the focus ``text`` does not hold."""
        return len(self.focus - set(tokens(text)))

    def met_by(self, text: str) -> bool:
        """Whether ``text`` holds a value of the kind asked for that the question does not hold itself.

        >>> Expectation.of("What does parking cost? Answer in dollars.").met_by("Parking is on level 2.")
        False
        """
        held = next((held for asked, held in _KINDS if asked.search(self.asked)), None)
        if held is not None:
            return held.search(_WORD.sub(self._unless_given, text)) is not None
        if _NAME_ASKED.search(self.asked):
            return any(
                found[0].lower() not in self.given and not _initial(text, found)
                for found in _CAPITALISED.finditer(text)
            )
        return True

    def _unless_given(self, word: re.Match[str]) -> str:
        return "" if word[0].lower() in self.given and _has_digit(word[0]) else word[0]


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _initial(text: str, word: re.Match[str]) -> bool:
    """Whether a word begins a sentence, so that its capital letter says nothing."""
    before = text[max(0, word.start() - 8) : word.start()].rstrip(" \t\n\"'“‘(*")
    return not before or before[-1] in ".!?:"
