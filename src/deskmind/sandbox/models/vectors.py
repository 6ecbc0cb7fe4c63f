"""Embeddings without a model: texts that share words are near, and the same text has the same vector always."""

from __future__ import annotations

import base64
import math
import random
import struct
import zlib
from functools import lru_cache

KNOWN_SIZES = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "gemini-embedding-001": 3072,
    "text-embedding-004": 768,
}
OTHER_SIZE = 256


@lru_cache(maxsize=4096)
def _of_word(word: str, size: int) -> tuple[tuple[int, float], ...]:
    draw = random.Random(zlib.crc32(word.encode()))  # noqa: S311 - reproducible on purpose
    return tuple((draw.randrange(size), draw.uniform(-1, 1)) for _ in range(8))


def embed(text: str, model: str, dimensions: int | None = None) -> list[float]:
    """The vector of `text`, of length 1; `dimensions` long, or as long as `model`'s are known to be, or 256."""
    size = dimensions or KNOWN_SIZES.get(model, OTHER_SIZE)
    sums = [0.0] * size
    for word in text.lower().split() or [""]:
        for place, weight in _of_word(word, size):
            sums[place] += weight
    length = math.sqrt(sum(value * value for value in sums)) or 1.0
    return [round(value / length, 7) for value in sums]


def as_base64(vector: list[float]) -> str:
    """The vector as base64 of little-endian float32, as OpenAI encodes it."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def likeness(one: str, other: str) -> float:
    """How much of the words of `one` is in `other`, from 0 to 1."""
    asked = set(one.lower().split())
    return round(len(asked & set(other.lower().split())) / len(asked), 6) if asked else 0.0
