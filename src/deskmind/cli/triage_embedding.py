"""The configured embedder for triage on files, without the application and its database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from deskmind.errors import ConfigurationError, EmbedderUnavailableError
from deskmind.observability import logger

if TYPE_CHECKING:
    from deskmind.knowledge.embedding import Embedder
    from deskmind.settings import Settings
    from deskmind.triage import Embedded, Prediction, TriageModel

__all__ = ["embed_past", "predict_new"]

_log = logger("deskmind.triage")


def embed_past(settings: Settings, texts: Sequence[str]) -> Embedded | None:
    """The vectors to learn from; None, and a warning in the log, where no embedder is."""

    async def work() -> Embedded | None:
        from deskmind.triage import embedded

        async with _embedder(settings) as embedder:
            return None if embedder is None else await embedded(embedder, texts)

    return asyncio.run(work())


def predict_new(
    settings: Settings, model: TriageModel, texts: Sequence[str], *, threshold: float | None
) -> list[Prediction]:
    """Predictions, with the embedder where the model needs it; a warning in the log where it cannot be used."""

    async def work() -> list[Prediction]:
        from deskmind.triage import predicted

        if not model.provenance.embedding:
            return await predicted(model, None, texts, threshold=threshold)
        async with _embedder(settings) as embedder:
            return await predicted(model, embedder, texts, threshold=threshold)

    return asyncio.run(work())


@asynccontextmanager
async def _embedder(settings: Settings) -> AsyncGenerator[Embedder | None]:
    from deskmind.knowledge.embedding import configured_embedder

    try:
        embedder = await configured_embedder(settings.knowledge, settings.models_folder)
    except (EmbedderUnavailableError, ConfigurationError) as error:
        _log.warning("embedder.unavailable", reason=error.code)
        embedder = None
    try:
        yield embedder
    finally:
        if embedder is not None:
            await embedder.close()
