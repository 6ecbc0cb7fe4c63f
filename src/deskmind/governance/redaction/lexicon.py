"""Names of people and places, known from the data of the package ``faker``; empty without the ``redaction`` extra."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from deskmind.governance.redaction._ordinary import ORDINARY
from deskmind.governance.redaction.detector import folded

__all__ = ["Lexicon", "shipped_lexicon"]

_GIVEN = ("first_name",)
_FAMILY = ("last_name",)
_PLACES = (
    "cities",
    "city",
    "countr",
    "states",
    "state",
    "provinces",
    "regions",
    "municip",
    "towns",
    "counties",
)
_AFFIXES = (
    "city_suffix",
    "city_prefix",
    "state_abbr",
    "states_abbr",
    "country_code",
    "city_format",
    "province_abbr",
    "counties_and",
    "state_format",
)
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words by what they name, folded.

    Attributes:
        given: given names.
        family: family names.
        places: names of places, of one word or several.
        place_words: the longest place in words, by its first word.
        names: given and family names.
    """

    given: frozenset[str]
    family: frozenset[str]
    places: frozenset[str]
    place_words: dict[str, int]
    names: frozenset[str]

    @classmethod
    def of(cls, given: Iterable[str], family: Iterable[str], places: Iterable[str]) -> Lexicon:
        """From names as written."""
        firsts = frozenset(_names(given))
        lasts = frozenset(_names(family))
        known = frozenset(
            place
            for place in map(_place, places)
            if len(place) > 2 and not (place in ORDINARY or place.isdigit())
        )
        longest: dict[str, int] = {}
        for place in known:
            words = place.split()
            longest[words[0]] = max(longest.get(words[0], 0), len(words))
        return cls(firsts, lasts, known, longest, firsts | lasts)


@functools.cache
def shipped_lexicon() -> Lexicon:
    """The names that ``faker`` knows, in some hundred languages; takes about a second, once a process."""
    people, places = "faker.providers.person", "faker.providers.address"
    return Lexicon.of(_listed(people, _GIVEN), _listed(people, _FAMILY), _listed(places, _PLACES))


def _names(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for word in folded(name).replace("-", " ").split():
            if len(word) > 1 and word.isalpha():
                yield word


def _place(name: str) -> str:
    return " ".join(folded(name).replace("-", " ").replace(",", " ").split())


def _listed(package: str, beginnings: tuple[str, ...]) -> Iterator[str]:
    """What the lists of a package's providers hold whose names begin so."""
    try:
        parent = importlib.import_module(package)
    except ModuleNotFoundError:
        return
    for module in pkgutil.iter_modules(parent.__path__):
        provider = cast("dict[str, Any]", vars(importlib.import_module(f"{package}.{module.name}").Provider))
        for attribute, value in provider.items():
            if attribute.startswith(beginnings) and not attribute.startswith(_AFFIXES):
                yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) <= _LONGEST and "{" not in value:
            yield value
    elif isinstance(value, (list, tuple, set, frozenset, dict)):
        for item in cast("Iterable[Any]", value):
            yield from _texts(item)
