"""Where a service is, what proves who is asking, and whether the one may be sent to the other."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from deskmind.errors import InvalidRequestError

__all__ = ["address_of", "check_confidential", "sendable"]


def address_of(base_url: str) -> str:
    """The address, without a slash at its end.

    Raises:
        InvalidRequestError: it is none of a service.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise InvalidRequestError(
            "This is not the address of a service.",
            why="It is http:// or https:// with a host, and neither names a user nor asks for anything.",
            remedy="Write it as https://deskmind.example.org.",
        )
    return base_url.rstrip("/")


def sendable(api_key: str) -> str:
    """The key, without the line's end of the file that it stood in.

    Raises:
        InvalidRequestError: it holds what no key holds.
    """
    key = api_key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidRequestError(
            "The API key cannot be sent.",
            why="It is empty, or holds what no key holds.",
            remedy="Give it as `deskmind key create` printed it.",
        )
    return key


def check_confidential(address: str) -> None:
    """See that nobody on the way can read what is sent: it is encrypted, or does not leave this machine.

    Raises:
        InvalidRequestError: it is sent to another machine as it stands.
    """
    parts = urlsplit(address)
    if parts.scheme.lower() == "https" or _is_this_machine(parts.hostname or ""):
        return
    raise InvalidRequestError(
        "The API key is not sent over plain HTTP to another machine.",
        why=f"Whoever is between here and {parts.hostname} could read it and use it.",
        remedy="Write the address with https://. In a network that nobody else is in, say so:"
        " `insecure=True`, --insecure before the command, or DESKMIND_API_INSECURE=true.",
    )


def _is_this_machine(host: str) -> bool:
    """``localhost`` and names below it (RFC 6761, 6.3), and loopback addresses."""
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (inner or address).is_loopback
