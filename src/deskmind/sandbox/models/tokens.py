"""The declared token rule: one token a whitespace-separated word, at least one a message; 85 an image."""

from __future__ import annotations

import re

IMAGE_TOKENS = 85
"""What each image of a request counts as input, in tokens."""

_PIECE = re.compile(r"\s*\S+(?:\s+\Z)?")


def count(text: str) -> int:
    """Tokens of `text`: its whitespace-separated words."""
    return len(text.split())


def pieces(text: str, per_chunk: int = 1) -> list[str]:
    """`text` cut before its words into pieces of `per_chunk` tokens each; joined they are `text` again."""
    found = _PIECE.findall(text) or ([text] if text else [])
    if per_chunk == 1:
        return found
    return ["".join(found[start : start + per_chunk]) for start in range(0, len(found), per_chunk)]
