"""Where a pass stands, as text: marks of finished streams, and the position in the one under way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deskmind.errors import InvalidRequestError

__all__ = ["Cursor", "instant", "stamp"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """A kind is read as one or more streams (tables, projects, what was deleted), one after the other.

    Attributes:
        marks: by stream the vendor's latest time that was seen in a finished pass.
        stream: the one under way; empty between passes.
        position: where in it, in its own words.
        top: the latest time seen in it.
    """

    marks: Mapping[str, str] = field(default_factory=dict[str, str])
    stream: str = ""
    position: Any = None
    top: str = ""

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """What ``str`` gave; None is the beginning."""
        if text is None:
            return cls()
        try:
            value = json.loads(text)
            if value.pop("v") != _VERSION:
                raise ValueError
            return cls(**value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidRequestError(
                "The cursor cannot be read.",
                why="It was not made by this release.",
                remedy="Begin a full pass.",
            ) from error

    def __str__(self) -> str:
        value = {"v": _VERSION, "marks": dict(self.marks), "stream": self.stream}
        return json.dumps({**value, "position": self.position, "top": self.top}, separators=(",", ":"))

    def start(self, stream: str, overlap: timedelta) -> datetime | None:
        """From when a stream is to be read; None for all of it."""
        mark = self.marks.get(stream)
        return instant(mark) - overlap if mark else None

    def at(self, stream: str, position: Any, seen: str, latest: str = "") -> Cursor:
        """Further on in a stream, whose mark will not be later than ``latest``."""
        top = max(self.top if self.stream == stream else "", seen)
        return replace(self, stream=stream, position=position, top=min(top, latest) if latest else top)

    def done(self, stream: str) -> Cursor:
        """The stream is finished."""
        top = self.top if self.stream == stream else ""
        mark = max(top, self.marks.get(stream, ""))
        marks = {**self.marks, stream: mark} if mark else self.marks
        return Cursor(marks)


def instant(text: str) -> datetime:
    """A time in ``stamp``'s form."""
    return datetime.fromisoformat(text)


def stamp(moment: datetime | None) -> str:
    """A time as text that sorts: UTC, to the microsecond; empty for none."""
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")
