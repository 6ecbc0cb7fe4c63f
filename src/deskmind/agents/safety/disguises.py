"""Texts in the disguises that a leak may wear: percent-encoded, base64, hexadecimal."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

__all__ = ["unveiled"]

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_DEPTH = 2
_MOST = 200


def unveiled(text: str, depth: int = _DEPTH) -> Iterator[str]:
    """The text, and what it says once decoded, up to two disguises deep. O(length)."""
    yield text
    if depth == 0:
        return
    for inner in _within(text):
        yield from unveiled(inner, depth - 1)


def _within(text: str) -> Iterator[str]:
    if (plain := unquote_plus(text)) != text:
        yield plain
    parts = [*_HEX.findall(text)[:_MOST]]
    decoded = [_readable(bytes.fromhex(part)) for part in parts]
    decoded += [_readable(_from_base64(part)) for part in _BASE64.findall(text)[:_MOST]]
    joined = "\n".join(one for one in decoded if one)
    if joined:
        yield joined


def _from_base64(part: str) -> bytes:
    bare = part.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _readable(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""
