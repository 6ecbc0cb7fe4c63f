"""What Freshservice's headers say about its limit, and its errors about their cause.

The limit is a minute's and the account's; some requests count for several.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from deskmind.connectors.core.pace import Reading

__all__ = ["limit_of", "words_of"]


def limit_of(headers: Mapping[str, str]) -> Reading | None:
    """The limit that the headers name."""
    total, remaining = headers.get("X-RateLimit-Total", ""), headers.get("X-RateLimit-Remaining", "")
    if not total.isdigit() or int(total) <= 0:
        return None
    used = headers.get("X-RateLimit-Used-CurrentRequest", "")
    left = int(remaining) if remaining.isdigit() else None
    return Reading(int(total), 60.0, left, used=int(used) if used.isdigit() else 1)


def words_of(data: Any) -> str:
    """The message of an error, its fields and codes, without the values that were sent."""
    if not isinstance(data, dict):
        return ""
    said = cast("dict[str, Any]", data)
    parts = [str(said[name]) for name in ("description", "message", "code") if said.get(name)]
    for one in cast("list[Any]", said.get("errors") or []):
        if isinstance(one, dict):
            error = cast("dict[str, Any]", one)
            parts.append(f"{error.get('field')}: {error.get('message')} ({error.get('code')})")
    return "; ".join(parts)
