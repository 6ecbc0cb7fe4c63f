"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Event", "Frame", "frames"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[T_co]):
    """Something that happened.

    Attributes:
        name: what kind of thing, such as ``delta`` or ``run``.
        data: what it is.
        id: its place in the stream.
    """

    name: str
    data: T_co
    id: str


@dataclass(slots=True)
class Frame:
    """An event as it came."""

    name: str = "message"
    data: str = ""
    id: str = ""


async def frames(pieces: AsyncIterable[bytes]) -> AsyncIterator[Frame]:
    """The events of a stream of bytes; comments, by which a server shows that it is there, are left out."""
    name, data, last = "", list[str](), ""
    async for line in _lines(pieces):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Frame(name or "message", "\n".join(data), last)
            name, data = "", []
        elif field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last = value


async def _lines(pieces: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """Lines end with a line feed, a carriage return, or both, which may come in two pieces."""
    left = b""
    async for piece in pieces:
        text = left + piece
        kept = len(text) - text.endswith(b"\r")  # a line feed may follow
        *whole, rest = _parted(text[:kept])
        left = rest + text[kept:]
        for line in whole:
            yield line.decode("utf-8", "replace")
    for line in _parted(left)[:-1]:
        yield line.decode("utf-8", "replace")


def _parted(text: bytes) -> list[bytes]:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
