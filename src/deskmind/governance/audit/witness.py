"""Witnesses: who keeps checkpoints where nobody who can write the database can write.

A witness over HTTP takes ``POST URL`` with a signed note as ``text/plain`` and answers 2xx when it has stored it;
``GET URL?origin=…`` gives the notes of one log that it has, one after another. A folder does the same with a file for each log.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
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
_MOST_BYTES = 16 * 2**20


def notes_in(text: str) -> tuple[Checkpoint, ...]:
    """The checkpoints in a text of notes, one after another.

    Raises:
        ValueError: one is not the note of a checkpoint.
    """
    return tuple(Checkpoint.parse(found.group()) for found in _NOTE.finditer(text))


class Witness(Protocol):
    """Keeps checkpoints and gives them back."""

    @property
    def name(self) -> str:
        """What it is called in the database and in messages; no secret."""
        ...

    async def keep(self, checkpoint: Checkpoint) -> None:
        """Store one durably.

        Raises:
            UnavailableError: it did not.
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
        folder: made at the first use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """``folder:`` and its path."""
        return f"folder:{self._folder}"

    async def keep(self, checkpoint: Checkpoint) -> None:
        """Add the note and flush it to the disk."""
        try:
            await asyncio.to_thread(self._add, checkpoint)
        except OSError as error:
            raise _not_kept(self.name, error.strerror or type(error).__name__) from error

    async def copies(self, origin: str) -> tuple[Checkpoint, ...]:
        """The notes of its file."""
        try:
            return notes_in(await asyncio.to_thread(self._path(origin).read_text, "utf-8"))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            raise _no_copies(self.name, type(error).__name__) from error

    def _add(self, checkpoint: Checkpoint) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path(checkpoint.origin), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{checkpoint.note}\n")
            file.flush()
            os.fsync(descriptor)

    def _path(self, origin: str) -> Path:
        return self._folder / f"{origin.rpartition('/')[2]}.notes"


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

    async def keep(self, checkpoint: Checkpoint) -> None:
        """Post the note until it is taken."""
        reason = await self._asked("POST", data=checkpoint.note.encode())
        if isinstance(reason, str):
            raise _not_kept(self.name, reason)

    async def copies(self, origin: str) -> tuple[Checkpoint, ...]:
        """Ask for the notes of a log."""
        answer = await self._asked("GET", params={"origin": origin})
        if isinstance(answer, str):
            raise _no_copies(self.name, answer)
        try:
            return notes_in(answer.decode())
        except ValueError as error:
            raise _no_copies(self.name, "it answers with something else") from error

    async def _asked(
        self, method: str, *, data: bytes | None = None, params: dict[str, str] | None = None
    ) -> bytes | str:
        """What it answered, or why it did not. What may pass is tried again; redirections are not followed."""
        import aiohttp

        reason = ""
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
            try:
                async with (
                    aiohttp.ClientSession(
                        timeout=aiohttp.ClientTimeout(total=self._timeout),
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
                    reason = f"it answered {response.status}"
                    if response.status < 500 and response.status != 429:
                        return reason
            except (aiohttp.ClientError, OSError) as error:
                reason = type(error).__name__
        return reason


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


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = await response.content.read(_MOST_BYTES)
    while not response.content.at_eof() and len(content) < _MOST_BYTES:
        content += await response.content.read(_MOST_BYTES - len(content))
    return content


def _local(scheme: str, host: str) -> bool:
    try:
        return scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def _not_kept(name: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"The witness {name} did not take a checkpoint.", why=f"{why}.", remedy="See whether it runs."
    )


def _no_copies(name: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"The witness {name} does not give its checkpoints.", why=f"{why}.", remedy="See whether it runs."
    )
