"""The book of account: one entry a request that reached the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Entry:
    """One request. Tokens are counted by the declared rule; `status` is None while no status line was sent.

    Billed is what was answered with 200: its input, and its output as far as it was produced. An answer that is
    not streamed is produced before its first byte is sent; a stream is produced chunk by chunk, so one that is
    cut or hung up on is billed up to the last chunk written. `finished` means that the whole answer was written.
    `headers` are those that tell requests apart (`x-request-id` and its like).
    """

    id: int
    path: str
    model: str = ""
    status: int | None = None
    streamed: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    billed: bool = False
    client_hung_up: bool = False
    finished: bool = False
    fault: str | None = None
    user: str | None = None
    metadata: Any = None
    headers: dict[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


class Book:
    """All entries in order of arrival, with counts of the server as a whole."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.connections = 0
        """TCP connections accepted so far."""
        self.in_flight = 0
        """Requests being answered now."""
        self.most_in_flight = 0
        """The most requests that were being answered at one time."""
        self._settled = asyncio.Event()
        self._settled.set()

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __getitem__(self, index: int) -> Entry:
        return self.entries[index]

    def open(self, path: str) -> Entry:
        """A new entry; the request counts as in flight until `close`."""
        entry = Entry(len(self.entries) + 1, path)
        self.entries.append(entry)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self.in_flight == 1:
            self._settled.clear()
        return entry

    def close(self) -> None:
        """One request is no longer in flight."""
        self.in_flight -= 1
        if not self.in_flight:
            self._settled.set()

    async def settled(self, timeout: float = 10.0) -> Book:  # noqa: ASYNC109
        """Waits until nothing is in flight, at most `timeout` seconds (then `TimeoutError`); the book itself."""
        async with asyncio.timeout(timeout):
            await self._settled.wait()
        return self

    @property
    def billed_input_tokens(self) -> int:
        """Input tokens of all billed entries."""
        return sum(entry.input_tokens for entry in self.entries if entry.billed)

    @property
    def billed_output_tokens(self) -> int:
        """Output tokens of all billed entries."""
        return sum(entry.output_tokens for entry in self.entries if entry.billed)

    def to_json(self, after: int = 0) -> dict[str, Any]:
        """The entries with an id above `after`, and the counts over all entries."""
        return {
            "entries": [entry.to_json() for entry in self.entries[after:]],
            "requests": len(self.entries),
            "billed_requests": sum(entry.billed for entry in self.entries),
            "billed_input_tokens": self.billed_input_tokens,
            "billed_output_tokens": self.billed_output_tokens,
            "connections": self.connections,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
        }
