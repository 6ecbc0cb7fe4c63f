"""Clients on kept connections that note of every request what became of it, and how a killed one is sent again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Client", "Fate", "request_bytes"]

_MOST_ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    Attributes:
        status: HTTP's.
        headers: names in lower case.
        body: its bytes.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def last(self) -> bool:
        """Whether the server said that it closes the connection."""
        return self.headers.get("connection", "") == "close"


@dataclass(slots=True)
class Fate:
    """What became of the requests of all clients.

    Attributes:
        answered: got a response that is no error of the server's.
        refused: connections that were not taken; nothing had been sent on them.
        errors: responses that are an error of the server's, by status.
        lost: requests without a response, by the local port of their connection and what was raised.
    """

    answered: int = 0
    refused: int = 0
    errors: list[int] = field(default_factory=list[int])
    lost: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    @property
    def failed(self) -> int:
        """Requests that were neither answered nor refused before anything was sent."""
        return len(self.errors) + len(self.lost)


def request_bytes(method: str, path: str, key: str, body: Any = None, **headers: str) -> bytes:
    """A request as it is sent."""
    content = b"" if body is None else json.dumps(body).encode()
    given = {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {key}",
        "Content-Length": str(len(content)),
        **headers,
    }
    if content:
        given["Content-Type"] = "application/json"
    lines = [
        f"{method} {path} HTTP/1.1",
        *(f"{name.replace('_', '-')}: {value}" for name, value in given.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


class Client:
    """One connection at a time: kept while the server keeps it, made anew when the server has said that it closes it.

    Args:
        port: of the service on this machine.
        fate: takes note.
    """

    def __init__(self, port: int, fate: Fate) -> None:
        self._port = port
        self._fate = fate
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> Answer | None:
        """The answer, or None where there is none; then the next request goes by a new connection.

        Raises:
            ConnectionRefusedError: the service is not there; nothing was sent.
        """
        reader, writer = self._streams or await self._connected()
        try:
            writer.write(request)
            answer = await _answer(reader)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self._fate.lost.append((writer.get_extra_info("sockname")[1], type(error).__name__))
            self.close()
            return None
        if answer.last:
            self.close()
        if answer.status >= 500:
            self._fate.errors.append(answer.status)
        else:
            self._fate.answered += 1
        return answer

    async def until_done(self, request: bytes) -> Answer:
        """Send a request with an ``Idempotency-Key`` until it is done, as a client should.

        Raises:
            TimeoutError: it is not done after many attempts.
        """
        for _ in range(_MOST_ATTEMPTS):
            try:
                answer = await self.send(request)
            except ConnectionRefusedError:
                answer = None
            if answer is None:
                await asyncio.sleep(0.1)
            elif "retry-after" in answer.headers:
                await asyncio.sleep(float(answer.headers["retry-after"]))
            else:
                return answer
        raise TimeoutError("the request is not done")

    def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        except ConnectionRefusedError:
            self._fate.refused += 1
            raise
        return self._streams


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(first.split()[1]), headers, body)
