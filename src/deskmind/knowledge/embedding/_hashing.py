"""An embedder without a model: a bag of hashed words."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deskmind.knowledge.embedding._protocol import Embedder, EmbeddingSpace

__all__ = ["HashingEmbedder"]

_WORD = re.compile(r"\w+")


class HashingEmbedder(Embedder):
    """Deterministic vectors from word counts; texts that share words are close.

    For tests and for trying out a pipeline: it knows no synonyms and needs no weights. Each lower-cased word
    adds to one component, damped by ``1 + ln(count)``; component 0 stands for a text without words.

    >>> import asyncio
    >>> vector = asyncio.run(HashingEmbedder().embed_query("reset my password"))
    >>> vector.shape
    (512,)
    """

    def __init__(self, dimensions: int = 512) -> None:
        if not 2 <= dimensions <= 4000:
            raise ValueError(f"dimensions must be 2 to 4000, not {dimensions}")
        recipe = f"hashing 1 {dimensions}".encode()
        self._space = EmbeddingSpace("hashing", dimensions, hashlib.sha256(recipe).hexdigest())

    @property
    def space(self) -> EmbeddingSpace:
        """Model ``hashing`` with the chosen dimensions."""
        return self._space

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``[n, d] float32`` of unit length, in the order of ``texts``."""
        vectors = np.zeros((len(texts), self._space.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            self._fill(row, text)
        return vectors

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """``[d] float32`` of unit length; the same as for a document."""
        vector = np.zeros(self._space.dimensions, np.float32)
        self._fill(vector, text)
        return vector

    async def close(self) -> None:
        """Nothing to release."""

    def _fill(self, vector: NDArray[np.float32], text: str) -> None:
        for word, count in Counter(_WORD.findall(text.lower())).items():
            vector[1 + _hash(word) % (self._space.dimensions - 1)] += 1 + np.log(count)
        if not vector.any():
            vector[0] = 1
        vector /= np.linalg.norm(vector)


@lru_cache(maxsize=65_536)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())
