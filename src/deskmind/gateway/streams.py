"""A streamed reply: pieces as they arrive, the account at the end, and what happens when nobody reads on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from deskmind.errors import ModelError
from deskmind.gateway.accounts import Account, error_for
from deskmind.gateway.messages import ChatDelta, ChatResponse, ToolCall, Usage
from deskmind.gateway.models import Deployment, ModelConfig
from deskmind.gateway.providers import ProviderFailure, ProviderStream
from deskmind.gateway.routing import HealthBoard
from deskmind.gateway.shield.replies import RestoredPieces
from deskmind.gateway.tokens import estimate_output

__all__ = ["ChatStream", "Opened"]

Opened = tuple[Deployment, tuple[ProviderStream, list[ChatDelta]]]
"""Whose stream it is, the stream, and its first pieces."""


class _Gathered:
    """The pieces of a reply, put together."""

    __slots__ = ("_calls", "_text")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: dict[int, list[str]] = {}

    def add(self, piece: ChatDelta) -> None:
        """One more."""
        if piece.text:
            self._text.append(piece.text)
        for part in piece.tool_calls:
            call = self._calls.setdefault(part.index, ["", "", ""])
            call[0] = part.id or call[0]
            call[1] = part.name or call[1]
            call[2] += part.arguments

    @property
    def text(self) -> str:
        """What was said."""
        return "".join(self._text)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """What is wanted, in order."""
        return tuple(ToolCall(*self._calls[index]) for index in sorted(self._calls))


class ChatStream:
    """Iterate over it for the pieces; afterwards ``response`` is the whole reply.

    Leaving early (``aclose``, or the end of its ``async with``) ends the stream at the provider; it is read on for
    ``drain`` seconds in the background so that the ledger has the provider's count.
    """

    def __init__(
        self,
        model: str,
        config: ModelConfig,
        account: Account,
        opened: Opened,
        *,
        board: HealthBoard,
        reopen: Callable[[Deployment], Awaitable[Opened]],
        background: Callable[[Coroutine[Any, Any, None]], None],
        restoring: RestoredPieces | None = None,
        on_end: Callable[[BaseException | None, ChatResponse | None], None],
    ) -> None:
        self._model = model
        self._config = config
        self._account = account
        self._deployment, (self._stream, self._waiting) = opened
        self._waiting = self._waiting[::-1]
        self._board = board
        self._reopen = reopen
        self._background = background
        self._restoring = restoring
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + config.timeouts.total - account.elapsed
        self._shown = _Gathered()
        self._sent = _Gathered()
        self._pieces = 0
        self._characters = 0
        self._finish = ""
        self._usage: Usage | None = None
        self._provider_model = ""
        self._over = False
        self.response: ChatResponse | None = None

    @property
    def deployment(self) -> str:
        """Which deployment answers."""
        return self._deployment.name

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatDelta:
        """The next piece.

        Raises:
            StreamBrokenError: the stream broke after its first piece.
            ModelTimeoutError: no piece came in time.
        """
        while True:
            if not self._waiting and not await self._more():
                return await self._rest()
            piece: ChatDelta | None = self._waiting.pop()
            self._note(piece)
            if self._restoring is not None:
                piece = self._restoring.turn(piece)
            if piece is not None:
                self._shown.add(piece)
                return piece

    async def _more(self) -> bool:
        """Wait for pieces from the provider; False at the regular end."""
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            try:
                pieces = await self._stream.next(self._patience())
            except ProviderFailure as failure:
                await self._broken(failure)
                continue
            if pieces is None:
                return False
            self._waiting = pieces[::-1]
        return True

    async def _rest(self) -> ChatDelta:
        """What was held back to the end of a stream."""
        rest = None if self._restoring is None else self._restoring.end()
        if rest is not None:
            self._shown.add(rest)
        await self._finished()
        if rest is None:
            raise StopAsyncIteration
        return rest

    async def aclose(self) -> None:
        """Stop reading."""
        if self._over:
            return
        self._over = True
        self._background(self.drain())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _patience(self) -> float:
        left = self._deadline - self._loop.time()
        return max(min(self._config.timeouts.gap, left), 0.001)

    def _note(self, piece: ChatDelta) -> None:
        """Count what the provider produced."""
        if self._restoring is not None:
            self._sent.add(piece)
        if piece.text:
            self._pieces += 1
            self._characters += len(piece.text)
        for part in piece.tool_calls:
            self._pieces += 1
            self._characters += len(part.arguments)
        if piece.finish_reason:
            self._finish = piece.finish_reason
        if piece.usage is not None:
            self._usage = piece.usage
        if piece.provider_model:
            self._provider_model = piece.provider_model

    async def _finished(self) -> None:
        self._over = True
        try:
            await self._stream.close()
        finally:
            self._board.ended(self._deployment, well=True)
            self._charge()
            row = self._account.close(self._deployment.name)
            self.response = ChatResponse(
                text=self._shown.text,
                tool_calls=self._shown.tool_calls,
                finish_reason=self._finish or "stop",
                model=self._model,
                deployment=self._deployment.name,
                provider_model=self._provider_model or self._deployment.model,
                usage=row.usage,
                cost=row.cost,
                outcome=row.outcome,
                attempts=tuple(self._account.attempts),
                seconds=row.seconds,
                first_token_seconds=row.first_token_seconds,
                call_id=row.intent.call_id,
            )
            self._on_end(None, self._as_sent(self.response))

    def _as_sent(self, response: ChatResponse) -> ChatResponse:
        """As the model said it, for the span: what was put back for the reader is not content to be traced."""
        if self._restoring is None:
            return response
        return replace(response, text=self._sent.text, tool_calls=self._sent.tool_calls)

    async def _broken(self, failure: ProviderFailure) -> None:
        """After the first piece: a clear error, or a configured restart elsewhere."""
        broken = self._deployment
        self._board.failed(broken, self._config, unhealthy=failure.retriable)
        self._charge(failure.cause)
        self._over = True
        try:
            await self._stream.close()
            if not (self._config.restart_broken_streams and failure.retriable):
                raise error_for(failure, self._model, broken, self._account.attempts) from failure
            self._deployment, (self._stream, pieces) = await self._reopen(broken)
        except BaseException as error:
            known = isinstance(error, ModelError)
            code = error.code if isinstance(error, ModelError) else "cancelled"
            self._account.close(broken.name, error=code, unknown=self._account.hanging)
            self._on_end(error if known else None, None)
            raise
        self._over = False
        self._forget()
        pieces[0].restarted = True
        self._waiting = pieces[::-1]

    def _charge(self, outcome: str = "ok") -> None:
        written = estimate_output(self._pieces, self._characters)
        self._account.charge(
            self._deployment, self._usage, written=written, finish=self._finish, outcome=outcome
        )

    def _forget(self) -> None:
        self._shown, self._sent = _Gathered(), _Gathered()
        self._pieces = self._characters = 0
        self._usage = None
        self._finish = ""

    async def drain(self) -> None:
        """Read on briefly for the provider's count, then hang up and settle with what is known."""
        self._over = True
        while self._waiting:
            self._note(self._waiting.pop())
        try:
            async with asyncio.timeout(self._config.drain):
                while (pieces := await self._stream.next(self._config.drain)) is not None:
                    for piece in pieces:
                        self._note(piece)
        except (ProviderFailure, TimeoutError):
            pass
        finally:
            try:
                await self._stream.close()
            finally:
                self._board.ended(self._deployment, well=bool(self._finish))
                self._charge("cancelled" if self._usage is None else "ok")
                self._account.close(self._deployment.name, error="cancelled")
                self._on_end(None, self.response)

    def __del__(self) -> None:
        """Who drops a stream without closing it leaves it to be settled all the same."""
        if not self._over and not self._loop.is_closed():
            self._over = True
            self._loop.call_soon_threadsafe(self._background, self.drain())
