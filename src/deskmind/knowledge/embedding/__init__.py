"""Embedding: texts to vectors.

An ``Embedder`` turns texts into unit vectors of one ``EmbeddingSpace``. ``LocalEmbedder`` runs
all-MiniLM-L6-v2 on this machine (extra ``local``), from weights that ``find_weights`` finds and checks.
``HashingEmbedder`` is the shipped double for tests. Importing this package loads no model and no optional
dependency.
"""

from __future__ import annotations

from deskmind.knowledge.embedding._configured import configured_embedder
from deskmind.knowledge.embedding._hashing import HashingEmbedder
from deskmind.knowledge.embedding._local import LocalEmbedder
from deskmind.knowledge.embedding._protocol import Embedder, EmbeddingSpace
from deskmind.knowledge.embedding._remembered import RememberedQueries
from deskmind.knowledge.embedding._weights import WeightsFound, find_weights

__all__ = [
    "Embedder",
    "EmbeddingSpace",
    "HashingEmbedder",
    "LocalEmbedder",
    "RememberedQueries",
    "WeightsFound",
    "configured_embedder",
    "find_weights",
]
