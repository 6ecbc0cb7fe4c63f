"""Model calls of one desk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from deskmind.cache import JsonCodec
from deskmind.database import Database
from deskmind.gateway.budgets import Budget
from deskmind.gateway.gateway import Gateway
from deskmind.gateway.messages import Caller, ChatResponse, Embeddings, Message, Ranking
from deskmind.gateway.models import Deployment, Price
from deskmind.gateway.service.room import GatewayRoom
from deskmind.gateway.streams import ChatStream
from deskmind.governance.access import Permission, operation
from deskmind.observability import correlation_id
from deskmind.scope import Scope

__all__ = ["DeploymentInfo", "ModelInfo", "Models"]

_REPLY_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class DeploymentInfo:
    """A deployment as it may be shown; no credential."""

    name: str
    provider: str
    model: str
    price: Price | None
    max_input_tokens: int | None
    max_output_tokens: int | None
    available: bool


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A configured model."""

    name: str
    policy: str
    deployments: tuple[DeploymentInfo, ...]


class Models:
    """Model calls of one principal: booked for it, held to its tenant's budgets."""

    def __init__(self, database: Database, scope: Scope, room: GatewayRoom, *, key: str = "") -> None:
        self._database = database
        self._scope = scope
        self._room = room
        self._key = key

    @property
    def scope(self) -> Scope:
        """Who calls."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where refusals are recorded."""
        return self._database

    @operation(Permission.MODELS_CALL)
    async def chat(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        feature: str = "chat",
        cached: bool | None = None,
        **options: Any,
    ) -> ChatResponse:
        """One reply; arguments and errors as for ``Gateway.chat``.

        Args:
            model: the configured name.
            messages: the conversation.
            max_tokens: bound on the reply.
            feature: what the call is for.
            cached: whether the reply to exactly this request may be one given before to this tenant; by default where
                ``temperature`` is 0. Such a reply has no attempts, costs nothing and is not booked.
            options: as for ``Gateway.chat``.
        """
        gateway = await self._room.gateway()

        async def call() -> ChatResponse:
            return await gateway.chat(
                model,
                messages,
                max_tokens=max_tokens,
                caller=self._caller(feature),
                budgets=await self._budgets(),
                **options,
            )

        exactly = options.get("temperature") == 0 if cached is None else cached
        if not exactly:
            return await call()
        replies = self._room.cache.scoped(
            self._scope.tenant_id,
            "replies",
            codec=JsonCodec(ChatResponse),
            ttl=_REPLY_SECONDS,
            refresh_at=None,
        )
        key = json.dumps([model, messages, max_tokens, options], sort_keys=True, default=str)
        made: list[ChatResponse] = []

        async def load() -> ChatResponse:
            made.append(await call())
            return made[0]

        reply = await replies.get_or_load(key, load)
        if made:
            return made[0]
        assert reply is not None
        return replace(reply, attempts=(), cost=Decimal(0), outcome="free", seconds=0.0)

    @operation(Permission.MODELS_CALL)
    async def stream(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        feature: str = "chat",
        **options: Any,
    ) -> ChatStream:
        """A reply in pieces, returned when the first is there; see ``Gateway.stream``."""
        gateway = await self._room.gateway()
        return await gateway.stream(
            model,
            messages,
            max_tokens=max_tokens,
            caller=self._caller(feature),
            budgets=await self._budgets(),
            **options,
        )

    @operation(Permission.MODELS_CALL)
    async def embed(
        self, model: str, texts: Sequence[str], *, feature: str = "embed", **options: Any
    ) -> Embeddings:
        """Vectors of texts; see ``Gateway.embed``."""
        gateway = await self._room.gateway()
        return await gateway.embed(
            model, texts, caller=self._caller(feature), budgets=await self._budgets(), **options
        )

    @operation(Permission.MODELS_CALL)
    async def rerank(
        self,
        model: str,
        query: str,
        documents: Sequence[str],
        *,
        limit: int | None = None,
        feature: str = "rerank",
    ) -> Ranking:
        """Documents by relevance; see ``Gateway.rerank``."""
        gateway = await self._room.gateway()
        return await gateway.rerank(
            model,
            query,
            documents,
            limit=limit,
            caller=self._caller(feature),
            budgets=await self._budgets(),
        )

    @operation(Permission.MODELS_CALL)
    async def list(self) -> list[ModelInfo]:
        """The configured models with their deployments and prices, by name."""
        gateway = await self._room.gateway()
        return [
            ModelInfo(
                name, config.policy, tuple(_info(gateway, deployment) for deployment in config.deployments)
            )
            for name, config in sorted(gateway.models.items())
        ]

    async def _budgets(self) -> tuple[Budget, ...]:
        return await self._room.tenant_budgets(self._scope.tenant_id)

    def _caller(self, feature: str) -> Caller:
        return Caller(self._scope.tenant_id, self._scope.principal_id, self._key, feature, correlation_id())


def _info(gateway: Gateway, deployment: Deployment) -> DeploymentInfo:
    limits = gateway.prices.limits(deployment)
    return DeploymentInfo(
        deployment.name,
        deployment.provider,
        deployment.model,
        gateway.prices.price(deployment),
        limits.input_tokens,
        limits.output_tokens,
        gateway.board.of(deployment).available(gateway.board.clock()),
    )
