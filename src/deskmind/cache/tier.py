"""The seam to a second tier that several processes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["CacheTier", "Kind", "Listener", "Reading", "Record", "Unreachable"]

Kind = Literal["key", "tag", "root"]
"""What a removed name stands for: one value, all that carry a tag, or all of a namespace."""


@dataclass(frozen=True, slots=True)
class Record:
    """A value as it is stored.

    Attributes:
        payload: the encoded value, or ``None`` for one that is known to be absent.
        format: the codec's.
        ttl: seconds from being made to expiry.
        tags: names of tags.
    """

    payload: bytes | None
    format: str
    ttl: float
    tags: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What the tier said about a name.

    Attributes:
        record: the value found, or ``None``.
        remaining: seconds until it expires.
        claim: entitles to ``fill`` this name; empty when the tier cannot be used.
        generations: of the namespace and the asked tags, as they were when read.
    """

    record: Record | None = None
    remaining: float = 0.0
    claim: bytes = b""
    generations: tuple[bytes, ...] = ()


Unreachable = Reading()
"""A miss that entitles to nothing."""


class Listener(Protocol):
    """Who is told what other processes removed."""

    def removed(self, kind: Kind, name: bytes) -> None:
        """A name was set anew, deleted or invalidated elsewhere."""
        ...

    def missed(self) -> None:
        """Some removals may have gone unheard: whatever is kept may be stale."""
        ...


class CacheTier(Protocol):
    """A store that several processes share. No method raises for what goes wrong in the store."""

    def listen(self, listener: Listener) -> None:
        """Tell a listener what other processes remove, from the first use on."""
        ...

    async def start(self) -> None:
        """Begin to listen, waiting no longer than an operation may take; else the first use does it."""
        ...

    async def read(
        self,
        name: bytes,
        root: bytes,
        tags: tuple[bytes, ...] = (),
        *,
        codec_format: str,
        claim: bool = False,
    ) -> Reading:
        """The value of a name, when it is in this format and none of its tags was invalidated since it was stored.

        With ``claim``, a miss leaves a mark in its place that only the reading's ``fill`` may replace, so that a
        value read from the source before a removal is never stored after it.
        """
        ...

    def fill(self, name: bytes, root: bytes, reading: Reading, record: Record) -> None:
        """Store in the background what was loaded after a reading with ``claim``, if nothing came between."""
        ...

    async def write(self, name: bytes, root: bytes, record: Record) -> bool:
        """Store a value whatever was there and tell the others. ``False``: it may not have been stored."""
        ...

    async def remove(self, kind: Kind, name: bytes) -> bool:
        """Remove a name and tell the others. ``False``: not yet; it is done before anything is read again."""
        ...

    def measures(self) -> dict[str, float]:
        """Counts since the start, by name."""
        ...

    async def close(self) -> None:
        """Let go of connections and background work."""
        ...
