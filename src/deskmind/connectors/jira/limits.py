"""What Atlassian's headers say about its limit, and its errors about their cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from deskmind.connectors.core.pace import Reading

__all__ = ["limit_of", "words_of"]


def limit_of(headers: Mapping[str, str]) -> Reading | None:
    """The burst limit that the headers name, a second's; the hourly points are not told as requests."""
    limit, remaining = headers.get("X-RateLimit-Limit", ""), headers.get("X-RateLimit-Remaining", "")
    if not limit.isdigit() or int(limit) <= 0:
        return None
    reset = _until(headers.get("X-RateLimit-Reset", ""))
    interval = headers.get("X-RateLimit-Interval-Seconds", "")
    window = float(interval) if interval.isdigit() and int(interval) else 1.0
    return Reading(int(limit), window, int(remaining) if remaining.isdigit() else None, reset)


def words_of(data: Any) -> str:
    """The message of an error, in the words of Jira, its service desk or Confluence."""
    if not isinstance(data, dict):
        return ""
    said = cast("dict[str, Any]", data)
    messages = [str(one) for one in cast("list[Any]", said.get("errorMessages") or [])]
    fields = said.get("errors")
    if isinstance(fields, dict):
        messages += [f"{name}: {why}" for name, why in cast("dict[str, Any]", fields).items()]
    elif isinstance(fields, list):
        messages += [
            str(cast("dict[str, Any]", one).get("title"))
            for one in cast("list[Any]", fields)
            if isinstance(one, dict)
        ]
    messages += [str(said[name]) for name in ("errorMessage", "message") if said.get(name)]
    return "; ".join(messages)


def _until(text: str) -> float | None:
    try:
        return max(0.0, (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
