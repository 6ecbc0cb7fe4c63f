"""Model calls of one desk."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from deskmind.database import Database
from deskmind.errors import ContentBlockedError, InvalidRequestError
from deskmind.gateway.budgets import Budget
from deskmind.gateway.gateway import Gateway
from deskmind.gateway.messages import Caller, ChatResponse, Embeddings, Message, Ranking
from deskmind.gateway.models import Deployment, Price
from deskmind.gateway.probe import probe
from deskmind.gateway.service.replies import Replies
from deskmind.gateway.service.room import GatewayRoom
from deskmind.gateway.service.vectors import Vectors
from deskmind.gateway.streams import ChatStream
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.observability import correlation_id
from deskmind.scope import Scope

__all__ = ["DeploymentInfo", "ModelInfo", "Models"]

_BLOCKED = "redaction.block"
_DECIDED_HERE = frozenset({"caller", "budgets", "recall"})


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

    def as_dict(self) -> dict[str, Any]:
        """For JSON; prices are texts."""
        return {
            "deployment": self.name,
            "provider": self.provider,
            "model": self.model,
            "price": _priced(self.price),
            "max_input_tokens": self.max_input_tokens,
            "max_output_tokens": self.max_output_tokens,
            "available": self.available,
        }


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A configured model."""

    name: str
    policy: str
    deployments: tuple[DeploymentInfo, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.name,
            "policy": self.policy,
            "deployments": [deployment.as_dict() for deployment in self.deployments],
        }


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
        exactly = options.get("temperature") == 0 if cached is None else cached
        async with self._refusals(model):
            return await gateway.chat(
                model,
                messages,
                max_tokens=max_tokens,
                caller=self._caller(feature),
                budgets=await self._budgets(),
                recall=self._replies(gateway, model).recall if exactly else None,
                **_callers_own(options),
            )

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
        async with self._refusals(model):
            return await gateway.stream(
                model,
                messages,
                max_tokens=max_tokens,
                caller=self._caller(feature),
                budgets=await self._budgets(),
                **_callers_own(options),
            )

    @operation(Permission.MODELS_CALL)
    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        feature: str = "embed",
        cached: bool = True,
        **options: Any,
    ) -> Embeddings:
        """Vectors of texts; see ``Gateway.embed``.

        Args:
            model: the configured name.
            texts: one or more, none empty.
            feature: what the call is for.
            cached: whether vectors may be those made before of the same texts for this tenant. Such texts are not
                sent, cost nothing and are not counted; when none is sent, nothing is booked. More than 256 texts at
                once are always sent.
            options: as for ``Gateway.embed``.
        """
        gateway = await self._room.gateway()
        async with self._refusals(model):
            return await gateway.embed(
                model,
                texts,
                caller=self._caller(feature),
                budgets=await self._budgets(),
                recall=Vectors(self._room.cache, self._scope).recall if cached else None,
                **_callers_own(options),
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
        async with self._refusals(model):
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

    @operation(Permission.MODELS_TEST)
    async def test(self, models: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Call each deployment once with a few tokens; one line for each: model, deployment, state, seconds, finding.

        Args:
            models: names; all of them when left out.

        Raises:
            NotFoundError: there is no such model.
        """
        gateway = await self._room.gateway()
        return await probe(gateway, self._scope, models, budgets=await self._budgets())

    def _replies(self, gateway: Gateway, model: str) -> Replies:
        return Replies(self._room.cache, self._scope, gateway.models.get(model))

    @asynccontextmanager
    async def _refusals(self, model: str) -> AsyncGenerator[None]:
        """A request that the redaction policy refuses is an event in the audit log, which names the type of what it held."""
        try:
            yield
        except ContentBlockedError as error:
            async with self._database.transaction(self._scope) as connection:
                await record(
                    connection,
                    self._scope,
                    _BLOCKED,
                    resource=model,
                    outcome="denied",
                    type=str(error.details.get("type", "")),
                )
            raise

    async def _budgets(self) -> tuple[Budget, ...]:
        return await self._room.tenant_budgets(self._scope.tenant_id)

    def _caller(self, feature: str) -> Caller:
        return Caller(self._scope.tenant_id, self._scope.principal_id, self._key, feature, correlation_id())


def _callers_own(options: dict[str, Any]) -> dict[str, Any]:
    """The options, none of which may take the place of what a desk decides."""
    ours = _DECIDED_HERE & options.keys()
    if ours:
        raise InvalidRequestError(f"A model call takes no field '{min(ours)}'.", remedy="Leave it out.")
    return options


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


def _priced(price: Price | None) -> dict[str, str | None] | None:
    if price is None:
        return None
    cached = price.cached_input
    return {
        "input": str(price.input),
        "output": str(price.output),
        "cached_input": None if cached is None else str(cached),
    }
