"""Replies given before to exactly the same request of the tenant."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

from deskmind.cache import Cache, JsonCodec
from deskmind.errors import BudgetExceededError, UncacheableValueError
from deskmind.gateway.messages import ChatRequest, ChatResponse
from deskmind.gateway.models import ModelConfig
from deskmind.scope import Scope

__all__ = ["Replies"]

_REPLY_SECONDS = 3_600.0


@functools.cache
def _codec() -> JsonCodec[ChatResponse]:
    """Made once, at first use."""
    return JsonCodec(ChatResponse)


class Replies:
    """A tenant's remembered replies, as the model gave them: requests and replies here have been through the shield."""

    def __init__(self, cache: Cache, scope: Scope, config: ModelConfig | None) -> None:
        """Replies of one model.

        Args:
            cache: where they are.
            scope: whose tenant.
            config: the model's definition; None for one that is not known.
        """
        self._sources = [] if config is None else config.sources
        self._replies = cache.scoped(
            scope.tenant_id, "replies", codec=_codec(), ttl=_REPLY_SECONDS, refresh_at=None
        )

    async def recall(
        self, model: str, request: ChatRequest, ask: Callable[[], Awaitable[ChatResponse]]
    ) -> ChatResponse:
        """The reply; one from memory has no attempts and costs nothing."""
        made: list[ChatResponse] = []
        asked = False

        async def load() -> ChatResponse:
            nonlocal asked
            asked = True
            made.append(await ask())
            return made[0]

        try:
            reply = await self._replies.get_or_load(self._key(model, request), load)
        except BudgetExceededError:
            if asked:
                raise
            return await ask()  # it was the budget of somebody else who asked at the same time
        except UncacheableValueError:
            return made[0] if made else await ask()
        if made:
            return made[0]
        assert reply is not None
        return replace(reply, attempts=(), cost=Decimal(0), outcome="free", seconds=0.0)

    def _key(self, model: str, request: ChatRequest) -> str:
        """What a reply depends on: which models may answer, and what they are asked."""
        asked = [model, self._sources, request.messages, request.max_tokens, request.options]
        return json.dumps(asked, sort_keys=True, default=str)
