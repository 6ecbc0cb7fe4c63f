"""Versions of the API, and how an operation is announced to go.

Within a version nothing is taken away: fields, operations and problems are only added. What shall go is marked, answers with
``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594) and a link to what takes its place, and stays until its sunset.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from starlette.types import Scope

__all__ = ["VERSION", "mark_retired", "retired", "version_headers"]

VERSION = "1"
_SINCE, _UNTIL, _INSTEAD = "x-deprecated-since", "x-sunset", "x-instead"
_ALWAYS = [(b"api-version", VERSION.encode())]


def retired(*, since: datetime, until: datetime, instead: str) -> dict[str, Any]:
    """What a route that shall go is given as ``openapi_extra``.

    Args:
        since: when that was announced.
        until: when it goes, a year later or more.
        instead: path of what takes its place.
    """
    times = {_SINCE: since.astimezone(UTC).isoformat(), _UNTIL: until.astimezone(UTC).isoformat()}
    return {"deprecated": True, **times, _INSTEAD: instead}


def mark_retired(said: dict[str, Any]) -> None:
    """Say in the document which headers a retired operation answers with."""
    if _SINCE not in said:
        return
    headers = {
        "Deprecation": {
            "description": "when it was announced to go (RFC 9745)",
            "schema": {"type": "string"},
        },
        "Sunset": {"description": "when it goes (RFC 8594)", "schema": {"type": "string"}},
        "Link": {"description": "what takes its place", "schema": {"type": "string"}},
    }
    for response in said["responses"].values():
        response.setdefault("headers", {}).update(headers)


def version_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What a response says of the version, and of its operation where that is retired."""
    extra: dict[str, Any] | None = getattr(scope.get("route"), "openapi_extra", None)
    if not extra or _SINCE not in extra:
        return _ALWAYS
    since, until = (datetime.fromisoformat(extra[name]) for name in (_SINCE, _UNTIL))
    return [
        *_ALWAYS,
        (b"deprecation", f"@{int(since.timestamp())}".encode()),
        (b"sunset", format_datetime(until, usegmt=True).encode()),
        (b"link", f'<{extra[_INSTEAD]}>; rel="successor-version"'.encode()),
    ]
