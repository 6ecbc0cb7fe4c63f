"""Where events may be sent: https addresses in public networks, and hosts that the operator of the installation named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from deskmind.errors import ForbiddenAddressError, InvalidRequestError
from deskmind.outbound import Networks, literal_refused

__all__ = ["Target", "check_target"]

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be used.

    Attributes:
        url: in full; what follows the host may be a secret of its owner.
        host: with the port, where it is named.
        networks: which addresses the host's name may stand for.
    """

    url: str
    host: str
    networks: Networks


def check_target(url: str, internal: Sequence[str]) -> Target:
    """The target of an address. Names are looked at when they are resolved, before each attempt.

    Args:
        url: where events are to be sent.
        internal: ``webhooks.internal_hosts``.

    Raises:
        InvalidRequestError: it is no address of the form https://host[:port]/path.
        ForbiddenAddressError: it is not of https, or is a private address, and no host that the installation names.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _no_address() from None
    plain = url.isascii() and url.isprintable() and not any(one in url for one in ' \\#"<>')
    if not plain or len(url) > _LONGEST or not host or "@" in parts.netloc or host.endswith("."):
        raise _no_address()
    named = f"{host}:{port}" if port is not None else host
    trusted = not {named, host}.isdisjoint(one.lower() for one in internal)
    if parts.scheme not in ("https", "http"):
        raise _no_address()
    if not trusted and (parts.scheme != "https" or _local(host) or literal_refused(host, "public")):
        raise _forbidden(named)
    if literal_refused(host, "any"):
        raise _forbidden(named)
    return Target(url, named, "any" if trusted else "public")


def _local(host: str) -> bool:
    return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def _no_address() -> InvalidRequestError:
    return InvalidRequestError(
        "Events cannot be sent there.",
        why="An address is https://host[:port]/path in ASCII, without user, password, fragment or spaces.",
        remedy="Give the address that the receiver names.",
    )


def _forbidden(host: str) -> ForbiddenAddressError:
    return ForbiddenAddressError(
        f"Nothing is sent to '{host[:100]}'.",
        why="It is not of https, or it is in a private network, and webhooks.internal_hosts does not name it.",
        remedy="Use a public https address, or have the operator of the installation name the host.",
        host=host[:100],
    )
