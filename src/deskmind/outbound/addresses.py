"""Which IP addresses may be reached, whatever name leads to them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, Literal

__all__ = ["Networks", "address_permitted", "literal_refused"]

Networks = Literal["public", "any"]
"""``public`` refuses private and loopback addresses; link-local ones, where clouds keep their metadata, are refused always."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def address_permitted(address: str, networks: str) -> bool:
    """Whether an IP address may be reached, and every IPv4 address that it stands for."""
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    return all(_permitted(one, networks) for one in _meant(ip))


def literal_refused(host: str, networks: str) -> bool:
    """Whether a host is an IP address that may not be reached; names are looked at when they are resolved."""
    try:
        return not address_permitted(host, networks)
    except ValueError:
        return False


def _permitted(ip: Any, networks: str) -> bool:
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or getattr(ip, "is_site_local", False):
        return False
    return networks == "any" or bool(ip.is_global)


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
    if ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1):
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
