"""Embedding: texts to vectors.

An ``Embedder`` turns texts into unit vectors of one ``EmbeddingSpace``. ``HashingEmbedder`` is the shipped double
for tests. Importing this package loads no model and no optional dependency.
"""

from __future__ import annotations

from deskmind.knowledge.embedding._hashing import HashingEmbedder
from deskmind.knowledge.embedding._protocol import Embedder, EmbeddingSpace

__all__ = ["Embedder", "EmbeddingSpace", "HashingEmbedder"]
