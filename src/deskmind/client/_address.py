"""Where a service is, what proves who is asking, and whether the one may be sent to the other."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from deskmind.errors import InvalidRequestError

__all__ = ["address_of", "check_confidential", "sendable"]


def address_of(base_url: str) -> str:
    """The address, without a slash at its end.

    Raises:
        InvalidRequestError: it is none of a service.
    """
    parts = _parts(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _refused("It is http:// or https:// with a host.")
    if "@" in parts.netloc:
        raise _refused("It names a user or a password; who is asking is said by the API key.")
    if "?" in base_url or "#" in base_url:
        raise _refused("What follows ? or # asks for something, or points into a page.")
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
        InvalidRequestError: it is sent to another machine as it stands, or the address is none.
    """
    parts = _parts(address)
    if parts.scheme.lower() == "https" or _is_this_machine(parts.hostname or ""):
        return
    raise InvalidRequestError(
        "The API key is not sent over plain HTTP to another machine.",
        why=f"Whoever is between here and {parts.hostname} could read it and use it.",
        remedy="Write the address with https://. In a network that nobody else is in, say so:"
        " `insecure=True`, --insecure before the command, or DESKMIND_API_INSECURE=true.",
    )


def _parts(address: str) -> SplitResult:
    """Of an address that a connection can be made to; what is wrong with another is not quoted, since it may hold a password."""
    if any(letter == "\\" or letter.isspace() or not letter.isprintable() for letter in address):
        raise _refused("It holds a space, a backslash or what cannot be printed.")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(
            "Its port is no number up to 65535, or the brackets around its host are wrong."
        ) from None
    try:
        host.encode("idna")
    except UnicodeError:
        raise _refused(
            "Its host is no name of one: a part of it is empty, too long or not allowed."
        ) from None
    return parts


def _refused(why: str) -> InvalidRequestError:
    return InvalidRequestError(
        "This is not the address of a service.",
        why=why,
        remedy="Write it as https://deskmind.example.org.",
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
