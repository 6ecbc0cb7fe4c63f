"""Calls that a sandbox makes itself: what a vendor sends to a registered address when something happens."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

__all__ = ["Delivery", "Outbox"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call that was made; `status` is None if nobody answered."""

    method: str
    url: str
    body: bytes
    status: int | None


class Outbox:
    """Sends in the background, each once, in the order in which it was asked to; keeps what it sent."""

    def __init__(self, timeout: float = 10.0) -> None:
        self.deliveries: list[Delivery] = []
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._waiting: asyncio.Queue[tuple[str, str, bytes, dict[str, str]]] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None

    def send(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        user: str = "",
        password: str = "",
    ) -> None:
        """Queues a call, with basic authentication if a user is named."""
        sent = dict(headers or {})
        if user:
            sent["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._waiting.put_nowait((method, url, body, sent))
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send_all())

    async def drained(self) -> list[Delivery]:
        """Waits until everything queued was sent; all deliveries so far."""
        await self._waiting.join()
        return self.deliveries

    async def close(self) -> None:
        """Stops; what is queued is not sent."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
            self._sender = None

    async def _send_all(self) -> None:
        # a sandbox listens on this machine, and so do the receivers it is told of: no proxy is asked
        async with aiohttp.ClientSession(timeout=self._timeout, trust_env=False) as session:
            while True:
                method, url, body, headers = await self._waiting.get()
                try:
                    status = await self._sent(session, method, url, data=body, headers=headers)
                    self.deliveries.append(Delivery(method, url, body, status))
                finally:
                    self._waiting.task_done()

    async def _sent(self, session: aiohttp.ClientSession, method: str, url: str, **call: Any) -> int | None:
        try:
            async with session.request(method, url, **call) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
