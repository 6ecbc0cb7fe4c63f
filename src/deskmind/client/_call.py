"""One request, before it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.client._uploads import Content

__all__ = ["Call", "given", "part"]

_REPEATABLE = frozenset({"GET", "HEAD", "PUT"})


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of the server.

    Attributes:
        method: of HTTP.
        path: with its parameters filled in.
        query: parameters; None is not sent, a list is sent item by item.
        body: sent as JSON; None is no body.
        upload: a file that is sent instead.
        reads: it changes nothing, whatever its method.
        also: statuses above 399 that carry an answer and not a problem.
        resumes: a stream of it can be gone on with after an event, though it is not to be asked for again.
        if_match: the tag that the resource must still have.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Mapping[str, Any] | None = None
    upload: Content | None = None
    reads: bool = False
    also: tuple[int, ...] = ()
    resumes: bool = False
    if_match: str | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice comes to the same without an ``Idempotency-Key``.

        What is done changes the tag, so that the second of two with ``If-Match`` would be refused.
        """
        return self.reads or (self.method in _REPEATABLE and self.if_match is None)

    @property
    def target(self) -> str:
        """Path and query."""
        pairs = [
            (name, _text(item))
            for name, value in self.query.items()
            if value is not None
            for item in _items(value)
        ]
        return f"{self.path}?{urlencode(pairs)}" if pairs else self.path


def part(value: object, *, slashes: bool = False) -> str:
    """A parameter as a part of a path.

    Args:
        value: a name or an id.
        slashes: it may consist of several parts, as names of models do.

    Raises:
        InvalidRequestError: the path would be that of something else.
    """
    text = str(value)
    parts = text.split("/") if slashes else [text]
    if not text or not {".", ".."}.isdisjoint(parts) or (not slashes and "/" in text):
        raise InvalidRequestError(
            f"'{text[:80]}' cannot be named over HTTP.",
            why="A name in an address is not empty, and neither '.' nor '..' nor divided by '/': it would be the address of something else.",
            remedy="See whether the name is right; what really has that name is reached on the service's own machine.",
        )
    return quote(text, safe="")


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of optional fields: those that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _items(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, (list, tuple)) else (value,)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)
