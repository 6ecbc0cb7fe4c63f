"""Replies given before to exactly the same request of the tenant."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

from deskmind.cache import Cache, JsonCodec
from deskmind.gateway.messages import ChatRequest, ChatResponse
from deskmind.scope import Scope

__all__ = ["Replies"]

_REPLY_SECONDS = 3_600.0


@functools.cache
def _codec() -> JsonCodec[ChatResponse]:
    """Made once, at first use."""
    return JsonCodec(ChatResponse)


class Replies:
    """A tenant's remembered replies, as the model gave them: requests and replies here have been through the shield."""

    def __init__(self, cache: Cache, scope: Scope) -> None:
        self._replies = cache.scoped(
            scope.tenant_id, "replies", codec=_codec(), ttl=_REPLY_SECONDS, refresh_at=None
        )

    async def recall(
        self, model: str, request: ChatRequest, ask: Callable[[], Awaitable[ChatResponse]]
    ) -> ChatResponse:
        """The reply; one from memory has no attempts and costs nothing."""
        made: list[ChatResponse] = []

        async def load() -> ChatResponse:
            made.append(await ask())
            return made[0]

        reply = await self._replies.get_or_load(_key(model, request), load)
        if made:
            return made[0]
        assert reply is not None
        return replace(reply, attempts=(), cost=Decimal(0), outcome="free", seconds=0.0)


def _key(model: str, request: ChatRequest) -> str:
    return json.dumps(
        [model, request.messages, request.max_tokens, request.options], sort_keys=True, default=str
    )
