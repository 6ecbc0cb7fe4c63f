"""Addresses and names of machines."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from deskmind.governance.redaction.detectors.patterns import Pattern
from deskmind.governance.redaction.entities import EntityType

__all__ = ["PATTERNS"]

_VERSION = re.compile(
    r"(?i)(?:\bv|\bversion|\brelease|\bbuild|\bupdate|\bfirmware|\bdriver|\bsection|\bchapter|§)[\s.:#]*$"
)

_MACHINES = "lt|ws|wks|pc|lap|laptop|desktop|srv|svr|server|host|node|db|vm|nb|prn|prt|rtr|esx|dc|nas"
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d\Z")


def _address(match: re.Match[str]) -> float | None:
    text = match[0].split("/")[0].split("%")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if found.version == 6:
        return 0.95 if text.count(":") > 1 and any(character.isdigit() for character in text) else None
    if _VERSION.search(match.string[max(0, match.start() - 16) : match.start()]):
        return 0.3
    return 0.95 if max(map(int, text.split("."))) > 9 else 0.6


def _host(match: re.Match[str]) -> float | None:
    name = match[0]
    return 0.6 if any(map(str.isdigit, name)) and any(map(str.isalpha, name)) else None


def _small_host(match: re.Match[str]) -> float | None:
    return None if _YEAR.search(match[0]) else 0.55


PATTERNS: Final = (
    Pattern(
        EntityType.IP,
        re.compile(
            r"\d(?<![\w.]\d)(?<![A-Za-z]-\d)\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?:/\d{1,2})?(?!\w|-[A-Za-z]|\.\d)"
        ),
        0.0,
        "form of an IPv4 address",
        check=_address,
        needs=".",
    ),
    Pattern(
        EntityType.IP,
        re.compile(
            r"(?i)(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%\w{1,15})?(?:/\d{1,3})?(?![\w:])"
        ),
        0.0,
        "form of an IPv6 address",
        check=_address,
        needs=":",
    ),
    Pattern(
        EntityType.MAC,
        re.compile(
            r"[0-9A-Fa-f](?<![\w:\-.].)(?:[0-9A-Fa-f]([:\-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:\-])|[0-9A-Fa-f]{3}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![\w.]))"
        ),
        0.98,
        "form of a MAC address",
        needs="",
    ),
    Pattern(
        EntityType.MAC,
        re.compile(r"(?i)\bmac(?:[ \-]?addr(?:ess)?)?(?: is|:|=)?\s{0,2}(?P<value>[0-9a-f]{12})(?!\w)"),
        0.9,
        "after the word MAC",
        words=("mac",),
    ),
    Pattern(
        EntityType.HOST,
        re.compile(
            r"(?<![\w\\:/])\\\\(?P<value>[A-Za-z0-9][\w\-]{0,62}(?:\.[\w\-]{1,62}){0,5})(?=[\\\s\"',;)]|\Z)"
        ),
        0.9,
        "machine of a share",
        needs="\\\\",
    ),
    Pattern(
        EntityType.HOST,
        re.compile(
            r"(?i)\b(?:host(?:name)?|server|machine|workstation|laptop|computer|node|vm|pc)(?: name)?(?: is|:)? (?P<value>[a-z][a-z0-9]{0,14}(?:-[a-z0-9]{1,15}){0,4}\d[a-z0-9\-]{0,10}(?:\.[a-z0-9\-]{1,30}){0,4})\b"
        ),
        0.6,
        "after a word for a machine",
        words=("host", "server", "machine", "workstation", "laptop", "computer", "node", "vm", "pc"),
    ),
    Pattern(
        EntityType.HOST,
        re.compile(
            r"(?<![\w@./\-])(?:[a-z0-9](?:[a-z0-9\-]{0,30}[a-z0-9])?\.){1,5}(?:local|lan|internal|intranet|corp|home\.arpa|localdomain)(?:\.[a-z][a-z0-9\-]{1,30}){0,3}(?![\w\-])",
            re.I,
        ),
        0.85,
        "name in an internal domain",
        needs=".",
        words=(".local", ".lan", ".internal", ".intranet", ".corp", ".home.arpa"),
    ),
    Pattern(
        EntityType.HOST,
        re.compile(
            r"(?<![\w@./\-])(?:(?:LT|WS|PC|LAP|DESK|SRV|DB|APP|WEB|VM|NB|PRN|PRT|SW|RTR|FW|ESX|DC)[A-Z]{0,6}(?:-[A-Z0-9]{1,12}){1,3}"
            r"|(?:TS|RDS|CTX|SVR|HV|NAS|SAN|UPS|AP)(?:-[A-Z0-9]{1,12}){2,3}"
            r"|[A-Z][A-Z0-9]{1,7}-(?:LT|WS|PC|LAP|SRV|SVR|DB|APP|WEB|VM|NB|PRN|PRT|SW|RTR|FW|ESX|DC|TS|NAS|AP|NODE|HOST|DESKTOP|LAPTOP)-?[A-Z]{0,4}\d{1,6})(?![\w\-])"
        ),
        0.0,
        "name in the manner of machines",
        check=_host,
        needs="-",
    ),
    Pattern(
        EntityType.HOST,
        re.compile(
            rf"(?<![\w@./\\\-])(?=[a-z]{{2,10}}-)(?:(?:{_MACHINES})(?:-[a-z]{{2,10}}){{0,2}}-[a-z]{{0,4}}\d{{2,6}}"
            rf"|[a-z]{{2,10}}(?:-[a-z]{{2,10}})?-(?:{_MACHINES})-?\d{{1,6}})(?![\w\-]|\.\d)"
        ),
        0.0,
        "name in the manner of machines",
        check=_small_host,
        words=tuple(part for name in _MACHINES.split("|") for part in (f"{name}-", f"-{name}")),
    ),
    Pattern(
        EntityType.HOST,
        re.compile(r"(?<![\w@./\\\-])(?!local)[a-z]{0,12}(?:host|srv|svr|server)\d{1,3}(?![\w\-]|\.\d)"),
        0.55,
        "name in the manner of machines",
        words=tuple(f"{name}{digit}" for name in ("host", "srv", "svr", "server") for digit in range(10)),
    ),
)
