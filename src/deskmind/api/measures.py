"""Metrics of requests: how many are under way, how long each took, by route and outcome."""

from __future__ import annotations

from starlette.types import Scope

from deskmind.observability.instruments import HTTP_ACTIVE, HTTP_DURATION, histogram, up_down_counter
from deskmind.observability.metering import Labels, labels

__all__ = ["begun", "ended"]

_METHODS = {
    method: labels({"http.request.method": method})
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
}
_OTHER = labels({"http.request.method": "_OTHER"})
_MOST_KINDS = 2_000
_HUNG_UP = 499
"""The caller left before a response began, as nginx has it."""

_active = up_down_counter(HTTP_ACTIVE)
_duration = histogram(HTTP_DURATION)
_kinds: dict[tuple[str, str, int], Labels] = {}


def begun(scope: Scope) -> None:
    """A request arrived."""
    _active.add(1, _METHODS.get(scope["method"], _OTHER))


def ended(scope: Scope, status: int, seconds: float) -> None:
    """It is over.

    Args:
        scope: with the route that took it.
        status: of the response, 0 when none was begun.
        seconds: from first to last byte.
    """
    method = scope["method"]
    _active.add(-1, _METHODS.get(method, _OTHER))
    kind = (method, getattr(scope.get("route"), "path_format", "unmatched"), status)
    _duration.record(seconds, _kinds.get(kind) or _labels(*kind))


def _labels(method: str, route: str, status: int) -> Labels:
    made = labels(
        {
            **_METHODS.get(method, _OTHER),
            "http.route": route,
            "http.response.status_code": str(status or _HUNG_UP),
        }
    )
    if len(_kinds) < _MOST_KINDS:  # whoever calls invents methods
        _kinds[method, route, status] = made
    return made
