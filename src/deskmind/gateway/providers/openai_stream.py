"""Reading a chat stream: server-sent events with OpenAI's chunks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from deskmind.gateway.messages import ChatDelta
from deskmind.gateway.providers.connections import Answer
from deskmind.gateway.providers.failures import ProviderFailure
from deskmind.gateway.providers.openai_wire import delta_of
from deskmind.gateway.wire import decode

__all__ = ["OpenAIStream"]

_LONGEST_EVENT = 8 * 2**20
_END_SECONDS = 0.05


class OpenAIStream:
    """An open answer. Parsing happens between awaits, so a cancelled read loses nothing."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._rest = b""
        self._finished = False
        self._ended = False
        self._failure: ProviderFailure | None = None

    async def next(self, timeout: float) -> list[ChatDelta] | None:  # noqa: ASYNC109
        """The pieces that arrived, None at the regular end."""
        while not self._ended:
            if self._failure is not None:
                raise self._failure
            try:
                async with asyncio.timeout(timeout):
                    data = await self._answer.more()
            except TimeoutError as error:
                raise ProviderFailure("model-timeout", f"nothing came for {timeout:g} seconds") from error
            if not data:
                self._ended = True
                break
            pieces = self._parse(data)
            if pieces:
                return pieces
            if self._failure is not None:
                raise self._failure
        if not self._finished:
            raise ProviderFailure("stream-broken", "it ended without its last piece")
        return None

    async def close(self) -> None:
        """End the stream; the connection is kept when the stream was read to its end, else closed."""
        if self._finished and not self._answer.over:
            with suppress(TimeoutError, ProviderFailure):
                async with asyncio.timeout(_END_SECONDS):
                    await self._answer.more()
        self._answer.close()

    def _parse(self, data: bytes) -> list[ChatDelta]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_EVENT:
            self._failure = ProviderFailure("stream-broken", "an event is too long")
            return []
        pieces: list[ChatDelta] = []
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            payload = line[5:].strip()
            if payload == b"[DONE]":
                self._finished = self._ended = True
                break
            try:
                chunk: Any = decode(payload)
                piece = delta_of(chunk)
            except ProviderFailure as failure:
                self._failure = failure
                break
            except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
                self._failure = ProviderFailure("stream-broken", "a piece is not the JSON it should be")
                break
            if piece.finish_reason:
                self._finished = True
            pieces.append(piece)
        return pieces
