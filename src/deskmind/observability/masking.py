"""What never reaches a log: secrets by the name they go by or the shape they have, people by their names."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

__all__ = ["MASK", "is_secret_name", "loggable", "masked", "pseudonym", "use_pseudonym_key"]

MASK = "***"

_LONGEST_TEXT = 2_000
_LONGEST_SCANNED = 20_000
_MOST_ITEMS = 50
_DEEPEST = 5

_WORDS = (
    r"pass(?:word|wd|phrase)|secret(?!ar)|authori[sz]ation|credential|cookie|api[_-]?key|"
    r"(?:private|access|signing|encryption)[_-]?key|conninfo|token(?![a-z])"
)
_SECRET_NAME = re.compile(rf"{_WORDS}|(?:^|[_.-])(?:pwd|pass|dsn|pin|otp|auth|bearer)(?:$|[_.-])")
_HARMLESS_NAME = re.compile(r"[_.-](?:count|type|version|usage|limit|budget|id)$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_SECRET_TEXT = re.compile(
    r"""
    (?P<block>-----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z))
    | ://(?P<user>[^\s:/@"'<>]{0,200}):[^\s"'<>]+@
    | ://[^\s:/?\#@"'<>]{1,500}@
    | (?P<name>\b(?:pwd|pass)|pass(?:word|wd|phrase)|secret(?!ar)|authori[sz]ation|credential|cookie|api[_-]?key
        |(?:private|access|signing|encryption)[_-]?key|token(?![a-z]))
      (?P<equals>[\w-]{0,20}\\?["']?\s{0,3}(?:=|:|%3[Dd])\s{0,3})
      (?:(?:bearer|basic|token|digest)\s+\S+|\\?"(?:[^"\\]|\\[^"]|\\"(?![\s,}\]]))*\\?"|'(?:[^'\\]|\\.|'')*'|[^\s,;&"'}\])]+)
    | \b(?P<scheme>bearer|basic)\s+[\w.~+/=-]{8,}
    | \b(?:dk_[a-z2-7]{8,}_[a-z2-7]{8,}_[0-9a-f]{8,}
        | v1\.\d+\.[0-9a-f]{32}\.[0-9a-f]{32}\.[^\s"']+
        | sk-[\w-]{16,} | gh[a-z]_\w{16,} | github_pat_\w{16,} | glpat-[\w-]{16,} | xox[a-z]-[\w-]{10,}
        | AKIA[0-9A-Z]{16} | eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*)
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CANDIDATE = re.compile(r"[:=_@.\- %]")
_PSEUDONYM = re.compile(r"p_[0-9a-f]{12}")

_pseudonym_key = [b""]


def use_pseudonym_key(key: bytes) -> None:
    """Set the key ``pseudonym`` uses by default; without one, whoever knows a name can compute its stand-in.

    Args:
        key: secret bytes, the same in all processes whose logs are read together.
    """
    _pseudonym_key[0] = key


def pseudonym(value: str, key: bytes = b"") -> str:
    """A stable stand-in for a person's name: ``p_`` and 12 hexadecimal digits; empty for an empty value.

    Args:
        value: a name, or a pseudonym, which is returned as it is.
        key: secret bytes; by default what ``use_pseudonym_key`` set.
    """
    if not value or _PSEUDONYM.fullmatch(value):
        return value
    return (
        "p_" + hmac.digest(key or _pseudonym_key[0] or b"deskmind", value.encode(), hashlib.sha256).hex()[:12]
    )


@functools.lru_cache(maxsize=2048)
def is_secret_name(name: str) -> bool:
    """Whether a field of that name holds a secret (``api_key``, ``accessToken``), not a fact about one."""
    plain = _CAMEL.sub("_", name).lower()
    return _SECRET_NAME.search(plain) is not None and _HARMLESS_NAME.search(plain) is None


def masked(text: str) -> str:
    """The text with passwords in URLs, ``name=value`` secrets, bearer tokens and known keys masked."""
    if len(text) < 6 or not _CANDIDATE.search(text):
        return text
    return _SECRET_TEXT.sub(_replacement, text)


def loggable(value: object, depth: int = 0) -> Any:
    """A value as it may be logged: plain JSON types, without secrets, long text cut.

    Args:
        value: anything; what is not a plain type appears as its masked ``repr``, bytes as their number.
        depth: how deep in containers it stands.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(cast(bytes, value))} bytes>"
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[object, object]", value), depth + 1)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _sequence(cast("Iterable[object]", value), depth + 1)
    return _cut(_described(value))


def _replacement(found: re.Match[str]) -> str:
    if found["name"]:
        return f"{found['name']}{found['equals']}{MASK}"
    if found["user"] is not None:
        return f"://{found['user']}:{MASK}@"
    if found["scheme"]:
        return f"{found['scheme']} {MASK}"
    return f"://{MASK}@" if found[0].startswith("://") else MASK


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return masked(text)
    return f"{masked(text[:_LONGEST_SCANNED])[:_LONGEST_TEXT]}… ({len(text)} characters)"


def _mapping(value: Mapping[object, object], depth: int) -> object:
    if depth > _DEEPEST:
        return "…"
    shown: dict[str, object] = {}
    for key, item in list(value.items())[:_MOST_ITEMS]:
        name = _cut(str(key))
        shown[name] = MASK if is_secret_name(name) and item is not None else loggable(item, depth)
    return shown


def _sequence(value: Iterable[object], depth: int) -> object:
    return "…" if depth > _DEEPEST else [loggable(item, depth) for item in list(value)[:_MOST_ITEMS]]


def _described(value: object) -> str:
    # An exception's text may quote a document or a row; its type may not.
    return type(value).__name__ if isinstance(value, BaseException) else repr(value)
