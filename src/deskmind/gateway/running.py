"""Running a call: in a task of its own, so that who hangs up leaves it to end and be counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from opentelemetry import context as contexts
from opentelemetry import trace

from deskmind.errors import DeskmindError
from deskmind.gateway.accounts import Account
from deskmind.gateway.attempts import attempt
from deskmind.gateway.messages import ChatDelta, ChatRequest
from deskmind.gateway.models import Deployment, ModelConfig
from deskmind.gateway.prices import PriceList
from deskmind.gateway.providers import Provider, ProviderFailure, ProviderStream
from deskmind.gateway.routing import HealthBoard, choose
from deskmind.gateway.spans import end_call
from deskmind.observability.tracing import OpenSpan

__all__ = ["Running", "first_pieces"]

_T = TypeVar("_T")


class Running:
    """The calls under way, and what of them goes on when nobody waits for it any more."""

    def __init__(self, board: HealthBoard, prices: PriceList) -> None:
        self._board = board
        self._prices = prices
        self._tasks: set[asyncio.Task[Any]] = set()

    def order(self, config: ModelConfig) -> Sequence[Deployment]:
        """The deployments of a model in the order in which they are tried now."""
        return choose(config, self._board, self._prices.blended)

    async def run(
        self,
        model: str,
        config: ModelConfig,
        account: Account,
        call: Callable[[Deployment], Awaitable[_T]],
        with_span: OpenSpan,
        *,
        abandon: Callable[[tuple[Deployment, _T]], Awaitable[None]] | None = None,
    ) -> tuple[Deployment, _T]:
        """The first answer of a model's deployments, and whose it is; ``abandon`` takes one that came too late."""
        token = contexts.attach(trace.set_span_in_context(with_span.span))
        try:
            task = asyncio.create_task(attempt(model, config, self.order(config), self._board, account, call))
        finally:
            contexts.detach(token)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.background(_left_alone(task, config, account, with_span, abandon))
            raise
        except BaseException as error:
            code = error.code if isinstance(error, DeskmindError) else type(error).__name__
            last = account.attempts[-1].deployment if account.attempts else ""
            account.close(last, error=code, unknown=account.hanging)
            end_call(with_span, account, error=error)
            raise

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for; ``finish`` does."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for what goes on in the background."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))


async def first_pieces(
    provider: Provider,
    deployment: Deployment,
    request: ChatRequest,
    config: ModelConfig,
    account: Account,
) -> tuple[ProviderStream, list[ChatDelta]]:
    """An open stream with its first pieces, of which one says something."""
    stream = await provider.stream(deployment, request, config.timeouts, account.call_id)
    pieces: list[ChatDelta] = []
    clock = asyncio.get_running_loop().time
    deadline = clock() + config.timeouts.first_token
    try:
        while not any(piece.text or piece.tool_calls or piece.finish_reason for piece in pieces):
            more = await stream.next(max(deadline - clock(), 0.001))
            if more is None:
                raise ProviderFailure("stream-broken", "it ended before its first piece")
            pieces += more
    except ProviderFailure as failure:
        await stream.close()
        if failure.charged is None and failure.cause in {"stream-broken", "model-timeout"}:
            failure.charged = "input"  # accepted and begun
        raise
    except BaseException:
        await stream.close()
        raise
    account.first_token_seconds = account.elapsed
    return stream, pieces


async def _left_alone(
    task: asyncio.Task[tuple[Deployment, Any]],
    config: ModelConfig,
    account: Account,
    with_span: OpenSpan,
    abandon: Callable[[tuple[Deployment, Any]], Awaitable[None]] | None,
) -> None:
    """Nobody waits for the reply any more: give it ``drain`` seconds to be counted, then hang up."""
    done, _ = await asyncio.wait([task], timeout=config.drain)
    if not done:
        task.cancel()
        await asyncio.wait([task])
    last = account.attempts[-1].deployment if account.attempts else ""
    error = None if task.cancelled() else task.exception()
    if task.cancelled():
        account.close(last, error="cancelled", unknown=account.hanging)
    elif error is not None:
        code = error.code if isinstance(error, DeskmindError) else "error"
        account.close(last, error=code, unknown=account.hanging)
    elif abandon is not None:
        await abandon(task.result())
        return
    else:
        deployment, reply = task.result()
        account.charge_reply(deployment, reply)
        account.close(deployment.name, error="cancelled")
    end_call(with_span, account, error=error)
