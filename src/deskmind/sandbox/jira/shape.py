"""Reading untrusted JSON: a value of the asked type, or an empty one."""

from __future__ import annotations

from typing import Any, cast


def mapping(value: object) -> dict[str, Any]:
    """`value` if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """`value` if it is a JSON array, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def named(value: object, *keys: str) -> str:
    """What identifies a thing in `{"id": …}`, `{"name": …}` and the like; a bare string or number is itself."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    held = mapping(value)
    return next((str(held[key]) for key in keys if held.get(key) not in (None, "")), "")
