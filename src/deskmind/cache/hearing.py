"""Hearing what other processes remove, also after the connection was lost."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from deskmind.cache.tier import Kind, Listener
from deskmind.ending import ended

__all__ = ["Hearing"]

CHANNEL = b"deskmind:removed"
_SENDER_BYTES = 8
_KINDS: dict[bytes, Kind] = {b"k": "key", b"t": "tag", b"r": "root"}
_LETTERS: dict[Kind, bytes] = {kind: letter for letter, kind in _KINDS.items()}
_LONGEST_PAUSE = 5.0
_random = secrets.SystemRandom()


class Hearing:
    """A subscription that renews itself. Each time it begins anew, the listener is told that it may have missed some.

    A connection that is silent is asked for a sign of life each ``heartbeat`` seconds; without one it counts as lost.

    Attributes:
        begun: how often it was subscribed.
        active: set while it is subscribed.
    """

    def __init__(
        self, client: Callable[[], Any], listener: Listener, *, heartbeat: float, patience: float
    ) -> None:
        self.begun = 0
        self.active = asyncio.Event()
        self._make_client = client
        self._listener = listener
        self._heartbeat = heartbeat
        self._patience = patience
        self._sender = secrets.token_bytes(_SENDER_BYTES)
        self._task = asyncio.create_task(self._keep_hearing())

    def notice(self, kind: Kind, name: bytes) -> bytes:
        """The message that tells the other processes of a removal."""
        return self._sender + _LETTERS[kind] + name

    async def close(self) -> None:
        """Stop hearing."""
        await ended(self._task)

    async def _keep_hearing(self) -> None:
        pause = 0.1
        while True:
            begun = self.begun
            try:
                await self._hear()
            except Exception:  # whatever broke, the remedy is to subscribe anew
                self.active.clear()
            pause = 0.1 if self.begun > begun else min(pause * 2, _LONGEST_PAUSE)
            await asyncio.sleep(pause * (0.5 + _random.random()))

    async def _hear(self) -> None:
        client = self._make_client()
        subscription = client.pubsub()
        try:
            async with asyncio.timeout(self._patience):
                await subscription.subscribe(CHANNEL)
                while not await subscription.get_message(timeout=self._patience):
                    pass
            self._listener.missed()
            self.begun += 1
            self.active.set()
            await self._follow(subscription)
        finally:
            self.active.clear()
            await subscription.aclose()
            await client.aclose()

    async def _follow(self, subscription: Any) -> None:
        asked = False
        while True:
            message = await subscription.get_message(timeout=self._heartbeat)
            if message is not None:
                asked = False
                self._tell(message)
            elif asked:
                raise TimeoutError
            else:
                asked = True
                await subscription.ping()

    def _tell(self, message: dict[str, Any]) -> None:
        data = message["data"]
        if message["type"] != "message" or data[:_SENDER_BYTES] == self._sender:
            return
        kind = _KINDS.get(data[_SENDER_BYTES : _SENDER_BYTES + 1])
        if kind is not None:
            self._listener.removed(kind, data[_SENDER_BYTES + 1 :])
