"""The tree between all forms of text: blocks of runs, in their simplest equal form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

__all__ = [
    "BREAK",
    "Block",
    "Code",
    "Heading",
    "Items",
    "Mark",
    "Paragraph",
    "Quote",
    "Rule",
    "Run",
    "Table",
    "tidy",
]

Mark = Literal["strong", "em", "strike", "code", "image"]


@dataclass(frozen=True, slots=True)
class Run:
    """Text with the same marks throughout; with an address it is a link, or an image by its mark."""

    text: str
    marks: frozenset[Mark] = frozenset()
    href: str = ""


BREAK = Run("\n")
_SPACES = re.compile(" {2,}")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A title of level 1 to 6."""

    level: int
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A block of code, its lines as they are."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody else said; also a panel."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list; ``start`` is the first number, 0 for bullets."""

    items: tuple[tuple[Block, ...], ...]
    start: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first row is the heading."""

    rows: tuple[tuple[tuple[Run, ...], ...], ...]


Block: TypeAlias = Paragraph | Heading | Code | Quote | Items | Rule | Table


def tidy(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Equal neighbours joined, no empty runs, no space at the edges or around breaks, marks off bare space."""
    joined: list[Run] = []
    for run in runs:
        for piece in _unspaced(run):
            last = joined[-1] if joined else None
            if last is not None and BREAK not in {last, piece} and _alike(last, piece):
                joined[-1] = replace(last, text=last.text + piece.text)
            else:
                joined.append(piece)
    return _trimmed(joined)


def _alike(one: Run, other: Run) -> bool:
    same = one.marks == other.marks and one.href == other.href
    return same and "image" not in one.marks


def _unspaced(run: Run) -> list[Run]:
    """A run without marks on the space at its edges: no form can mark that safely."""
    if run == BREAK or not run.text:
        return [run] if run.text else []
    if "code" in run.marks or "image" in run.marks:
        return [run] if run.text.strip() else [Run(" ")]
    text = run.text.replace("\n", " ")
    core = text.strip(" ")
    if not core:
        return [Run(text)]
    if not run.marks and not run.href:
        return [Run(text)]
    before = text[: len(text) - len(text.lstrip(" "))]
    after = text[len(text.rstrip(" ")) :]
    middle = Run(core, run.marks, run.href)
    return [piece for piece in (Run(before), middle, Run(after)) if piece.text]


def _trimmed(runs: list[Run]) -> tuple[Run, ...]:
    kept: list[Run] = []
    for place, run in enumerate(runs):
        plain = not run.marks and not run.href and run != BREAK
        text = run.text
        if "code" not in run.marks and run != BREAK:
            text = _SPACES.sub(" ", text)
        if plain:
            first = place == 0 or runs[place - 1] == BREAK
            last = place == len(runs) - 1 or runs[place + 1] == BREAK
            text = text.lstrip(" ") if first else text
            text = text.rstrip(" ") if last else text
        if text:
            kept.append(replace(run, text=text))
    while kept and kept[0] == BREAK:
        kept.pop(0)
    while kept and kept[-1] == BREAK:
        kept.pop()
    return tuple(kept)
