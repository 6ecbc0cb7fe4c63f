"""Parting tickets so that each part has its share of every label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["stratified"]


def stratified(numbers: NDArray[np.int64], parts: int, *, seed: int = 0) -> NDArray[np.int64]:
    """The part of each, 0 to ``parts - 1``: random, the same for the same seed, each label spread evenly."""
    draw = np.random.default_rng(seed)
    made = np.zeros(len(numbers), np.int64)
    first = 0
    for number in np.unique(numbers):
        places = draw.permutation(np.flatnonzero(numbers == number))
        made[places] = (first + np.arange(len(places))) % parts
        first += len(places)
    return made
