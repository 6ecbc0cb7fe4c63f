"""Witnesses: who keeps checkpoints where nobody who can write the database can write.

A witness over HTTP takes ``POST URL`` with a signed note as ``text/plain`` and answers 2xx when it has stored it;
``GET URL?origin=…`` gives the notes of one log that it has, one after another. A folder does the same with a file for each log.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import ENOENT, ENOSPC
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from deskmind.errors import ConfigurationError, UnavailableError
from deskmind.governance.audit.checkpoint import Checkpoint

if TYPE_CHECKING:
    import aiohttp

    from deskmind.settings import AuditSettings

__all__ = ["FolderWitness", "HttpWitness", "Witness", "notes_in", "witnesses_of"]

_NOTE = re.compile(r"(?:[^\n]+\n){4}\n(?:\N{EM DASH} [^\n]+\n)+")
_NOTE_IN_BYTES = re.compile(rb"(?:[^\n]+\n){4}\n(?:\xe2\x80\x94 [^\n]+\n)+")
_MOST_BYTES = 256 * 2**20
"""Of an answer with notes; a log that is sealed every ten seconds has so many after two years."""
_NOTE_BYTES = 4_096
"""More than a note has."""
_READ_TIMES = 30
"""How many times longer than a post an answer with many notes may take."""


def notes_in(text: str) -> tuple[Checkpoint, ...]:
    """The checkpoints in a text of notes, one after another, with nothing but white space between them.

    Raises:
        ValueError: something in it is not the note of a checkpoint.
    """
    found, end = list[Checkpoint](), 0
    for note in _NOTE.finditer(text):
        _see_blank(text, end, note.start())
        found.append(Checkpoint.parse(note.group()))
        end = note.end()
    _see_blank(text, end, len(text))
    return tuple(found)


def _see_blank(text: str, start: int, end: int) -> None:
    if between := text[start:end].lstrip():
        line = text.count("\n", 0, end - len(between)) + 1
        raise ValueError(f"line {line} is not of a checkpoint")


class Witness(Protocol):
    """Keeps checkpoints and gives them back."""

    @property
    def name(self) -> str:
        """What it is called in the database and in messages; no secret."""
        ...

    async def keep(self, checkpoint: Checkpoint, *, first: bool = True) -> None:
        """Store one durably.

        Args:
            checkpoint: what is stored.
            first: whether it may never have been brought one; else a place that has none is not the one they are in.

        Raises:
            UnavailableError: it did not; with ``answered`` false among the details where it said nothing at all.
        """
        ...

    async def copies(self, origin: str) -> tuple[Checkpoint, ...]:
        """What it has of a log. Not to be believed before ``signed_by``.

        Raises:
            UnavailableError: it does not answer, or not with checkpoints.
        """
        ...


class FolderWitness:
    """A file for each log, to which notes are added; the folder is on another machine's disk, or on one written once.

    Args:
        folder: made at the first use, in one that is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """``folder:`` and its path."""
        return f"folder:{self._folder}"

    async def keep(self, checkpoint: Checkpoint, *, first: bool = True) -> None:
        """Add the note and flush it to the disk."""
        try:
            await asyncio.to_thread(self._add, checkpoint, first)
        except OSError as error:
            raise _not_kept(self.name, error.strerror or type(error).__name__) from error

    async def copies(self, origin: str) -> tuple[Checkpoint, ...]:
        """The notes of its file."""
        try:
            return await asyncio.to_thread(lambda: notes_in(self._path(origin).read_text("utf-8")))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _no_copies(self.name, error.strerror or type(error).__name__) from error
        except ValueError as error:
            raise _no_copies(self.name, f"in {self._path(origin).name} {error}") from error

    def _add(self, checkpoint: Checkpoint, first: bool) -> None:
        if first:
            self._folder.mkdir(exist_ok=True)
        elif not any(self._folder.glob("*.notes")):
            raise OSError(ENOENT, "it took checkpoints and is gone or empty: is its disk mounted?")
        descriptor = os.open(self._path(checkpoint.origin), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            with suppress(OSError):  # not every shared disk has locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            whole = _whole(descriptor, f"{checkpoint.origin}\n".encode())
            if whole < os.fstat(descriptor).st_size:
                os.ftruncate(descriptor, whole)
            _append(descriptor, f"{checkpoint.note}\n".encode())
        finally:
            os.close(descriptor)

    def _path(self, origin: str) -> Path:
        return self._folder / f"{origin.rpartition('/')[2]}.notes"


def _whole(descriptor: int, origin: bytes) -> int:
    """Where the last whole note of a file ends. What follows was torn off; nobody was told that it is kept."""
    size = os.fstat(descriptor).st_size
    end = os.pread(descriptor, _NOTE_BYTES, max(size - _NOTE_BYTES, 0))
    notes = list(_NOTE_IN_BYTES.finditer(end))
    torn = (end[notes[-1].end() :] if notes else end).lstrip(b"\n")
    ours = torn.startswith(origin) or origin.startswith(torn)
    return size - len(torn) if ours else size


def _append(descriptor: int, note: bytes) -> None:
    """Add a note whole or not at all."""
    size = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, note) < len(note):
            raise OSError(ENOSPC, "the disk is full")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


