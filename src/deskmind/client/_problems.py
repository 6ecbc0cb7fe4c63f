"""Problem documents (RFC 9457) as the SDK's own errors."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, cast

import orjson

from deskmind.errors import (
    AuthenticationError,
    ConflictError,
    DeskmindError,
    InvalidRequestError,
    LimitExceededError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    ServerReplyError,
    UnavailableError,
)

__all__ = ["error_of", "error_streamed", "error_told"]

_PREFIX = "urn:deskmind:problem:"
_MEMBERS = frozenset({"type", "title", "status", "detail", "why", "remedy"})
_BY_STATUS: dict[int, type[DeskmindError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    429: LimitExceededError,
}


def error_told(status: int, content: bytes, request_id: str = "") -> DeskmindError:
    """The error of a response; where it carries no problem document, as from a proxy, by its status."""
    try:
        problem: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        problem = None
    if isinstance(problem, dict) and "type" in problem and "detail" in problem:
        return error_of(status, cast("dict[str, Any]", problem))
    return error_of(
        status, {"type": "", "detail": f"The server answered {status}.", "request_id": request_id}
    )


def error_streamed(data: str) -> tuple[int, DeskmindError]:
    """The status and the error of a ``problem`` event; one that cannot be read is an error of its own."""
    try:
        problem: Any = orjson.loads(data)
        status = int(problem.get("status", 500))
        return status, error_of(status, problem)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        unread = ServerReplyError(
            "The server's stream cannot be used.", why="An event 'problem' holds no problem document."
        )
        unread.__cause__ = error
        return 500, unread


def error_of(status: int, problem: Mapping[str, Any]) -> DeskmindError:
    """The error that a problem document describes, its facts and ``request_id`` among the details."""
    code = str(problem["type"]).removeprefix(_PREFIX)
    kind = _kinds().get(code) or _by_status(status)
    detail, why, remedy = (str(problem.get(name) or "") for name in ("detail", "why", "remedy"))
    error = kind.__new__(kind)
    # the classes' own constructors make such documents from other things
    DeskmindError.__init__(
        error, _without(_without(detail, remedy), why), why=why, remedy=remedy, **_details(problem)
    )
    return error


def _details(problem: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in problem.items() if name not in _MEMBERS and value not in ("", None)
    }


def _without(text: str, end: str) -> str:
    """``detail`` is what happened, why and what to do, one after the other."""
    return text.removesuffix(end).rstrip() if end and text != end else text


def _by_status(status: int) -> type[DeskmindError]:
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    return UnavailableError if status >= 500 else InvalidRequestError if status >= 400 else ServerReplyError


@functools.cache
def _kinds() -> dict[str, type[DeskmindError]]:
    return {kind.code: kind for kind in reversed(list(_all(DeskmindError))) if "code" in vars(kind)}


def _all(kind: type[DeskmindError]) -> Iterator[type[DeskmindError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _all(below)
