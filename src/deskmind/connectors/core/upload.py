"""Files on their way to a vendor: measured and sent in pieces, never whole in memory."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from deskmind.errors import InvalidRequestError

__all__ = ["Upload", "measured", "opened"]


@dataclass(frozen=True, slots=True)
class Upload:
    """An attachment that is about to be sent.

    Attributes:
        name, content_type: as the vendor gets them.
        size: bytes.
        digest: SHA-256 in hex.
    """

    name: str
    content_type: str
    size: int
    digest: str
    _content: bytes | _Held = field(repr=False)

    def stream(self) -> BinaryIO:
        """The file from its beginning; each attempt takes it anew."""
        if isinstance(self._content, bytes):
            return io.BytesIO(self._content)
        self._content.seek(0)
        return self._content


class _Held(io.BufferedReader):
    """A file that stays open when the client closes it: another attempt may read it again."""

    def close(self) -> None:
        """Not yet."""

    def release(self) -> None:
        """Now."""
        super().close()


async def measured(content: bytes | Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 in hex."""
    async with _held(content) as held:
        return await asyncio.to_thread(_measure, held)


@asynccontextmanager
async def opened(request: Mapping[str, Any], content: bytes | Path | None) -> AsyncGenerator[Upload]:
    """The file of a proposal; it must be the one that was proposed.

    Raises:
        InvalidRequestError: there is none, or it is another.
    """
    if content is None:
        raise InvalidRequestError("The file's content is missing.", remedy="Give it as content=…")
    async with _held(content) as held:
        size, digest = await asyncio.to_thread(_measure, held)
        if digest != request["digest"]:
            raise InvalidRequestError(
                "The file is not the one that was proposed.",
                remedy="Propose the attachment anew with this file.",
            )
        yield Upload(request["name"], request["content_type"], size, digest, held)


@asynccontextmanager
async def _held(content: bytes | Path) -> AsyncGenerator[bytes | _Held]:
    if isinstance(content, bytes):
        yield content
        return
    try:
        descriptor = await asyncio.to_thread(os.open, content, os.O_RDONLY)
        held = _Held(io.FileIO(descriptor))  # by number, so that nobody is told the path
    except OSError as error:
        raise InvalidRequestError(
            "The file cannot be read.", why=error.strerror or "", remedy="Give the path of a file."
        ) from error
    try:
        yield held
    finally:
        held.release()


def _measure(content: bytes | _Held) -> tuple[int, str]:
    if isinstance(content, bytes):
        return len(content), hashlib.sha256(content).hexdigest()
    content.seek(0)
    digest = hashlib.file_digest(content, "sha256").hexdigest()
    return content.tell(), digest
