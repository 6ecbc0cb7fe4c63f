"""What finds personal data, and the text as it is given to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple, Protocol

from deskmind.governance.redaction.finding import Finding

__all__ = ["Detector", "Prepared", "Word", "folded"]

_WORD = re.compile(r"[^\W\d_]+(?:['’\-](?!s\b)[^\W\d_]+)*")


class Word(NamedTuple):
    """One word of a text.

    Attributes:
        start: index of its first character.
        end: index after its last.
        text: as written.
        folded: in lower case, without accents.
    """

    start: int
    end: int
    text: str
    folded: str

    @property
    def titled(self) -> bool:
        """Whether it begins with a capital and is not all capitals, or is one capital."""
        return self.text[0].isupper() and (len(self.text) == 1 or not self.text.isupper())

    @property
    def capitals(self) -> bool:
        """Whether it is two capitals or more."""
        return len(self.text) > 1 and self.text.isupper()


class Prepared:
    """A text and what several detectors need of it, made once.

    Attributes:
        text: as given.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def words(self) -> list[Word]:
        """The words, in order."""
        return [
            Word(found.start(), found.end(), found[0], folded(found[0]))
            for found in _WORD.finditer(self.text)
        ]

    @cached_property
    def lowered(self) -> str:
        """The text in lower case."""
        return self.text.lower()

    @cached_property
    def small(self) -> bool:
        """Whether there is no capital at all, so that capitals tell nothing."""
        return self.text.islower()

    @cached_property
    def digits(self) -> bool:
        """Whether there is any digit, without which most patterns need not be tried."""
        return (
            any(map(str.isdigit, self.text))
            if len(self.text) < 200
            else re.search(r"\d", self.text) is not None
        )


class Detector(Protocol):
    """Finds personal data of some kinds. Shipped: ``PatternDetector``, ``NameDetector``, ``DirectoryDetector``."""

    @property
    def name(self) -> str:
        """How findings name it."""
        ...

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """Places in the text; they may overlap. Must take time linear in the text's length."""
        ...


def folded(text: str) -> str:
    """In lower case and without accents, for comparison."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(character for character in plain if not unicodedata.combining(character))
