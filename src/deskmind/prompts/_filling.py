"""Filling a room with parts by priority, within their minimum and maximum shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deskmind.errors import ConfigurationError
from deskmind.prompts.decision import PartName, Reason

__all__ = ["Filled", "Share", "fill"]


@dataclass(frozen=True, slots=True)
class Share:
    """What a part may take of the room that question, instructions and reply leave.

    Attributes:
        priority: parts with a higher one are served first.
        minimum: the part of the room, 0 to 1, that others of higher priority leave to it.
        maximum: the most it takes, 0 to 1.

    Raises:
        ConfigurationError: the shares are not 0 to 1, or the minimum exceeds the maximum.
    """

    priority: int
    minimum: float = 0.0
    maximum: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum <= 1:
            raise ConfigurationError(
                "A share of a context window cannot be used.",
                why=f"0 ≤ minimum ({self.minimum:g}) ≤ maximum ({self.maximum:g}) ≤ 1 does not hold.",
            )


@dataclass(slots=True)
class Filled:
    """How far a part was taken.

    Attributes:
        name: the part.
        share: its share.
        sizes: tokens of its units, the first wanted most.
        taken: how many of them, from the first on.
        cap: the most tokens it may have.
    """

    name: PartName
    share: Share
    sizes: Sequence[int]
    taken: int = 0
    cap: int = 0

    @property
    def tokens(self) -> int:
        """Taken so far."""
        return sum(self.sizes[: self.taken])

    @property
    def reason(self) -> Reason:
        """Why the next unit was not taken."""
        return "share" if self.tokens + self.sizes[self.taken] > self.cap else "room"

    def take(self, room: int, cap: int) -> int:
        """Take units while they fit; gives the room left."""
        self.cap, mine = cap, self.tokens
        while self.taken < len(self.sizes):
            size = self.sizes[self.taken]
            if size > room or mine + size > cap:
                break
            self.taken, mine, room = self.taken + 1, mine + size, room - size
        return room


def fill(parts: Sequence[Filled], room: int) -> None:
    """First every part up to its minimum, then every part up to its maximum; each time by priority."""
    ordered = sorted(parts, key=lambda part: -part.share.priority)
    left = room
    for part in ordered:
        left = part.take(left, int(room * part.share.minimum))
    for part in ordered:
        left = part.take(left, int(room * part.share.maximum))
