"""Texts of tickets as vectors, by the embedder that is there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import EmbedderUnavailableError
from deskmind.observability import logger
from deskmind.triage.meaning import Embedded
from deskmind.triage.model import MOST_TOLD, Reading, TriageModel
from deskmind.triage.predictions import Prediction

if TYPE_CHECKING:
    from deskmind.knowledge.embedding import Embedder

__all__ = ["LONGEST_EMBEDDED", "embedded", "predicted", "vectors_for"]

LONGEST_EMBEDDED = 400
"""Characters that are embedded of one ticket: what it is about stands at its beginning, and a vector costs by length."""

_FEW = 4
_PART = 1_000

_log = logger("deskmind.triage")


async def embedded(embedder: Embedder, texts: Sequence[str]) -> Embedded:
    """The texts' vectors, in their order; 3 to 4 ms of computing a ticket with the local embedder.

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
            return await _new(embedder, texts)
        reason = "no_embedder" if embedder is None else "other_space"
    except EmbedderUnavailableError as error:
        reason = error.code
    _log.warning("triage.words_only", reason=reason, space=space)
    return None


async def predicted(
    model: TriageModel,
    embedder: Embedder | None,
    texts: Sequence[str],
    *,
    threshold: float | None = None,
    neighbours: int = MOST_TOLD,
) -> list[Prediction]:
    """Predictions in the order of ``texts``, in a thread; those texts are embedded of whose words the model is not sure.

    Args:
        model: what was learned.
        embedder: the one that is there.
        texts: of tickets, summary first.
        threshold: instead of the model's.
        neighbours: how many tickets of the past are cited at most.
    """
    said: list[Prediction] = []
    for first in range(0, len(texts), _PART):
        part = texts[first : first + _PART]
        read = await asyncio.to_thread(_read, model, part, neighbours)
        unsure = [place for place, one in enumerate(read) if not one.sure]
        found = await vectors_for(model, embedder, [part[place] for place in unsure]) if unsure else None
        vectors = {} if found is None else dict(zip(unsure, found, strict=True))
        said += await asyncio.to_thread(_said, model, read, vectors, threshold)
    return said


def _read(model: TriageModel, texts: Sequence[str], neighbours: int) -> list[Reading]:
    return [model.read(text, neighbours=neighbours) for text in texts]


def _said(
    model: TriageModel,
    read: Sequence[Reading],
    vectors: Mapping[int, NDArray[np.float32]],
    threshold: float | None,
) -> list[Prediction]:
    return [model.say(one, vector=vectors.get(place), threshold=threshold) for place, one in enumerate(read)]


async def _new(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    if not 0 < len(texts) <= _FEW:
        return (await embedded(embedder, texts)).vectors
    # somebody waits for these: queries do not queue behind documents that are being ingested
    return np.stack([await embedder.embed_query(text[:LONGEST_EMBEDDED]) for text in texts])
