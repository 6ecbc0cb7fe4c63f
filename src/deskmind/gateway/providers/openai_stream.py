"""Reading a chat stream: server-sent events with OpenAI's chunks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deskmind.gateway.messages import ChatDelta
from deskmind.gateway.providers.failures import ProviderFailure
from deskmind.gateway.providers.openai_wire import delta_of
from deskmind.gateway.wire import decode

if TYPE_CHECKING:
    import aiohttp

__all__ = ["OpenAIStream"]

_LONGEST_EVENT = 8 * 2**20
_END_SECONDS = 0.05


class OpenAIStream:
    """An open response. Parsing happens between awaits, so a cancelled read loses nothing."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._rest = b""
        self._finished = False
        self._ended = False
        self._failure: ProviderFailure | None = None

    async def next(self, timeout: float) -> list[ChatDelta] | None:  # noqa: ASYNC109
        """The pieces that arrived, None at the regular end."""
        import aiohttp

        while not self._ended:
            if self._failure is not None:
                raise self._failure
            try:
                async with asyncio.timeout(timeout):
                    data = await self._response.content.readany()
            except TimeoutError as error:
                raise ProviderFailure("model-timeout", f"nothing came for {timeout:g} seconds") from error
            except (aiohttp.ClientError, OSError) as error:
                raise ProviderFailure("stream-broken", type(error).__name__) from error
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
        if self._finished and not self._response.content.at_eof():
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(_END_SECONDS):
                    await self._response.content.readany()
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

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
