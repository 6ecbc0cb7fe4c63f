"""The embedder that the settings name."""

from __future__ import annotations

import asyncio
from pathlib import Path

from deskmind.knowledge.embedding._hashing import HashingEmbedder
from deskmind.knowledge.embedding._local import LocalEmbedder
from deskmind.knowledge.embedding._protocol import Embedder
from deskmind.settings import KnowledgeSettings

__all__ = ["configured_embedder"]


async def configured_embedder(settings: KnowledgeSettings, folder: Path) -> Embedder | None:
    """The embedder, loaded; None where the settings switch it off.

    Args:
        settings: which one.
        folder: for its graph.

    Raises:
        MissingExtraError: the extra ``local`` is not installed.
        EmbedderUnavailableError: its weights were not found, or are not the expected ones.
        ConfigurationError: the folder cannot be written.
    """
    if settings.embedder == "none":
        return None
    if settings.embedder == "hashing":
        return HashingEmbedder()
    return await asyncio.to_thread(
        LocalEmbedder.load, folder, threads=settings.embedder_threads, weights=settings.weights
    )
