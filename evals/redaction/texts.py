"""Tickets with marked personal data, one file for each manner of writing; ``{TYPE|value}`` marks, ``---`` parts the texts.

``development`` is for making rules; ``held_out`` is for judging them and shares no manner of writing with it. Whoever
changes rules does not look at the texts of the latter one by one.
"""

from __future__ import annotations

import re
from pathlib import Path

from deskmind.evaluation.redaction import LabelledText

__all__ = ["DEVELOPMENT", "HELD_OUT", "labelled_texts"]

_HERE = Path(__file__).parent
DEVELOPMENT, HELD_OUT = _HERE / "development", _HERE / "held_out"
_MARK = re.compile(r"\{([A-Z_]+)\|([^{}]*)\}")


def labelled_texts(folder: Path) -> list[LabelledText]:
    """The texts of a folder; the file's name is the template, so that folds are parted by manner of writing."""
    return [
        _labelled(text.strip("\n"), file.stem)
        for file in sorted(folder.glob("*.txt"))
        for text in file.read_text("utf-8").split("\n---\n")
    ]


def _labelled(ticket: str, manner: str) -> LabelledText:
    text, end = "", 0
    spans: list[tuple[int, int, str]] = []
    for mark in _MARK.finditer(ticket):
        text += ticket[end : mark.start()]
        spans.append((len(text), len(text) + len(mark[2]), mark[1]))
        text += mark[2]
        end = mark.end()
    return LabelledText(text + ticket[end:], tuple(spans), manner)
