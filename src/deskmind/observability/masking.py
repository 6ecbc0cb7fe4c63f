"""What never reaches a log: secrets by the name they go by or the shape they have, people by their names."""

from __future__ import annotations

import functools
import hashlib
import hmac
import itertools
import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

__all__ = [
    "MASK",
    "acting_fields",
    "loggable",
    "loggable_field",
    "masked",
    "may_be_secret",
    "pseudonym",
    "use_pseudonym_key",
]

MASK = "***"

_LONGEST_TEXT = 2_000
_LONGEST_SCANNED = 8_000
_MOST_ITEMS = 50
_DEEPEST = 5

_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)|secret(?!ar)|authori[sz]ation|credential|cookie|api[_-]?key|conninfo|token(?![a-z])"
    r"|(?:private|access|signing|encryption)[_-]?key"
    r"|(?:^|[_.-])(?:pwd|pass|dsn|pin|otp|auth|bearer)(?:$|[_.-])"
)
_HARMLESS_NAME = re.compile(r"[_.-](?:count|type|version|usage|limit|budget)$|key[_-]id$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_SECRET_TEXT = re.compile(
    r"""
    -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | ://(?P<user>[^\s:/@"'<>]{0,200}):[^\s"'<>]{1,4000}@
    | ://[^\s:/?\#@"'<>]{1,500}@
    | (?P<header>(?:authori[sz]ation|cookie)[\w-]{0,20}\\?["']?\s{0,3}[=:])[^\r\n]*
    | (?P<name>(?:\b(?:pwd|pass)(?![a-z])|pass(?:word|wd|phrase)|secret(?!ar)|credential|api[_-]?key
        |token(?![a-z])|(?:private|access|signing|encryption)[_-]?key)
        [\w-]{0,20}\\?["']?\s{0,3}(?:=|:|%+(?:25)*3d)\s{0,3})
      (?:"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.|'')*' | \\"(?:(?!\\").)*\\" | \\?["'].* | \S+)
    | \b(?P<scheme>bearer|basic(?=\s+[^\s\d=+/]{0,60}[\d=+/]))\s+[\w.~+/=-]{8,}
    | \b(?:dk_[a-z2-7]{8,}_[a-z2-7]{8,}_[0-9a-f]{8,}
        | v1\.\d+\.[0-9a-f]{32}\.[0-9a-f]{32}\.[^\s"']+
        | sk-[\w-]{16,} | gh[a-z]_\w{16,} | github_pat_\w{16,} | glpat-[\w-]{16,} | xox[a-z]-[\w-]{10,}
        | AKIA[0-9A-Z]{16} | eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*)
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_PERSONAL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[a-z0-9](?:[\w-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,24}(?![\w@])"  # an e-mail address
    r"|(?<![\w.+:-])\+[1-9]\d{0,2}[ ().-]{0,2}(?:\d[ ().-]{0,2}){6,12}\d(?![\w:])"  # a telephone number with its country
    r"|(?<![\w.-])(?:\d{4}[ -]){3}\d{1,7}(?![\w-])"  # a payment card in groups
    r"|(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])",  # a social security number
    re.IGNORECASE,
)
_CANDIDATE = re.compile(r"[:=_@.\- %]")
_PSEUDONYM = re.compile(r"p_[0-9a-f]{12}")

_LONGEST_REMEMBERED, _MOST_REMEMBERED = 80, 2_000
_harmless: set[str] = set()
"""Short texts in which nothing was found: routes and names come with every request."""

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
    chosen = key or _pseudonym_key[0] or b"deskmind"
    return _pseudonym(value, chosen)


def acting_fields(tenant: str, user: str) -> dict[str, str]:
    """Who acts, as a line says it; the names are left out where they are empty. The same for as long as the key is."""
    return _acting_fields(tenant, user, _pseudonym_key[0])


@lru_cache(maxsize=4_096)
def _acting_fields(tenant: str, user: str, _key: bytes) -> dict[str, str]:
    fields = {"tenant": loggable(tenant), "user": pseudonym(user)}
    return {name: value for name, value in fields.items() if value}


@lru_cache(maxsize=4_096)
def _pseudonym(value: str, key: bytes) -> str:
    digest = hmac.digest(key, value.encode(errors="surrogatepass"), hashlib.sha256)
    return f"p_{digest.hex()[:12]}"


def masked(text: str) -> str:
    """The text with passwords in URLs, ``name=value`` secrets, bearer tokens and known keys masked, and with e-mail
    addresses, international telephone numbers, payment cards and social security numbers, whoever logged them."""
    if text in _harmless:
        return text
    short = len(text) < 6 or not _CANDIDATE.search(text)
    found = text if short else _PERSONAL.sub(MASK, _SECRET_TEXT.sub(_replacement, text))
    if found == text and len(text) <= _LONGEST_REMEMBERED:
        if len(_harmless) >= _MOST_REMEMBERED:
            _harmless.clear()
        _harmless.add(text)
    return found


def loggable(value: object, depth: int = 0) -> Any:
    """A value as it may be logged: plain JSON types, without secrets, long text cut.

    Args:
        value: anything; what is not a plain type appears as its masked ``repr``, bytes as their number.
        depth: how deep in containers it stands.
    """
    kind = type(value)
    if kind is str:
        text = cast("str", value)
        if text in _harmless:
            return text
        return masked(text) if len(text) <= _LONGEST_TEXT else _cut(text)
    if kind is int or value is None or isinstance(value, int):
        return value
    if kind is float:
        return value if math.isfinite(cast("float", value)) else repr(value)
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(cast(bytes, value))} bytes>"
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[object, object]", value), depth + 1)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _sequence(cast("Iterable[object]", value), depth + 1)
    return _cut(_described(value))


def loggable_field(name: str, value: object, depth: int = 0) -> Any:
    """A field as it may be logged: masked when its name says it is a secret (``api_key``, ``accessToken``).

    Facts about secrets stay: ``token_count``, ``input_tokens`` when it is a number, whether there is one.
    """
    kind = type(value)
    if kind is str:
        return MASK if _is_secret(name, False) else loggable(value, depth)
    if kind is int:
        return MASK if _is_secret(name, True) else value
    if value is None or kind is bool:
        return value
    return MASK if _is_secret(name, isinstance(value, (int, float))) else loggable(value, depth)


def may_be_secret(name: str) -> bool:
    """Whether a field of this name is masked for some value."""
    return _is_secret(name, False) or _is_secret(name, True)


@functools.lru_cache(maxsize=2048)
def _is_secret(name: str, number: bool) -> bool:
    plain = _CAMEL.sub("_", name).lower()
    if plain.endswith("tokens"):
        return not number
    return _SECRET_NAME.search(plain) is not None and _HARMLESS_NAME.search(plain) is None


def _replacement(found: re.Match[str]) -> str:
    if start := found["name"] or found["header"]:
        return f"{start}{MASK}"
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
    for key, item in itertools.islice(value.items(), _MOST_ITEMS):
        name = str(loggable(key))
        shown[name] = loggable_field(name, item, depth)
    return shown


def _sequence(value: Iterable[object], depth: int) -> object:
    return (
        "…" if depth > _DEEPEST else [loggable(item, depth) for item in itertools.islice(value, _MOST_ITEMS)]
    )


def _described(value: object) -> str:
    # An exception's text may quote a document or a row; its type may not.
    if isinstance(value, BaseException):
        return type(value).__name__
    try:
        return repr(value)
    except Exception:  # a log line must not fail the work it reports
        return f"<{type(value).__name__}>"