class HttpWitness:
    """A service that keeps what is posted to it.

    Args:
        url: where notes are posted and asked for; ``https``, or ``http`` on this machine.
        hosts: that may be posted to.
        token: sent as a bearer token; empty for none.
        attempts: of one post or question.
        timeout: of each, in seconds.
        pause: before the second attempt, in seconds; doubled before each further one.

    Raises:
        ConfigurationError: the address is not one that may be posted to.
    """

    def __init__(
        self,
        url: str,
        *,
        hosts: Sequence[str],
        token: str = "",
        attempts: int = 3,
        timeout: float = 10.0,
        pause: float = 0.5,
    ) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.username or host not in hosts or not (parts.scheme == "https" or _local(parts.scheme, host)):
            raise ConfigurationError(
                "The witness's address cannot be used.",
                why="It is not https, holds a password, or its host is not one of audit.witness_hosts.",
                remedy="Name its host in audit.witness_hosts; give a password as audit.witness_token.",
            )
        self._url = url
        self._host = parts.netloc
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._attempts = attempts
        self._timeout = timeout
        self._pause = pause

    @property
    def name(self) -> str:
        """``http:`` and its host."""
        return f"http:{self._host}"

    async def keep(self, checkpoint: Checkpoint, *, first: bool = True) -> None:
        """Post the note until it is taken."""
        answer = await self._asked("POST", data=checkpoint.note.encode())
        if isinstance(answer, _Refused):
            raise _not_kept(self.name, answer.reason, answered=answer.answered)

    async def copies(self, origin: str) -> tuple[Checkpoint, ...]:
        """Ask for the notes of a log."""
        answer = await self._asked("GET", params={"origin": origin})
        if isinstance(answer, _Refused):
            raise _no_copies(self.name, answer.reason)
        try:
            return await asyncio.to_thread(lambda: notes_in(answer.decode()))
        except ValueError as error:
            raise _no_copies(self.name, f"it answers with something else: {error}") from error

    async def _asked(
        self, method: str, *, data: bytes | None = None, params: dict[str, str] | None = None
    ) -> bytes | _Refused:
        """What it answered, or why it did not. What may pass is tried again; redirections are not followed."""
        import aiohttp

        refused = _Refused("")
        seconds = self._timeout if method == "POST" else self._timeout * _READ_TIMES
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
            try:
                async with (
                    aiohttp.ClientSession(
                        timeout=aiohttp.ClientTimeout(
                            total=seconds, sock_connect=self._timeout, sock_read=self._timeout
                        ),
                        cookie_jar=aiohttp.DummyCookieJar(),
                    ) as session,
                    session.request(
                        method,
                        self._url,
                        data=data,
                        params=params,
                        headers={**self._headers, "content-type": "text/plain; charset=utf-8"},
                        allow_redirects=False,
                    ) as response,
                ):
                    if 200 <= response.status < 300:
                        return await _read(response)
                    refused = _Refused(f"it answered {response.status}")
                    if response.status < 500 and response.status != 429:
                        return refused
            except (aiohttp.ClientError, OSError) as error:
                refused = _Refused(type(error).__name__, answered=False)
        return refused


def witnesses_of(settings: AuditSettings) -> tuple[Witness, ...]:
    """Those that the settings name.

    Raises:
        ConfigurationError: an address is not one that may be posted to.
    """
    found: list[Witness] = []
    if settings.checkpoints is not None:
        found.append(FolderWitness(settings.checkpoints))
    if settings.witness_url is not None:
        token = settings.witness_token.get_secret_value() if settings.witness_token is not None else ""
        found.append(HttpWitness(settings.witness_url, hosts=settings.witness_hosts, token=token))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why a witness did not do it, and whether it said anything."""

    reason: str
    answered: bool = True


async def _read(response: aiohttp.ClientResponse) -> bytes | _Refused:
    parts, size = list[bytes](), 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES:
            return _Refused(f"it answers with more than {_MOST_BYTES // 2**20} MiB")
    return b"".join(parts)


def _local(scheme: str, host: str) -> bool:
    try:
        return scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def _not_kept(name: str, why: str, *, answered: bool = True) -> UnavailableError:
    return UnavailableError(
        f"The witness {name} did not take a checkpoint.",
        why=f"{why}.",
        remedy="See whether it runs.",
        answered=answered,
    )


def _no_copies(name: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"The witness {name} does not give its checkpoints.", why=f"{why}.", remedy="See whether it runs."
    )
