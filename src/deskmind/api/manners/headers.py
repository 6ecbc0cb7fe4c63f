"""Headers of every response that say what a browser may do with it."""

from __future__ import annotations

from starlette.types import Scope

__all__ = ["safe_headers"]

_Headers = list[tuple[bytes, bytes]]
_ALWAYS: _Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_UNLESS_SAID: _Headers = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_MAY_BE_SAID = frozenset(name for name, _ in _UNLESS_SAID)
_USUAL: _Headers = [*_ALWAYS, *_UNLESS_SAID]
_ENCRYPTED: _Headers = [(b"strict-transport-security", b"max-age=31536000")]


def safe_headers(scope: Scope, given: _Headers) -> _Headers:
    """What is added to a response.

    Args:
        scope: of the request; over TLS, browsers are told to come by TLS for a year.
        given: the response's own headers, which win where they say something else.
    """
    said = [name for name, _ in given if name.lower() in _MAY_BE_SAID]
    added = (
        _USUAL
        if not said
        else [*_ALWAYS, *(one for one in _UNLESS_SAID if one[0] not in map(bytes.lower, said))]
    )
    return added + _ENCRYPTED if scope.get("scheme") == "https" else added
