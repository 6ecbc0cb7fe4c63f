"""What an embedder is, and the space its vectors live in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Embedder", "EmbeddingSpace"]

_NOT_IDENTIFIER = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """Which vectors may be compared with each other. Each space has its own table.

    Attributes:
        model: name of the model, such as ``all-MiniLM-L6-v2``.
        dimensions: length of a vector.
        fingerprint: hash of what makes the vectors: weights, vocabulary, graph and precision. It does not
            depend on the machine or on library versions.
    """

    model: str
    dimensions: int
    fingerprint: str

    @property
    def name(self) -> str:
        """An SQL identifier for the space, at most 40 characters of ``[a-z0-9_]``, a letter first."""
        slug = _NOT_IDENTIFIER.sub("_", self.model.lower()).strip("_")[:24].strip("_")
        if not slug[:1].isalpha():
            slug = f"m_{slug}".rstrip("_")
        identity = f"{self.model}\0{self.dimensions}\0{self.fingerprint}"
        return f"{slug}_{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


class Embedder(Protocol):
    """Turns texts into vectors of unit length, so that a dot product is the cosine similarity.

    Implementations never block the event loop and may be used by several tasks at once. Texts longer than the
    model reads are cut at its limit.
    """

    @property
    def space(self) -> EmbeddingSpace:
        """The space of the vectors, constant for the embedder's life."""
        ...

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of passages to be found: ``[n, d] float32``, in the order of ``texts``.

        Raises:
            EmbedderUnavailableError: the model cannot be used.
        """
        ...

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question: ``[d] float32``.

        Raises:
            EmbedderUnavailableError: the model cannot be used.
        """
        ...

    async def close(self) -> None:
        """Release the model; work under way is finished first. May be called twice."""
        ...
