"""JSON as it goes over the wire: ``orjson``, five to ten times as fast, and the standard library for what that refuses."""

from __future__ import annotations

import json
from typing import Any, cast

import orjson

__all__ = ["decode", "encode"]


def encode(value: Any) -> bytes:
    """Compact UTF-8.

    Raises:
        TypeError: a value has no form in JSON.
        ValueError: the same, or a container holds itself.
    """
    try:
        return orjson.dumps(value)
    except (
        TypeError,
        ValueError,
    ):  # numbers beyond 64 bits, halves of surrogate pairs, keys that are no text
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8", "replace")


def decode(data: bytes) -> Any:
    """What JSON says; half of a surrogate pair, which nothing can store or send on, becomes U+FFFD.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    try:
        return orjson.loads(data)
    except ValueError:
        return _mended(json.loads(data))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in cast("dict[str, Any]", value).items()}
    return value
