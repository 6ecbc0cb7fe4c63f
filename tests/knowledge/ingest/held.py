"""An embedder that keeps an ingest in the middle for as long as a test wants."""

from __future__ import annotations

import asyncio
from typing import Any

from deskmind.errors import UnavailableError
from deskmind.knowledge.embedding import HashingEmbedder


class Held(HashingEmbedder):
    """Keeps what has a word waiting until it is let go, and may fail then."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.fails = "", False
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()

    def hold(self, word: str, *, fails: bool = False) -> None:
        """From now on, the next texts with that word."""
        self.word, self.fails = word, fails
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()

    async def embed_documents(self, texts: Any) -> Any:
        if self.word and any(self.word in text for text in texts):
            self.word = ""
            self.begun.set()
            await self.let_go.wait()
            if self.fails:
                raise UnavailableError("The embedder does not answer.")
        return await super().embed_documents(texts)
