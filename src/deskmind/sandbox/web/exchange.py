"""What goes in and out of a sandbox: a request that has been read, and an answer before it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiMapping

__all__ = ["Blob", "Call", "Reply"]

_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """`size` bytes that are made while they are sent: `pattern` again and again."""

    size: int
    pattern: bytes = b"0123456789abcdef"

    def __len__(self) -> int:
        return self.size

    def chunks(self, upto: int | None = None) -> Iterator[bytes]:
        """The bytes in blocks of at most 256 KiB, all of them or the first `upto`."""
        block = self.pattern * max(1, _BLOCK // len(self.pattern))
        left = self.size if upto is None else min(upto, self.size)
        while left > 0:
            yield block[:left]
            left -= len(block)


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `base` is the server's own address as the client wrote it, without a slash at its end."""

    method: str
    path: str
    query: MultiMapping[str] = field(default_factory=MultiDict[str])
    headers: Mapping[str, str] = field(default_factory=CIMultiDict[str])
    content: bytes = b""
    base: str = ""

    @property
    def content_type(self) -> str:
        """The media type of the content, in lower case and without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The content as JSON; `ValueError` if it is none."""
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `user` is who asked, as far as that is known: it goes into the log and not onto the wire."""

    status: int
    body: bytes | Blob = b""
    headers: CIMultiDictProxy[str] = field(default_factory=lambda: CIMultiDictProxy(CIMultiDict[str]()))
    user: str = ""

    @classmethod
    def json(cls, status: int, data: object, headers: Mapping[str, str] | None = None) -> Self:
        """`data` as compact JSON in UTF-8."""
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        told = {"Content-Type": "application/json;charset=UTF-8", **(headers or {})}
        return cls(status, body, CIMultiDictProxy(CIMultiDict(told)))

    @classmethod
    def of(cls, status: int, body: bytes | Blob = b"", headers: Mapping[str, str] | None = None) -> Self:
        """Any other body."""
        return cls(status, body, CIMultiDictProxy(CIMultiDict(headers or {})))

    def told(self, headers: Mapping[str, str]) -> Reply:
        """The same answer with these headers in place of its own of the same names."""
        merged = CIMultiDict(self.headers)
        merged.update(headers)
        return replace(self, headers=CIMultiDictProxy(merged))

    def to(self, user: str) -> Reply:
        """The same answer, known to be for `user`."""
        return replace(self, user=user)
