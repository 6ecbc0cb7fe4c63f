"""Texts of tickets as vectors, by the embedder that is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import EmbedderUnavailableError
from deskmind.observability import logger
from deskmind.triage.meaning import Embedded
from deskmind.triage.model import TriageModel

if TYPE_CHECKING:
    from deskmind.knowledge.embedding import Embedder

__all__ = ["LONGEST_EMBEDDED", "embedded", "vectors_for"]

LONGEST_EMBEDDED = 800
"""Characters that are embedded of one ticket: what it is about stands at its beginning, and a vector costs by length."""

_log = logger("deskmind.triage")


async def embedded(embedder: Embedder, texts: Sequence[str]) -> Embedded:
    """The texts' vectors, in their order; about 4 ms of computing a ticket with the local embedder.

    Raises:
        EmbedderUnavailableError: the embedder cannot be used.
    """
    vectors = await embedder.embed_documents([text[:LONGEST_EMBEDDED] for text in texts])
    return Embedded(embedder.space.name, vectors)


async def vectors_for(
    model: TriageModel, embedder: Embedder | None, texts: Sequence[str]
) -> NDArray[np.float32] | None:
    """The vectors that a model predicts with; None, and a warning in the log, where only words are left to it."""
    space = model.provenance.embedding
    if not space:
        return None
    try:
        if embedder is not None and embedder.space.name == space:
            return (await embedded(embedder, texts)).vectors
        reason = "no_embedder" if embedder is None else "other_space"
    except EmbedderUnavailableError as error:
        reason = error.code
    _log.warning("triage.words_only", reason=reason, space=space)
    return None
