"""Which service a command works against, and with whose key."""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deskmind.errors import AuthenticationError, ConfigurationError, NotRemoteError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from deskmind.settings import Settings

__all__ = ["Server", "not_remote", "server_of"]

_STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Server:
    """What was given on the command line before the command; the settings say the rest."""

    url: str | None = None
    key: str | None = None
    key_file: Path | None = None


def server_of(given: Server, settings: Settings) -> tuple[str, SecretStr] | None:
    """Address and key; None where commands work on this machine's own installation.

    Raises:
        AuthenticationError: there is no key.
        ConfigurationError: the file with it cannot be used.
    """
    from pydantic import SecretStr

    url = given.url or settings.server
    if not url:
        return None
    if given.key is not None:
        return url, SecretStr(sys.stdin.readline() if given.key == _STANDARD_INPUT else given.key)
    file = given.key_file or (settings.api.key_file if settings.api.key is None else None)
    if file is not None:
        return url, _read(file)
    if settings.api.key is None:
        raise AuthenticationError(
            "There is no API key for the server.",
            why=f"{url} is to be used, and nobody is named.",
            remedy="Give --key-file FILE, or set DESKMIND_API_KEY; `deskmind key create` on the server makes a key.",
        )
    return url, settings.api.key


def not_remote(what: str) -> NotRemoteError:
    """The refusal of what cannot be done from afar."""
    return NotRemoteError(
        f"{what} cannot be done on a server.",
        why="It is work on the installation itself, or the HTTP API has no counterpart of it.",
        remedy="Do it on the service's own machine, without --server and DESKMIND_SERVER.",
    )


def _read(file: Path) -> SecretStr:
    from pydantic import SecretStr

    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigurationError(
                f"The key in {file} is not used.",
                why="Others than its owner may read or change the file.",
                remedy=f"chmod 600 {file}",
            )
        return SecretStr(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The key in {file} cannot be read.", why=f"{error.strerror}.") from error
