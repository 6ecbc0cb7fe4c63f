"""A tenant's own people, devices and organisations, found in text whatever the case and the order of their words."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from deskmind.errors import MissingExtraError
from deskmind.governance.redaction._ordinary import ORDINARY
from deskmind.governance.redaction.detector import Prepared, folded
from deskmind.governance.redaction.entities import EntityType
from deskmind.governance.redaction.finding import Finding

__all__ = ["DirectoryDetector", "DirectoryEntry", "everyday", "forms_of"]

_MOST_WORDS = 4
_SHORTEST = 3
_LONG_TOGETHER = 8
_ALONE = frozenset("aistdm")
"""Letters that stand alone in English, as words or behind an apostrophe."""
_SHORTEST_ORGANISATION = 4
_PARTICLES = frozenset("de da do dos del della di du la le van von der den ter el al bin ibn y e".split())
_LEGAL_FORMS = frozenset(
    "inc ltd llc gmbh ag sa sas bv nv plc corp kg oy ab as spa srl pty llp co kk".split()
)


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """Somebody or something the tenant knows.

    Attributes:
        value: the name as written, such as ``Ann-Marie de Vries``, ``WS-0815`` or ``ann.devries``.
        type: what it is.
    """

    value: str
    type: EntityType = EntityType.PERSON


class DirectoryDetector:
    """Finds the entries of a directory.

    People are found as *given family*, *family, given*, with an initial for the given names, in any case and without
    accents; everything else as it is written, in any case. One pass of an Aho–Corasick automaton (Aho and Corasick, 1975): O(text)
    however large the directory is. Changes are taken in at the next text; rebuilding costs O(all names).
    """

    name = "directory"

    def __init__(self, entries: Iterable[DirectoryEntry] = ()) -> None:
        """A directory of these entries.

        Raises:
            MissingExtraError: the extra ``redaction`` is not installed.
        """
        try:
            import ahocorasick
        except ModuleNotFoundError:
            raise MissingExtraError("A directory of names", "redaction") from None
        self._library: Any = ahocorasick
        self._entries: dict[tuple[str, EntityType], DirectoryEntry] = {}
        self._automaton: Any = None
        self.update(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def update(self, added: Iterable[DirectoryEntry] = (), removed: Iterable[DirectoryEntry] = ()) -> None:
        """Take entries in and out; those already there, or not there, are passed over."""
        for entry in removed:
            self._entries.pop((entry.value, entry.type), None)
        for entry in added:
            self._entries[entry.value, entry.type] = entry
        self._automaton = None

    def build(self) -> None:
        """Build the automaton now rather than with the next text: it takes about 10 µs a name."""
        self._built()

    def find(self, prepared: Prepared) -> Iterable[Finding]:
        """The entries in a text."""
        automaton = self._built()
        if automaton is None:
            return
        line, places = _line(prepared.text)
        matches: Iterable[tuple[int, tuple[int, EntityType]]] = automaton.iter(line)
        for end, (length, entity) in matches:
            start = end - length + 1
            if line[start - 1] == " " and line[end + 1] == " ":
                if not places:
                    places = _places(prepared.text)
                yield Finding(
                    places[start], places[end] + 1, entity, 0.98, "in the tenant's directory", self.name
                )

    def _built(self) -> Any:
        if self._automaton is None and self._entries:
            automaton = self._library.Automaton()
            for entry in self._entries.values():
                for form in forms_of(entry):
                    automaton.add_word(form, (len(form), entry.type))
            automaton.make_automaton()
            self._automaton = automaton
        return self._automaton


_RUN = re.compile(r"[a-z0-9]+")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


def _plain(text: str) -> str:
    return folded(text).translate(_LETTERS)


def _line(text: str) -> tuple[str, list[int]]:
    """The text as words between single blanks, folded; and where each of its characters stands in it.

    In plain ASCII the places are left out, because most texts have no match and the words alone are ten times faster.
    """
    if text.isascii():
        return f" {' '.join(_RUN.findall(text.lower()))} ", []
    characters: list[str] = [" "]
    places: list[int] = [0]
    for place, character in enumerate(text):
        if character.isalnum():
            for plain in _plain(character):
                characters.append(plain)
                places.append(place)
        elif characters[-1] != " " and not unicodedata.combining(character):
            characters.append(" ")
            places.append(place)
    characters.append(" ")
    places.append(len(text))
    return "".join(characters), places


def everyday(value: str) -> bool:
    """Whether a word says something else in most texts: a user named ``support`` is nobody's secret."""
    return len(value) < _SHORTEST or folded(value) in ORDINARY


def _places(text: str) -> list[int]:
    """Where the characters of a plain text's words stand in it."""
    places: list[int] = [0]
    for run in _RUN.finditer(text.lower()):
        places += range(run.start(), run.end() + 1)
    return places


def forms_of(entry: DirectoryEntry) -> Iterator[str]:
    """Ways to write it: with and without accents, and, of people, in other orders and shortened."""
    spelled = entry.value.lower().translate(_SPELLED)
    for value in {entry.value, spelled} if spelled != entry.value.lower() else (entry.value,):
        words = _words(value)
        if not words:
            continue
        if entry.type is EntityType.PERSON and 1 < len(words) <= _MOST_WORDS:
            yield from _of_person(words)
            yield from _shortened([_words(part) for part in value.split()])
        else:
            yield " ".join(words)
        if entry.type is EntityType.ORGANISATION:
            yield from _without_form(words)


def _words(value: str) -> list[str]:
    return _line(value)[0].split()


def _of_person(words: list[str]) -> Iterator[str]:
    for order in {tuple(words), *_orders(words)}:
        yield " ".join(order)
    given, family = words[:-1], words[-1]
    yield f"{words[0]} {family}"
    yield f"{family} {words[0]}"
    together = f"{words[0]}{family}"
    if len(together) >= _LONG_TOGETHER and together not in ORDINARY:
        yield together
    if len(family) > 2 and not (
        family in ORDINARY and given[0][0] in _ALONE
    ):  # *i will*, *that's park* name nobody
        initials = [word[0] for word in given]
        for short in (initials, initials[:1]):
            yield " ".join([*short, family])
            yield " ".join([family, *short])


def _shortened(parts: list[list[str]]) -> Iterator[str]:
    """Without particles, and without what stands in the middle; a double name stays whole: *Mary Ann Smith-Jones* is *Smith-Jones, Mary*."""
    parts = [part for part in parts if part and part[0] not in _PARTICLES]
    if len(parts) < 2:
        return
    *given, family = parts
    for names in (given, given[:1]):
        first = " ".join(itertools.chain(*names))
        yield f"{first} {' '.join(family)}"
        yield f"{' '.join(family)} {first}"
    whole = "".join(itertools.chain(*parts))
    if len(whole) >= _LONG_TOGETHER and whole not in ORDINARY:
        yield whole


def _without_form(words: list[str]) -> Iterator[str]:
    """*Contoso Ltd* is called *Contoso*."""
    short = words[:-1] if words[-1] in _LEGAL_FORMS else words
    if (
        short != words
        and short
        and len(" ".join(short)) >= _SHORTEST_ORGANISATION
        and short[0] not in ORDINARY
    ):
        yield " ".join(short)


def _orders(words: list[str]) -> Iterator[tuple[str, ...]]:
    if len(words) <= 3:
        yield from itertools.permutations(words)
    else:
        for cut in range(1, len(words)):
            yield (*words[cut:], *words[:cut])
