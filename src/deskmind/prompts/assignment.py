"""Who gets which variant: the same person always the same one, in proportion to the weights.

Weighted rendezvous hashing: each variant draws a number for the person from a hash and its weight, and the highest
wins. When one weight changes, only people who come to or leave that variant are moved.
Source: Schindelhauer and Schomaker, "Weighted distributed hash tables", SPAA 2005 (logarithmic method).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from deskmind.errors import InvalidRequestError

__all__ = ["choose_variant"]

_BITS = 53


def choose_variant(experiment: str, subject: str, weights: Mapping[str, float]) -> str:
    """The variant for a subject. O(variants).

    Args:
        experiment: its id; another experiment draws independently.
        subject: the id of the person.
        weights: by variant; none is negative.

    Raises:
        InvalidRequestError: no variant has a weight above zero.
    """
    weighed = [(variant, weight) for variant, weight in weights.items() if weight > 0]
    if not weighed:
        raise InvalidRequestError("No variant of the experiment has a weight above zero.")
    return min(weighed, key=lambda item: (_draw(experiment, item[0], subject) / item[1], item[0]))[0]


def _draw(experiment: str, variant: str, subject: str) -> float:
    """An exponentially distributed number: minus the logarithm of a uniform one between 0 and 1."""
    digest = hashlib.sha256("\0".join((experiment, variant, subject)).encode()).digest()
    uniform = ((int.from_bytes(digest[:8], "big") >> (64 - _BITS)) + 0.5) / 2**_BITS
    return -math.log(uniform)
