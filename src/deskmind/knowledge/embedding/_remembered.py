"""An embedder that embeds a tenant's repeated questions once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from deskmind.cache import Cache, Float32Codec
from deskmind.knowledge.embedding._protocol import Embedder, EmbeddingSpace
from deskmind.observability import names, span
from deskmind.scope import Scope

__all__ = ["RememberedQueries"]

_SECONDS = 86_400.0
_EMBEDDING = {names.OPERATION_NAME: names.OPERATION_EMBEDDINGS, names.PROVIDER_NAME: "deskmind"}


class RememberedQueries:
    """Another embedder, whose vectors of questions are kept for a day by tenant, space and the text's hash.

    Passages are embedded once anyway and pass through. Questions that come at once are embedded once. A vector that is
    remembered costs microseconds, with a shared tier at most its deadline.
    """

    def __init__(self, embedder: Embedder, cache: Cache, scope: Scope) -> None:
        self._embedder = embedder
        self._vectors = cache.scoped(
            scope.tenant_id, "query-vectors", codec=Float32Codec(), ttl=_SECONDS, refresh_at=None
        )

    @property
    def space(self) -> EmbeddingSpace:
        """The embedder's."""
        return self._embedder.space

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the embedder does."""
        return await self._embedder.embed_documents(texts)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question: ``[d] float32``, read-only.

        Raises:
            EmbedderUnavailableError: the model cannot be used.
        """

        async def embed() -> NDArray[np.float32]:
            with span(
                f"embeddings {self.space.model}",
                kind="client",
                **_EMBEDDING,
                **{names.REQUEST_MODEL: self.space.model},
            ):
                return await self._embedder.embed_query(text)

        vector = await self._vectors.get_or_load(f"{self.space.name}\n{text}", embed)
        return cast("NDArray[np.float32]", vector)

    async def close(self) -> None:
        """Nothing: the embedder belongs to the application."""
