"""The door to every model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakSet

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from deskmind.errors import DeskmindError, NotFoundError
from deskmind.gateway.accounts import Account
from deskmind.gateway.attempts import attempt
from deskmind.gateway.budgets import Budget, BudgetKeeper, nanodollars
from deskmind.gateway.calibration import Calibration
from deskmind.gateway.gauges import gateways
from deskmind.gateway.ledger import Intent, Ledger, MemoryLedger, new_call_id
from deskmind.gateway.messages import (
    Caller,
    ChatDelta,
    ChatRequest,
    ChatResponse,
    Embeddings,
    Message,
    Ranking,
    Usage,
)
from deskmind.gateway.models import Deployment, ModelConfig, model_configs
from deskmind.gateway.prices import PriceList, cost_of
from deskmind.gateway.providers import OpenAIProvider, Provider, ProviderFailure, ProviderStream
from deskmind.gateway.requests import chat_request, embedding_request, ranking_request
from deskmind.gateway.routing import HealthBoard, SharedHealth, choose
from deskmind.gateway.streams import ChatStream, Opened
from deskmind.gateway.tokens import estimate_reply, estimate_request
from deskmind.observability import names

__all__ = ["Gateway"]

_T = TypeVar("_T")
_MOST_OUTPUT = 4_096
"""Reserved where neither the request nor the deployment bounds the reply; also sent, so that the bound holds."""
_NOBODY = Caller()
_tracer = trace.get_tracer("deskmind")


class Gateway:
    """Sends calls to named models: budget, ledger, routing, retry, fallback.

    It works alone, without a database:

    >>> gateway = Gateway({"fast": {"model": "gpt-4o-mini", "api_key": "…"}}, ledger=MemoryLedger())

    Args:
        models: named models: ``ModelConfig``, a mapping, or ``"provider/model"``.
        ledger: where calls are booked; in memory when left out.
        keeper: budgets; none when left out.
        shared: where replicas tell each other which deployments are out.
        providers: instead of the shipped ones, by name.

    Raises:
        ConfigurationError: a model is not defined rightly.
    """

    def __init__(
        self,
        models: Mapping[str, Any],
        *,
        ledger: Ledger | None = None,
        keeper: BudgetKeeper | None = None,
        shared: SharedHealth | None = None,
        providers: Mapping[str, Provider] | None = None,
    ) -> None:
        self.models: dict[str, ModelConfig] = model_configs(models)
        self.ledger: Ledger = ledger if ledger is not None else MemoryLedger()
        self.keeper = keeper or BudgetKeeper()
        self.prices = PriceList()
        self.board = HealthBoard(shared)
        self._providers: dict[str, Provider] = dict(providers or {})
        self._calibration = Calibration()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._streams: WeakSet[ChatStream] = WeakSet()
        gateways.add(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End open streams, wait for what is being settled, write the ledger, return leases and connections."""
        for stream in tuple(self._streams):
            await stream.aclose()
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        await self.keeper.close()
        await self.ledger.close()
        if self.board.shared is not None:
            await self.board.shared.close()
        for provider in self._providers.values():
            await provider.close()

    async def chat(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        caller: Caller = _NOBODY,
        budgets: Sequence[Budget] = (),
        **options: Any,
    ) -> ChatResponse:
        """One reply.

        Args:
            model: the configured name.
            messages: the conversation in OpenAI's chat format.
            max_tokens: bound on the reply.
            caller: for whom; what the ledger books.
            budgets: further budgets than the keeper's own.
            options: ``tools``, ``tool_choice``, ``response_format``, ``temperature``, ``stop``, …, sent as they are.

        Raises:
            NotFoundError: no model has this name.
            BudgetExceededError: a budget has no room; nothing was sent.
            ModelError: no deployment answered; its class names the cause, its details every attempt.
        """
        config = self._config(model)
        request = chat_request(config, messages, max_tokens, options)
        with_span = _start("chat", model, request)
        account, request = await self._open("chat", model, config, request, caller, budgets, with_span)
        call_id = str(account.intent.call_id)

        async def call(deployment: Deployment) -> Any:
            return await self._provider(deployment).chat(deployment, request, config.timeouts, call_id)

        deployment, reply = await self._run(model, config, account, call, with_span)
        account.charge(deployment, reply.usage, written=estimate_reply(reply.text, reply.tool_calls))
        row = account.close(deployment.name)
        _end(with_span, usage=row.usage, provider_model=reply.provider_model)
        return ChatResponse(
            reply.text,
            reply.tool_calls,
            reply.finish_reason,
            model,
            deployment.name,
            reply.provider_model or deployment.model,
            row.usage,
            row.cost,
            row.outcome,
            tuple(account.attempts),
            row.seconds,
            None,
            row.intent.call_id,
            reply.raw,
        )

    async def stream(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        caller: Caller = _NOBODY,
        budgets: Sequence[Budget] = (),
        **options: Any,
    ) -> ChatStream:
        """A reply in pieces; arguments and errors as for ``chat``.

        Returns when the first piece is there: until then other deployments are tried silently.

        >>> async with await gateway.stream("fast", messages) as stream:
        ...     async for piece in stream:
        ...         print(piece.text, end="")
        """
        config = self._config(model)
        request = chat_request(config, messages, max_tokens, options)
        with_span = _start("chat", model, request, streamed=True)
        account, request = await self._open(
            "chat", model, config, request, caller, budgets, with_span, streamed=True
        )

        async def call(deployment: Deployment) -> tuple[ProviderStream, list[ChatDelta]]:
            return await self._first(deployment, request, config, account)

        async def reopen(broken: Deployment) -> Opened:
            order = [item for item in self._order(config) if item.name != broken.name] or [broken]
            await account.hold_more()
            return await attempt(model, config, order, self.board, account, call)

        def taken(opened: Opened) -> ChatStream:
            return ChatStream(
                model,
                config,
                account,
                opened,
                board=self.board,
                reopen=reopen,
                background=self._background,
                on_end=lambda error: _end(
                    with_span, error=error, usage=account.row.usage if account.row else None
                ),
            )

        opened = await self._run(
            model, config, account, call, with_span, abandon=lambda opened: taken(opened).drain()
        )
        stream = taken(opened)
        self._streams.add(stream)
        return stream

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        caller: Caller = _NOBODY,
        budgets: Sequence[Budget] = (),
        **options: Any,
    ) -> Embeddings:
        """One vector for each text; of ``options``, ``dimensions``, ``input_type`` and ``user`` are sent as they are.

        Errors as for ``chat``.
        """
        config = self._config(model)
        request = embedding_request(config, texts, options)
        with_span = _start("embeddings", model, request)
        account, _ = await self._open("embeddings", model, config, request, caller, budgets, with_span)
        call_id = str(account.intent.call_id)

        async def call(deployment: Deployment) -> Any:
            return await self._provider(deployment).embed(
                deployment, texts, options, config.timeouts, call_id
            )

        deployment, reply = await self._run(model, config, account, call, with_span)
        account.charge(deployment, reply.usage, written=0)
        row = account.close(deployment.name)
        _end(with_span, usage=row.usage, provider_model=reply.provider_model)
        return Embeddings(
            reply.vectors, model, deployment.name, reply.provider_model, row.usage, row.cost, row.outcome,
            tuple(account.attempts), row.seconds, row.intent.call_id,
        )  # fmt: skip

    async def rerank(
        self,
        model: str,
        query: str,
        documents: Sequence[str],
        *,
        limit: int | None = None,
        caller: Caller = _NOBODY,
        budgets: Sequence[Budget] = (),
    ) -> Ranking:
        """Documents by relevance to a query, at most ``limit``. Errors as for ``chat``."""
        config = self._config(model)
        request = ranking_request(query, documents, limit)
        with_span = _start("rerank", model, request)
        account, _ = await self._open("rerank", model, config, request, caller, budgets, with_span)
        call_id = str(account.intent.call_id)
        most = len(documents) if limit is None else min(limit, len(documents))

        async def call(deployment: Deployment) -> Any:
            provider = self._provider(deployment)
            return await provider.rerank(deployment, query, documents, most, config.timeouts, call_id)

        deployment, reply = await self._run(model, config, account, call, with_span)
        account.charge(deployment, reply.usage, written=0)
        row = account.close(deployment.name)
        _end(with_span, usage=row.usage)
        return Ranking(
            reply.results[:most], model, deployment.name, row.usage, row.cost, row.outcome, tuple(account.attempts),
            row.seconds, row.intent.call_id,
        )  # fmt: skip

    def _config(self, model: str) -> ModelConfig:
        config = self.models.get(model)
        if config is None:
            known = ", ".join(sorted(self.models)) or "none"
            raise NotFoundError(
                f"There is no model '{model}'.",
                why=f"Configured: {known}.",
                remedy="Name one of them, or define it under [models] in deskmind.toml.",
            )
        return config

    def _provider(self, deployment: Deployment) -> Provider:
        name = "openai" if deployment.provider == "azure" else deployment.provider
        provider = self._providers.get(name)
        if provider is None:
            if name == "openai":
                provider = OpenAIProvider()
            else:
                from deskmind.gateway.providers.litellm import LiteLLMProvider

                provider = LiteLLMProvider()
            self._providers[name] = provider
        return provider

    def _order(self, config: ModelConfig) -> Sequence[Deployment]:
        return choose(config, self.board, self.prices.blended)

    async def _open(
        self,
        operation: str,
        model: str,
        config: ModelConfig,
        request: ChatRequest,
        caller: Caller,
        budgets: Sequence[Budget],
        with_span: Span,
        *,
        streamed: bool = False,
    ) -> tuple[Account, ChatRequest]:
        """Reserve, and make the intent durable."""
        try:
            return await self._reserve(operation, model, config, request, caller, budgets, streamed=streamed)
        except BaseException as error:
            _end(with_span, error=error)
            raise

    async def _reserve(
        self,
        operation: str,
        model: str,
        config: ModelConfig,
        request: ChatRequest,
        caller: Caller,
        budgets: Sequence[Budget],
        *,
        streamed: bool,
    ) -> tuple[Account, ChatRequest]:
        matching = self.keeper.matching(caller, model, budgets)
        most = request.max_tokens
        if most is None:
            most = min(self._most_output(config), _MOST_OUTPUT)
            if matching:
                request = ChatRequest(request.messages, most, request.options)
        read = estimate_request(request)
        cost = self._most_cost(config, Usage(read, most))
        reservation = None
        if matching:
            nanos = None if cost is None else nanodollars(cost)
            reservation = await self.keeper.reserve(matching, caller, model, tokens=read + most, nanos=nanos)
        intent = Intent(new_call_id(), time.time(), caller, operation, model, read + most, cost)
        account = Account(
            intent,
            reservation,
            ledger=self.ledger,
            keeper=self.keeper,
            prices=self.prices,
            calibration=self._calibration,
            estimated=read,
            streamed=streamed,
        )
        try:
            await self.ledger.open(intent)
        except BaseException:
            account.close("", error="ledger")
            raise
        return account, request

    def _most_output(self, config: ModelConfig) -> int:
        return max(
            self.prices.limits(deployment).output_tokens or _MOST_OUTPUT for deployment in config.deployments
        )

    def _most_cost(self, config: ModelConfig, usage: Usage) -> Decimal | None:
        """The dearest deployment's price; None when one of them has no known price."""
        most = Decimal(0)
        for deployment in config.deployments:
            price = self.prices.price(deployment)
            if price is None:
                return None
            most = max(most, cost_of(price, usage))
        return most

    async def _run(
        self,
        model: str,
        config: ModelConfig,
        account: Account,
        call: Callable[[Deployment], Awaitable[_T]],
        with_span: Span,
        *,
        abandon: Callable[[tuple[Deployment, _T]], Awaitable[None]] | None = None,
    ) -> tuple[Deployment, _T]:
        """Try the deployments, in a task of its own: who hangs up leaves it to end and be counted."""
        task = asyncio.create_task(attempt(model, config, self._order(config), self.board, account, call))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._background(_left_alone(task, config, account, with_span, abandon))
            raise
        except BaseException as error:
            code = error.code if isinstance(error, DeskmindError) else type(error).__name__
            last = account.attempts[-1].deployment if account.attempts else ""
            account.close(last, error=code, unknown=account.hanging)
            _end(with_span, error=error)
            raise

    async def _first(
        self,
        deployment: Deployment,
        request: ChatRequest,
        config: ModelConfig,
        account: Account,
    ) -> tuple[ProviderStream, list[ChatDelta]]:
        """An open stream with its first pieces, of which one says something."""
        provider = self._provider(deployment)
        stream = await provider.stream(deployment, request, config.timeouts, str(account.intent.call_id))
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

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _left_alone(
    task: asyncio.Task[tuple[Deployment, Any]],
    config: ModelConfig,
    account: Account,
    with_span: Span,
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
        text, calls = getattr(reply, "text", ""), getattr(reply, "tool_calls", ())
        account.charge(deployment, reply.usage, written=estimate_reply(text, calls))
        account.close(deployment.name, error="cancelled")
    _end(with_span, error=error, usage=account.row.usage if account.row else None)


def _start(operation: str, model: str, request: ChatRequest, *, streamed: bool = False) -> Span:
    attributes: dict[str, Any] = {names.OPERATION_NAME: operation, names.REQUEST_MODEL: model}
    if request.max_tokens:
        attributes[names.REQUEST_MAX_TOKENS] = request.max_tokens
    temperature = request.options.get("temperature")
    if isinstance(temperature, (int, float)):
        attributes[names.REQUEST_TEMPERATURE] = float(temperature)
    if streamed:
        attributes[names.REQUEST_STREAM] = True
    return _tracer.start_span(f"{operation} {model}", kind=SpanKind.CLIENT, attributes=attributes)


def _end(
    current: Span,
    *,
    error: BaseException | None = None,
    usage: Usage | None = None,
    provider_model: str = "",
) -> None:
    if current.is_recording():
        if usage is not None:
            current.set_attribute(names.USAGE_INPUT_TOKENS, usage.input_tokens)
            current.set_attribute(names.USAGE_OUTPUT_TOKENS, usage.output_tokens)
        if provider_model:
            current.set_attribute(names.RESPONSE_MODEL, provider_model)
        if error is not None:
            current.set_attribute(
                names.ERROR_TYPE, error.code if isinstance(error, DeskmindError) else type(error).__name__
            )
            current.set_status(Status(StatusCode.ERROR))
    current.end()
