"""The door to every model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from deskmind.errors import NotFoundError
from deskmind.gateway.accounts import Account
from deskmind.gateway.attempts import attempt
from deskmind.gateway.budgets import Budget, BudgetKeeper
from deskmind.gateway.gauges import gateways
from deskmind.gateway.ledger import Ledger, MemoryLedger
from deskmind.gateway.messages import (
    Caller,
    ChatDelta,
    ChatRequest,
    ChatResponse,
    Embeddings,
    Message,
    Ranking,
)
from deskmind.gateway.models import Deployment, ModelConfig, model_configs
from deskmind.gateway.opening import Opening
from deskmind.gateway.prices import PriceList
from deskmind.gateway.providers import OpenAIProvider, Provider, ProviderStream
from deskmind.gateway.requests import Recall, RecallVectors, chat_request, embedding_request, ranking_request
from deskmind.gateway.routing import HealthBoard, SharedHealth
from deskmind.gateway.running import Running, first_pieces
from deskmind.gateway.shield.protocol import Protected, ProtectedTexts, Shield
from deskmind.gateway.shield.replies import RestoredPieces, restored_reply, wants_json
from deskmind.gateway.spans import end_call, start_call
from deskmind.gateway.streams import ChatStream, Opened
from deskmind.observability.tracing import OpenSpan

__all__ = ["Gateway"]

_NOBODY = Caller()


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
        shield: takes out of requests what a model must not see, and puts it back into replies; nothing when left out.
        unshielded: names of models whose requests are sent as they are all the same.
        propagate: whether providers are told the trace a call belongs to.

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
        shield: Shield | None = None,
        unshielded: Collection[str] = (),
        propagate: bool = True,
    ) -> None:
        self.models: dict[str, ModelConfig] = model_configs(models)
        self.ledger: Ledger = ledger if ledger is not None else MemoryLedger()
        self.keeper = keeper or BudgetKeeper()
        self.prices = PriceList()
        self.board = HealthBoard(shared)
        self._providers: dict[str, Provider] = dict(providers or {})
        self._propagate = propagate
        self._shield = shield
        self._unshielded = frozenset(unshielded)
        self._opening = Opening(self.ledger, self.keeper, self.prices)
        self._running = Running(self.board, self.prices)
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
        await self._running.finish()
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
        recall: Recall | None = None,
        **options: Any,
    ) -> ChatResponse:
        """One reply.

        Args:
            model: the configured name.
            messages: the conversation in OpenAI's chat format.
            max_tokens: bound on the reply.
            caller: for whom; what the ledger books.
            budgets: further budgets than the keeper's own.
            recall: may give a reply made before to the same request; it sees requests and replies as the model does.
            options: ``tools``, ``tool_choice``, ``response_format``, ``temperature``, ``stop``, …, sent as they are.

        Raises:
            NotFoundError: no model has this name.
            BudgetExceededError: a budget has no room; nothing was sent.
            ModelError: no deployment answered; its class names the cause, its details every attempt.
        """
        config = self._config(model)
        request = chat_request(config, messages, max_tokens, options)
        protected = await self._protected(model, request, caller)
        request, restorer = protected.request, protected.restorer
        if recall is None:
            reply = await self._chat(model, config, protected, caller, budgets)
        else:
            reply = await recall(
                model, request, lambda: self._chat(model, config, protected, caller, budgets)
            )
        return reply if restorer is None else restored_reply(reply, restorer, json=wants_json(request))

    async def _chat(
        self,
        model: str,
        config: ModelConfig,
        protected: Protected,
        caller: Caller,
        budgets: Sequence[Budget],
    ) -> ChatResponse:
        """The reply to a request as it may be sent."""
        with_span = start_call("chat", model, config, protected.request, protected.counts)
        account, request = await self._open(
            "chat", model, config, protected.request, caller, budgets, with_span
        )
        call_id = account.call_id

        async def call(deployment: Deployment) -> Any:
            return await self._provider(deployment).chat(deployment, request, config.timeouts, call_id)

        deployment, reply = await self._running.run(model, config, account, call, with_span)
        account.charge_reply(deployment, reply)
        row = account.close(deployment.name)
        response = ChatResponse(
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
        end_call(with_span, account, reply=response)
        return response

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
        request, restorer, counts = await self._protected(model, request, caller)
        restoring = None if restorer is None else RestoredPieces(restorer, json=wants_json(request))
        with_span = start_call("chat", model, config, request, counts, streamed=True)
        account, request = await self._open(
            "chat", model, config, request, caller, budgets, with_span, streamed=True
        )

        async def call(deployment: Deployment) -> tuple[ProviderStream, list[ChatDelta]]:
            return await first_pieces(self._provider(deployment), deployment, request, config, account)

        async def reopen(broken: Deployment) -> Opened:
            order = [item for item in self._running.order(config) if item.name != broken.name] or [broken]
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
                background=self._running.background,
                restoring=restoring,
                on_end=lambda error, reply: end_call(with_span, account, error=error, reply=reply),
            )

        opened = await self._running.run(
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
        recall: RecallVectors | None = None,
        **options: Any,
    ) -> Embeddings:
        """One vector for each text; of ``options``, ``dimensions``, ``input_type`` and ``user`` are sent as they are.

        ``recall`` may give vectors made before of the same texts; it sees texts as the model does. Errors as for
        ``chat``.
        """
        config = self._config(model)
        embedding_request(config, texts, options)
        user = [options["user"]] if isinstance(options.get("user"), str) else []
        shielded, counts = await self._protected_texts(model, [*texts, *user], caller)
        texts, options = shielded[: len(texts)], {**options, **({"user": shielded[-1]} if user else {})}

        async def embed(asked: Sequence[str]) -> Embeddings:
            return await self._embed(model, config, ProtectedTexts(asked, counts), options, caller, budgets)

        return await (embed(texts) if recall is None else recall(model, config, texts, options, embed))

    async def _embed(
        self,
        model: str,
        config: ModelConfig,
        protected: ProtectedTexts,
        options: Mapping[str, Any],
        caller: Caller,
        budgets: Sequence[Budget],
    ) -> Embeddings:
        """Vectors of texts as they may be sent."""
        texts = protected.texts
        request = embedding_request(config, texts, options)
        with_span = start_call("embeddings", model, config, request, protected.counts)
        account, _ = await self._open("embeddings", model, config, request, caller, budgets, with_span)
        call_id = account.call_id

        async def call(deployment: Deployment) -> Any:
            return await self._provider(deployment).embed(
                deployment, texts, options, config.timeouts, call_id
            )

        deployment, reply = await self._running.run(model, config, account, call, with_span)
        account.charge_reply(deployment, reply)
        row = account.close(deployment.name)
        end_call(with_span, account, provider_model=reply.provider_model)
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
        ranking_request(query, documents, limit)
        shielded, counts = await self._protected_texts(model, [query, *documents], caller)
        query, *documents = shielded
        request = ranking_request(query, documents, limit)
        with_span = start_call("rerank", model, config, request, counts)
        account, _ = await self._open("rerank", model, config, request, caller, budgets, with_span)
        call_id = account.call_id
        most = len(documents) if limit is None else min(limit, len(documents))

        async def call(deployment: Deployment) -> Any:
            provider = self._provider(deployment)
            return await provider.rerank(deployment, query, documents, most, config.timeouts, call_id)

        deployment, reply = await self._running.run(model, config, account, call, with_span)
        account.charge_reply(deployment, reply)
        row = account.close(deployment.name)
        end_call(with_span, account)
        return Ranking(
            reply.results[:most], model, deployment.name, row.usage, row.cost, row.outcome, tuple(account.attempts),
            row.seconds, row.intent.call_id,
        )  # fmt: skip

    async def _protected(self, model: str, request: ChatRequest, caller: Caller) -> Protected:
        if self._shield is None or model in self._unshielded:
            return Protected(request, None)
        return await self._shield.protect(request, caller)

    async def _protected_texts(self, model: str, texts: Sequence[str], caller: Caller) -> ProtectedTexts:
        if self._shield is None or model in self._unshielded:
            return ProtectedTexts(texts)
        return await self._shield.protect_texts(texts, caller)

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
                provider = OpenAIProvider(propagate=self._propagate)
            else:
                from deskmind.gateway.providers.litellm import LiteLLMProvider

                provider = LiteLLMProvider(propagate=self._propagate)
            self._providers[name] = provider
        return provider

    async def _open(
        self,
        operation: str,
        model: str,
        config: ModelConfig,
        request: ChatRequest,
        caller: Caller,
        budgets: Sequence[Budget],
        with_span: OpenSpan,
        *,
        streamed: bool = False,
    ) -> tuple[Account, ChatRequest]:
        """Reserve, and make the intent durable."""
        try:
            return await self._opening.open(
                operation, model, config, request, caller, budgets, streamed=streamed
            )
        except BaseException as error:
            end_call(with_span, error=error)
            raise
