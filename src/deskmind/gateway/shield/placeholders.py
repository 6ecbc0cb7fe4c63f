"""Restoring placeholders by value, in whole texts and in streams that cut them in two."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from deskmind.gateway.shield.protocol import Flow

__all__ = ["Placeholders"]


class Placeholders:
    """A restorer for placeholders that stand for values; none may be empty.

    Where one is the beginning of another, the longer one is meant. A placeholder is best made of characters that JSON
    does not escape. What a model made up or changed stays as it is. Restoring costs O(text × length of a placeholder).

    >>> flow = Placeholders({"<PERSON_1>": "Ada"}).flow(json=False)
    >>> flow.feed("Dear <PER"), flow.feed("SON_1>!"), flow.end()
    ('Dear ', 'Ada!', '')
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._escaped: dict[str, str] = {name: json.dumps(value)[1:-1] for name, value in values.items()}
        self._beginnings = frozenset(name[:length] for name in values for length in range(1, len(name)))
        self._longest = max(map(len, values), default=0)
        names = sorted(values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, names)) or r"(?!)")

    def flow(self, *, json: bool) -> Flow:
        """A run of text."""
        values = self._escaped if json else self._values
        return _Flow(values, self._pattern, self._beginnings, self._longest)


class _Flow:
    __slots__ = ("_beginnings", "_held", "_longest", "_pattern", "_values")

    def __init__(
        self, values: dict[str, str], pattern: re.Pattern[str], beginnings: frozenset[str], longest: int
    ) -> None:
        self._values = values
        self._pattern = pattern
        self._beginnings = beginnings
        self._longest = longest
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be said by now."""
        text, said, place = self._held + piece, "", 0
        while True:
            hold = self._hold(text, place)
            found = self._pattern.search(text, place)
            if found is None or found.start() >= hold:
                self._held = text[hold:]
                return said + text[place:hold]
            said += text[place : found.start()] + self._values[found.group()]
            place = found.end()

    def end(self) -> str:
        """What was held back."""
        text, self._held = self._held, ""
        return self._pattern.sub(lambda found: self._values[found.group()], text)

    def _hold(self, text: str, place: int) -> int:
        """Where what may be the beginning of a placeholder begins; the end of the text when nothing is."""
        first = max(place, len(text) - self._longest + 1)
        return next(
            (start for start in range(first, len(text)) if text[start:] in self._beginnings), len(text)
        )
