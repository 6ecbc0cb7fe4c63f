"""What ServiceNow's headers say about its limit, and its errors about their cause.

Rules are per hour. ``X-RateLimit-Reset`` is a time in seconds since 1970. There is no count of what is left, and
enforcement lags by up to 30 seconds, so we keep below the rule by counting ourselves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from deskmind.connectors.core.pace import Reading

__all__ = ["limit_of", "words_of"]

_HOUR = 3600.0


def limit_of(headers: Mapping[str, str]) -> Reading | None:
    """The rule that the headers name."""
    limit = headers.get("X-RateLimit-Limit", "")
    if not limit.isdigit() or int(limit) <= 0:
        return None
    reset = headers.get("X-RateLimit-Reset", "")
    remaining = headers.get("X-RateLimit-Remaining", "")
    return Reading(
        int(limit),
        _HOUR,
        int(remaining) if remaining.isdigit() else None,
        max(0.0, float(reset) - time.time()) if reset.isdigit() else None,
    )


def words_of(data: Any) -> str:
    """The message of an error."""
    error: Any = cast("dict[str, Any]", data).get("error") if isinstance(data, dict) else None
    if isinstance(error, dict):
        said = cast("dict[str, Any]", error)
        return ": ".join(str(part) for part in (said.get("message"), said.get("detail")) if part)
    return str(error or "")
