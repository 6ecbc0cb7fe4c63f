"""What was asked and how it went: no query, no body, no header, so neither secrets nor content."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from deskmind.observability import logger

__all__ = ["RequestLine", "RequestLog"]

_log = logger("deskmind.connectors")


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request that was sent.

    Attributes:
        path: without the query.
        status: 0 where no answer came.
        received: bytes of the answer.
    """

    at: datetime
    method: str
    path: str
    status: int
    milliseconds: float
    attempt: int
    received: int = 0


class RequestLog:
    """The last requests of a connector; each is a line at level DEBUG too."""

    def __init__(self, keep: int = 500) -> None:
        self._lines: deque[RequestLine] = deque(maxlen=keep)
        self.sent = 0

    def __iter__(self) -> Iterator[RequestLine]:
        return iter(tuple(self._lines))

    def __len__(self) -> int:
        return len(self._lines)

    def add(
        self, method: str, path: str, status: int, seconds: float, attempt: int, received: int = 0
    ) -> None:
        """A request has ended."""
        line = RequestLine(datetime.now(UTC), method, path, status, seconds * 1000, attempt, received)
        self._lines.append(line)
        self.sent += 1
        _log.debug(
            "connector.request",
            method=method,
            path=path,
            status=status,
            milliseconds=round(line.milliseconds, 1),
            attempt=attempt,
        )
