"""How much a model reads, and how its tokens are counted."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deskmind.gateway import Gateway
from deskmind.prompts import Estimate, TokenCounter, token_counter

__all__ = ["ModelRoom", "model_room"]

_REPLY_SHARE = 4
"""A reply takes at most a quarter of a small window."""


@dataclass(frozen=True, slots=True)
class ModelRoom:
    """What one request to a model may hold.

    Attributes:
        limit: tokens of the request and the reply together.
        reply: tokens of the reply.
        counter: counts them.
    """

    limit: int
    reply: int
    counter: TokenCounter


async def model_room(gateway: Gateway, model: str, *, limit: int, reply: int, tokenizers: Path) -> ModelRoom:
    """The room of a configured model: what every one of its deployments takes, since any may be called.

    Args:
        gateway: knows the models and their limits.
        model: the configured name.
        limit: at most so many tokens, however many the model takes.
        reply: wanted for the reply.
        tokenizers: folder of tokenizer files, see ``token_counter``.
    """
    found = gateway.models.get(model)
    deployments = found.deployments if found is not None else ()
    limits = [gateway.prices.limits(item) for item in deployments]
    most = min([limit, *_known(item.input_tokens for item in limits)])
    written = min([reply, *_known(item.output_tokens for item in limits)])
    counter = await asyncio.to_thread(
        _counter, tuple(sorted({item.model for item in deployments})), tokenizers
    )
    return ModelRoom(most, max(1, min(written, most // _REPLY_SHARE)), counter)


def _known(values: Iterable[int | None]) -> list[int]:
    return [value for value in values if value is not None]


@functools.lru_cache(maxsize=32)
def _counter(models: tuple[str, ...], folder: Path) -> TokenCounter:
    """One counter for all of them; an estimate where they count differently. Reading a tokenizer takes a second."""
    counters = [token_counter(model, folder) for model in models]
    if len({counter.name for counter in counters}) == 1:
        return counters[0]
    return Estimate()
