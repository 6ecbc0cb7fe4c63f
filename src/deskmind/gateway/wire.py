"""JSON as it goes over the wire: ``orjson``, five to ten times as fast, and the standard library for what that refuses."""

from __future__ import annotations

import json
from typing import Any

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
    """What JSON says.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    try:
        return orjson.loads(data)
    except ValueError:
        return json.loads(data)
