"""Which command runs, which service it works against, and with whose key."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.main

from deskmind.errors import AuthenticationError, ConfigurationError, InvalidRequestError, NotRemoteError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from deskmind.settings import Settings

__all__ = [
    "Server",
    "address_of",
    "check_given",
    "check_named",
    "command_name",
    "insecure",
    "not_remote",
    "server_of",
]

_STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Server:
    """What was given on the command line before the command; the settings say the rest."""

    url: str | None = None
    key: str | None = None
    key_file: Path | None = None
    insecure: bool = False


def command_name() -> str:
    """Name of the running command, such as ``deskmind documents list``."""
    context = _context()
    return " ".join(["deskmind", *(context.command_path.split()[1:] if context is not None else ())])


def address_of(settings: Settings) -> str:
    """The service's; empty where commands work on this machine's own installation. An empty setting names none."""
    return _given().url or (settings.server or "").strip()


def check_given(settings: Settings) -> None:
    """See that what was given before the command says which installation is meant.

    Raises:
        InvalidRequestError: ``--server`` is empty, or there is a key and no server.
    """
    given = _given()
    if given.url is not None:
        check_named(given.url)
    if (given.key is not None or given.key_file is not None) and not address_of(settings):
        raise InvalidRequestError(
            "There is a key, and no server that it is for.",
            why="Without a server the command works on this machine's own installation, which needs no key.",
            remedy="Give --server URL before the command or set DESKMIND_SERVER, or leave the key out.",
        )


def check_named(server: str) -> None:
    """See that ``--server`` names something.

    Raises:
        InvalidRequestError: it is empty.
    """
    if not server.strip():
        raise InvalidRequestError(
            "--server names no service.",
            why="It is empty, as a variable is that is not set; this machine's own installation may not be what is meant.",
            remedy="Give the service's address, or leave --server out to work on this machine.",
        )


def insecure(settings: Settings) -> bool:
    """Whether the key may go over plain HTTP to another machine."""
    return _given().insecure or settings.api.insecure


def server_of(settings: Settings) -> tuple[str, SecretStr]:
    """The service's address, and the key. Of what is named, the command line comes first.

    Raises:
        AuthenticationError: there is no key.
        ConfigurationError: the file with it cannot be used.
        InvalidRequestError: the address is none of a service.
    """
    from pydantic import SecretStr

    from deskmind import client

    given, url = _given(), client.address_of(address_of(settings))
    if given.key is not None:
        return url, SecretStr(sys.stdin.readline() if given.key == _STANDARD_INPUT else given.key)
    if given.key_file is not None:
        return url, _read(given.key_file)
    if given.url is not None and settings.server and url != settings.server.strip().rstrip("/"):
        raise AuthenticationError(
            "The configured key is not sent to another server.",
            why=f"Another server is configured, and {url} was named.",
            remedy="Give the key of that one: --key-file FILE.",
        )
    if settings.api.key is not None and settings.api.key.get_secret_value().strip():
        return url, settings.api.key
    if settings.api.key_file not in (None, Path()):
        return url, _read(settings.api.key_file)
    raise AuthenticationError(
        "There is no API key for the server.",
        why=f"{url} is to be used, and nobody is named.",
        remedy="Give --key-file FILE, or set DESKMIND_API_KEY; `deskmind key create` on the server makes a key.",
    )


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
        with file.open(encoding="utf-8") as opened:  # what is looked at is what is read
            about = os.fstat(opened.fileno())
            if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or about.st_uid not in (os.geteuid(), 0):
                raise ConfigurationError(
                    f"The key in {file} is not used.",
                    why="Others than you may read or change the file.",
                    remedy=f"chmod 600 {file}, as its owner.",
                )
            return SecretStr(opened.read())
    except OSError as error:
        raise ConfigurationError(f"The key in {file} cannot be read.", why=f"{error.strerror}.") from error
    except ValueError:  # its bytes would be shown with the cause
        raise ConfigurationError(
            f"The key in {file} cannot be read.",
            why="The file holds no text.",
            remedy="Write the key into it as `deskmind key create` printed it.",
        ) from None


def _context() -> Any:
    # typer carries a click of its own, and lends the context under this name alone
    current: Any = getattr(typer.main, "get_current_context", None)
    return current(silent=True) if current is not None else None


def _given() -> Server:
    """What was given before the command that runs."""
    context = _context()
    found = context.find_object(Server) if context is not None else None
    return found or Server()
