"""Files as bodies, read from disk piece by piece while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from io import SEEK_END, BytesIO
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, TypeAlias

from deskmind.errors import InvalidRequestError

__all__ = ["Content", "File", "Upload"]

File: TypeAlias = "Path | str | tuple[str, bytes]"
"""A path, or a name and the content."""

_PIECE = 256 * 1024
_ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class Content:
    """A body that is a file, which can be sent again: the file is opened anew each time."""

    media_type = "application/octet-stream"
    _head, _tail = b"", b""

    def __init__(self, file: File) -> None:
        """Of a file."""
        self._path, self._content = (None, file[1]) if isinstance(file, tuple) else (Path(file), b"")

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[tuple[int, AsyncIterator[bytes]]]:
        """How many bytes there are, and they, piece by piece.

        Raises:
            InvalidRequestError: the file cannot be read.
        """
        if self._path is None:
            yield self._sized(len(self._content)), self._pieces(BytesIO(self._content))
            return
        try:
            file = await asyncio.to_thread(self._path.open, "rb")
            length = await asyncio.to_thread(file.seek, 0, SEEK_END)
            await asyncio.to_thread(file.seek, 0)
        except OSError as error:
            raise InvalidRequestError(f"{self._path} cannot be read.", why=f"{error.strerror}.") from error
        with file:
            yield self._sized(length), self._pieces(file)

    def _sized(self, length: int) -> int:
        return len(self._head) + length + len(self._tail)

    async def _pieces(self, file: BinaryIO) -> AsyncIterator[bytes]:
        yield self._head
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
        yield self._tail


class Upload(Content):
    """A multipart body with one file."""

    def __init__(self, file: File, field: str = "file") -> None:
        """Of a file.

        Args:
            file: what is sent.
            field: name of the form's field.
        """
        super().__init__(file)
        name = file[0] if isinstance(file, tuple) else Path(file).name
        boundary = token_hex(16)
        self.media_type = f"multipart/form-data; boundary={boundary}"
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; '
            f'filename="{name.translate(_ESCAPED)}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        ).encode("utf-8", "surrogateescape")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
