"""The request log: what was asked, when, and how fast."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Entry", "RequestLog"]


@dataclass(slots=True)
class Entry:
    """One request. `at` is in seconds of a monotonic clock; `status` is None if no answer was sent."""

    id: int
    method: str
    path: str
    query: str
    at: float = field(default_factory=time.monotonic)
    status: int | None = None
    user: str = ""
    received: int = 0
    sent: int = 0
    seconds: float = 0.0
    fault: str | None = None


class RequestLog:
    """The last entries in order of arrival, and counts over all of them."""

    def __init__(self, keep: int = 200_000) -> None:
        self.entries: deque[Entry] = deque(maxlen=keep)
        self.total = 0
        self.in_flight = 0
        self.most_in_flight = 0

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def open(self, method: str, path: str, query: str) -> Entry:
        """A new entry; the request is in flight until `close`."""
        self.total += 1
        entry = Entry(self.total, method, path, query)
        self.entries.append(entry)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return entry

    def close(self, entry: Entry) -> None:
        """The request is answered or over."""
        entry.seconds = time.monotonic() - entry.at
        self.in_flight -= 1

    def clear(self) -> None:
        """Forgets what was asked so far."""
        self.entries.clear()
        self.total = 0
        self.most_in_flight = self.in_flight

    def rate(self, seconds: float = 1.0) -> float:
        """The highest rate that was measured: requests a second in the fullest stretch of `seconds`."""
        return self.most_in(seconds) / seconds

    def most_in(self, seconds: float) -> int:
        """The most requests that arrived within any `seconds`."""
        most, inside = 0, deque[float]()
        for entry in self.entries:
            inside.append(entry.at)
            while entry.at - inside[0] >= seconds:
                inside.popleft()
            most = max(most, len(inside))
        return most

    def to_json(self, after: int = 0) -> dict[str, Any]:
        """The entries with an id above `after`, and the counts."""
        return {
            "entries": [asdict(entry) for entry in self.entries if entry.id > after],
            "requests": self.total,
            "most_in_flight": self.most_in_flight,
            "rate_1s": self.rate(1.0),
            "rate_60s": round(self.rate(60.0), 3),
        }
