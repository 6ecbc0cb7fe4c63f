"""Splitting a passage into units that can be quoted: sentences, list items, table rows, code lines.

Offsets are exact. Every regular expression is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["MAX_UNITS", "Unit", "split_units"]

_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s)")
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "sr",
        "jr",
        "st",
        "vs",
        "etc",
        "e.g",
        "i.e",
        "eg",
        "ie",
        "no",
        "nos",
        "fig",
        "al",
        "inc",
        "ltd",
        "co",
        "corp",
        "dept",
        "approx",
        "est",
        "ext",
        "tel",
        "vol",
        "a.m",
        "p.m",
    ]
)
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+")
_BULLET = re.compile(r"[ \t]*[-*+•][ \t]+")
_RULE = re.compile(r"[ \t]*\|?[ \t:|-]*-[ \t:|-]*")
_MAX_UNIT = 600
MAX_UNITS = 40
"""Units of one passage that are considered; a section-sized chunk has rarely more."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A quotable piece: ``text == passage[start:end]``; ``context`` is a table's header for a row."""

    text: str
    start: int
    end: int
    kind: str
    context: str = ""


def split_units(text: str) -> list[Unit]:
    """The units of a passage in order."""
    units: list[Unit] = []
    header = ""
    position = 0
    buffered: list[tuple[int, int]] = []
    for line in [*text.split("\n"), ""]:
        start, end = position, position + len(line)
        position = end + 1
        table = line.lstrip().startswith("|")
        item = _ITEM.match(line) is not None
        if table or item or not line.strip():
            units.extend(_sentences(text, buffered))
            buffered = []
        if table:
            if _RULE.fullmatch(line):
                continue
            if not header:
                header = line.strip()
            units.append(Unit(line, start, end, "row", "" if header == line.strip() else header))
            continue
        header = ""
        if item:
            bullet = _BULLET.match(line)
            units.extend(_trimmed(text, start + (bullet.end() if bullet else 0), end, "item"))
        elif line.strip():
            buffered.append((start, end))
    return units[:MAX_UNITS]


def _sentences(text: str, lines: list[tuple[int, int]]) -> Iterator[Unit]:
    """Sentences of consecutive lines, which may run over line ends."""
    if not lines:
        return
    start, end = lines[0][0], lines[-1][1]
    begin = start
    for found in _END.finditer(text, start, end):
        if _is_end(text, begin, found):
            yield from _trimmed(text, begin, found.end(), "sentence")
            begin = found.end()
    yield from _trimmed(text, begin, end, "sentence")


def _is_end(text: str, begin: int, found: re.Match[str]) -> bool:
    if "!" in found[0] or "?" in found[0]:
        return True
    word = text[max(begin, found.start() - 12) : found.start()].rpartition(" ")[2].lower().lstrip("(\"'“‘")
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return False
    following = text[found.end() : found.end() + 12].lstrip()
    return not following[:1].islower()


def _trimmed(text: str, start: int, end: int, kind: str) -> Iterator[Unit]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > _MAX_UNIT:
        cut = text.rfind(" ", start + _MAX_UNIT // 2, start + _MAX_UNIT)
        cut = cut if cut > start else start + _MAX_UNIT
        yield Unit(text[start:cut], start, cut, kind)
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if end > start:
        yield Unit(text[start:end], start, end, kind)
