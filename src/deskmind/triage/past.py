"""What a model remembers of the tickets it learned from, beside the weights of their words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Past"]


@dataclass(frozen=True, slots=True)
class Past:
    """Facts of tickets, in one order; no texts.

    Attributes:
        references: what people call them, or their number in the input.
        resolved: ``[n] bool``.
    """

    references: tuple[str, ...]
    resolved: NDArray[np.bool_]
