"""Where a connector may send requests: the configured host and nothing else."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from yarl import URL

from deskmind.errors import ForbiddenAddressError, InvalidRequestError
from deskmind.outbound.addresses import address_permitted, literal_refused
from deskmind.outbound.resolver import GuardedResolver

__all__ = ["GuardedResolver", "Reach", "address_permitted"]

_PORTS = {"http": 80, "https": 443}


class Reach:
    """The addresses one connector may use.

    Args:
        url: the instance's base address; a path in it is kept before every request's path.
        files: hosts the vendor keeps attachments on, such as ``media.example.net`` or ``.example.net`` for all below it.
            They are reached over HTTPS, for downloads alone, without our credentials.
        networks: ``public`` refuses hosts that resolve to private or loopback addresses: for addresses that a
            tenant may choose. ``any`` permits those. Link-local addresses, where clouds keep their metadata, are refused always.
    """

    def __init__(self, url: str, *, files: tuple[str, ...] = (), networks: str = "any") -> None:
        parts = urlsplit(url)
        if (
            parts.scheme not in _PORTS
            or not parts.hostname
            or parts.username
            or parts.query
            or parts.fragment
        ):
            raise InvalidRequestError(
                "The address of the connected system cannot be used.",
                why="It is not of the form https://host[:port][/path] without credentials in it.",
                remedy="Give the address a browser shows on its start page.",
            )
        self.url = url.rstrip("/")
        self.host = parts.hostname
        self.networks = networks
        self._origin = _origin(url)
        self._files = files
        if literal_refused(self.host, networks):
            raise _forbidden(self.host)

    def address(self, path: str) -> URL:
        """The full address of a path, or of an address the vendor gave for one of its own records.

        Raises:
            ForbiddenAddressError: it is elsewhere.
        """
        full = path if "://" in path else f"{self.url}/{path.lstrip('/')}"
        if _origin(full) != self._origin:
            raise _forbidden(urlsplit(full).hostname or "")
        return URL(full, encoded=True)

    def token(self, address: str) -> URL:
        """The address where tokens are given: of the instance, or the one the configuration names, over HTTPS."""
        if "://" not in address or _origin(address) == self._origin:
            return self.address(address)
        parts = urlsplit(address)
        if parts.scheme == "https" and parts.hostname and not _numeric(parts.hostname):
            return URL(address, encoded=True)
        raise _forbidden(parts.hostname or "")

    def download(self, location: str) -> tuple[URL, bool]:
        """The address of a file and whether our credentials go there."""
        full = location if "://" in location else f"{self.url}/{location.lstrip('/')}"
        if _origin(full) == self._origin:
            return URL(full, encoded=True), True
        parts = urlsplit(full)
        host = parts.hostname or ""
        named = any(host == one or (one.startswith(".") and host.endswith(one)) for one in self._files)
        if parts.scheme == "https" and named and not _numeric(host):
            return URL(full, encoded=True), False
        raise _forbidden(host)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    if parts.username or parts.scheme not in _PORTS or "\\" in url:
        raise _forbidden(parts.hostname or "")
    try:
        port = parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise _forbidden(parts.hostname or "") from error
    return parts.scheme, (parts.hostname or "").lower(), port


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return literal_refused(host, "any")
    return True


def _forbidden(host: str) -> ForbiddenAddressError:
    return ForbiddenAddressError(
        f"A request to '{host}' was not sent.",
        why="It is not the configured system's host, or it is an address that may not be reached.",
        remedy="Correct the system's address; hosts that keep its files are named in the vendor's page.",
        host=host,
    )
