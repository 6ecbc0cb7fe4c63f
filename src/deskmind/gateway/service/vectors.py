"""Vectors made before of the same texts of the tenant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from deskmind.cache import Cache, Float32Codec
from deskmind.gateway.messages import Embeddings, Usage
from deskmind.gateway.models import ModelConfig
from deskmind.scope import Scope

__all__ = ["Vectors"]

_SECONDS = 86_400.0
_NO_CALL = UUID(int=0)
_MOST_TEXTS = 256
"""More at once are taken in, not asked: they are neither looked up nor kept."""


class Vectors:
    """A tenant's remembered vectors, by model, its deployments, options and the text that was sent."""

    def __init__(self, cache: Cache, scope: Scope) -> None:
        self._vectors = cache.scoped(
            scope.tenant_id, "embeddings", codec=Float32Codec(), ttl=_SECONDS, refresh_at=None
        )

    async def recall(
        self,
        model: str,
        config: ModelConfig,
        texts: Sequence[str],
        options: Mapping[str, Any],
        embed: Callable[[Sequence[str]], Awaitable[Embeddings]],
    ) -> Embeddings:
        """The vectors; the account is that of the texts that had to be sent, each once."""
        if len(texts) > _MOST_TEXTS:
            return await embed(texts)
        space = _space(model, config, options)
        distinct = list(dict.fromkeys(texts))
        kept = await asyncio.gather(*(self._vectors.get(f"{space}\n{text}") for text in distinct))
        known = {text: vector for text, vector in zip(distinct, kept, strict=True) if vector is not None}
        missing = [text for text in distinct if text not in known]
        made = await embed(missing) if missing else _nothing(model)
        for text, vector in zip(missing, made.vectors, strict=True):
            known[text] = vector
            await self._vectors.set(f"{space}\n{text}", vector)
        return replace(made, vectors=np.stack([known[text] for text in texts]))


def _space(model: str, config: ModelConfig, options: Mapping[str, Any]) -> str:
    """What vectors of one text depend on: which models may answer, and how they are asked."""
    asked = {name: value for name, value in options.items() if name != "user"}
    return json.dumps([model, config.sources, asked], sort_keys=True, default=str)


def _nothing(model: str) -> Embeddings:
    vectors: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
    return Embeddings(vectors, model, "", "", Usage(), Decimal(0), "free", (), 0.0, _NO_CALL)
