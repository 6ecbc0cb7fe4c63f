"""Which encoding a text without a mark is in.

UTF-8 proves itself. A single-byte encoding of a Latin script cannot: every byte is some letter in each of them. But a
text is in *one* language, so it is read in each encoding, and the reading counts whose letters beyond ASCII one
language's alphabet explains best; Western European, the most common, wins where several explain all. Statistics over
bytes, which need a page of text, are asked only for scripts that are written in such bytes throughout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from charset_normalizer import from_bytes

__all__ = ["guess_encoding"]

_WESTERN = (
    "àâæçèéêëîïôœùûüÿ",  # French
    "äöüßé",  # German
    "áéíñóúü¿¡",  # Spanish
    "àáâãçéêíóôõúü",  # Portuguese
    "àèéìíîòóùú",  # Italian
    "àçèéíïòóúü·",  # Catalan
    "áéèëïíóöüĳ",  # Dutch
    "åäöéàü",  # Swedish, Finnish
    "æøåéèêóòôäöü",  # Danish, Norwegian
    "áðéíóúýþæö",  # Icelandic
    "äöõüšž",  # Estonian
    "áéíóú",  # Irish
)
_CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţ",  # Romanian
    "čćđšž",  # Croatian, Bosnian, Slovene
    "çë",  # Albanian
)
_TURKISH = ("çğıi̇öşüâîû",)
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž")  # Lithuanian, Latvian, Estonian
_LATIN: Mapping[str, tuple[str, ...]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": _TURKISH,
    "cp1257": _BALTIC,
}
_SIGNS = frozenset("\u00a0–—‘’‚“”„†•…‰‹›€™¡¢£¥§©ª«¬®°±²³´µ¶·¹º»¼½¾¿×÷")
_JOINERS = frozenset("\u00a0–—’·")
_SAMPLE = 200_000
_LEAST_EXPLAINED = 0.8
_MOST_TOUCHING = 0.5
_HIGH = re.compile(rb"[\x80-\xff]+")
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_DAMAGE_A_SEQUENCE = 0.1


def guess_encoding(data: bytes) -> str | None:
    """The encoding of a text that is not valid UTF-8 as a whole and carries no byte order mark; None if none fits."""
    sample = data[:_SAMPLE]
    if _is_damaged_utf8(sample):
        return "utf-8"
    if _touching(sample) <= _MOST_TOUCHING:
        explained = {name: _explained(sample, name, alphabets) for name, alphabets in _LATIN.items()}
        best = max(explained, key=lambda name: explained[name])
        if explained[best] >= _LEAST_EXPLAINED:
            return best
    guessed = from_bytes(sample).best()
    return guessed.encoding if guessed is not None else None


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether the bytes beyond ASCII are UTF-8 but for a few, such as a character cut in two."""
    sequences = len(_SEQUENCE.findall(data))
    strays = sum(map(len, _HIGH.findall(_SEQUENCE.sub(b" ", data))))
    return sequences > strays and strays <= max(1, sequences * _DAMAGE_A_SEQUENCE)


def _touching(data: bytes) -> float:
    """The share of bytes beyond ASCII in runs of three or more: none in Latin scripts, nearly all in others."""
    runs = _HIGH.findall(data)
    return sum(len(run) for run in runs if len(run) > 2) / max(1, sum(map(len, runs)))


def _explained(data: bytes, encoding: str, alphabets: tuple[str, ...]) -> float:
    """The share of characters beyond ASCII that the best of the alphabets, or typography, accounts for."""
    try:
        text = data.decode(encoding).lower()
    except UnicodeDecodeError:
        return 0.0
    counts: dict[str, int] = {}
    for place, character in enumerate(text):
        if character > "\x7f":
            between = text[max(place - 1, 0) : place] + text[place + 1 : place + 2]
            strange = character in _SIGNS - _JOINERS and len(between) == 2 and between.isalpha()
            key = "a sign within a word" if strange else character
            counts[key] = counts.get(key, 0) + 1
    total = sum(counts.values())
    signs = sum(count for character, count in counts.items() if character in _SIGNS)
    best = max(
        sum(count for character, count in counts.items() if character in alphabet and character not in _SIGNS)
        for alphabet in alphabets
    )
    return (signs + best) / total if total else 0.0
