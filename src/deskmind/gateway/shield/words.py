"""A shield that swaps given words for placeholders: the double that shows how the seam is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from deskmind.gateway.messages import Caller, ChatRequest
from deskmind.gateway.shield.placeholders import Placeholders
from deskmind.gateway.shield.protocol import Protected, ProtectedTexts
from deskmind.gateway.shield.requests import changed_request

__all__ = ["WordShield"]


class WordShield:
    """Replaces each of the words by a placeholder numbered in the order of their first occurrence in the request.

    >>> import asyncio
    >>> shield = WordShield(["Ada", "Bob"])
    >>> asyncio.run(shield.protect_texts(["Bob met Ada", "Ada"], Caller())).texts
    ['<WORD_1> met <WORD_2>', '<WORD_2>']
    """

    def __init__(self, words: Iterable[str], *, placeholder: str = "<WORD_{}>") -> None:
        """A shield for some words.

        Args:
            words: what a model must not see.
            placeholder: what it sees, with ``{}`` for the number.
        """
        self._placeholder = placeholder
        longest_first = sorted((word for word in words if word), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    async def protect(self, request: ChatRequest, caller: Caller) -> Protected:
        """A chat request."""
        del caller
        taken: dict[str, str] = {}
        changed = changed_request(request, lambda text: self._swapped(text, taken))
        if not taken:
            return Protected(request, None)
        return Protected(changed, Placeholders({name: word for word, name in taken.items()}))

    async def protect_texts(self, texts: Sequence[str], caller: Caller) -> ProtectedTexts:
        """Texts to embed or to rank."""
        del caller
        taken: dict[str, str] = {}
        return ProtectedTexts([self._swapped(text, taken) for text in texts])

    def _swapped(self, text: str, taken: dict[str, str]) -> str:
        return self._pattern.sub(
            lambda found: taken.setdefault(found.group(), self._placeholder.format(len(taken) + 1)), text
        )
