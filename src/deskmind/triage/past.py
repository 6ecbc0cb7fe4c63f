"""What a model remembers of the tickets it learned from, beside the weights of their words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Past"]

_SCALE = np.float32(127)


@dataclass(frozen=True, slots=True)
class Past:
    """Facts of tickets, in one order; no texts.

    Attributes:
        references: what people call them, or their number in the input.
        resolved: ``[n] bool``.
        space: of the vectors; empty without any.
        vectors: ``[n, dimensions] int8``, unit vectors times 127; no rows without an embedder.
        documents: what they are in the tenant's knowledge, empty for nothing; see ``TrainingTicket``.
    """

    references: tuple[str, ...]
    resolved: NDArray[np.bool_]
    space: str = ""
    vectors: NDArray[np.int8] = field(default_factory=lambda: np.empty((0, 0), np.int8))
    documents: tuple[str, ...] = ()

    def embedded(self, space: str, vectors: NDArray[np.float32]) -> Past:
        """With unit vectors ``[n, dimensions]`` of the texts."""
        return replace(self, space=space, vectors=np.round(vectors * _SCALE).astype(np.int8))

    def closeness(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine of each ticket to a text's vector: ``[n] float32``."""
        return (self.vectors.astype(np.float32) @ vector) / _SCALE
