"""Which IP addresses may be reached, whatever name leads to them."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Literal

__all__ = ["Networks", "address_permitted", "literal_refused"]

Networks = Literal["public", "any"]
"""``public`` refuses private and loopback addresses; link-local ones, where clouds keep their metadata, are refused always."""

_LOW = tuple(ipaddress.IPv6Network(one) for one in ("64:ff9b::/96", "::ffff:0:0:0/96"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_LOCAL_LENGTHS = (48, 56, 64, 96)
_RESERVED = tuple(
    ipaddress.ip_network(one)
    for one in ("192.0.0.0/24", "100:0:0:1::/64", "3fff::/20", "5f00::/16")  # RFC 6890, 9780, 9637, 9602
)
"""Not public according to IANA's registries of special-purpose addresses; older releases of Python do not know them."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def address_permitted(address: str, networks: str) -> bool:
    """Whether an IP address may be reached, and every IPv4 address that it stands for."""
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    return all(_permitted(one, networks) for one in _meant(ip))


def literal_refused(host: str, networks: str) -> bool:
    """Whether a host is an IP address that may not be reached, or a number that resolvers take for one (``127.1``, ``0x7f.1``).

    Names are looked at when they are resolved. No name ends in a number (WHATWG URL, "ends in a number").
    """
    plain = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    try:
        return not address_permitted(plain, networks)
    except ValueError:
        return _NUMBER.fullmatch(plain.removesuffix(".").rpartition(".")[2]) is not None


def _permitted(ip: Any, networks: str) -> bool:
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or getattr(ip, "is_site_local", False):
        return False
    return networks == "any" or (bool(ip.is_global) and not any(ip in one for one in _RESERVED))


def _meant(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Iterator[Any]:
    """The address, or what a gateway or the system makes of it: mapped, translated or tunnelled IPv4."""
    if not isinstance(ip, ipaddress.IPv6Address):
        yield ip
        return
    if ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
        return
    yield ip
    if ip.sixtofour is not None:
        yield ip.sixtofour
    if any(ip in one for one in _LOW) or (ip in _COMPATIBLE and int(ip) > 1):
        yield _embedded(ip, 96)
    if ip in _LOCAL_NAT64:  # which length the network's gateway uses cannot be known
        yield from (_embedded(ip, length) for length in _LOCAL_LENGTHS)


def _embedded(ip: ipaddress.IPv6Address, length: int) -> ipaddress.IPv4Address:
    """The IPv4 address behind a prefix of so many bits (RFC 6052): bits 64 to 71 are not part of it."""
    if length == 96:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    without = (int(ip) >> 64) << 56 | int(ip) & (1 << 56) - 1
    return ipaddress.IPv4Address(without >> (120 - length - 32) & 0xFFFFFFFF)
