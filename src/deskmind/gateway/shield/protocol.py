"""What protects requests, and what restores replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from deskmind.gateway.messages import Caller, ChatRequest

__all__ = ["Flow", "Protected", "ProtectedTexts", "Restorer", "Shield"]


_NONE: Mapping[str, int] = MappingProxyType({})


class Flow(Protocol):
    """Restores one run of text that comes in pieces, cut anywhere."""

    def feed(self, piece: str) -> str:
        """What can be said by now; what may be the beginning of a placeholder is held back."""
        ...

    def end(self) -> str:
        """What was held back."""
        ...


class Restorer(Protocol):
    """Puts back into replies what was taken out of one request; used by that call alone."""

    def flow(self, *, json: bool) -> Flow:
        """A run of text; with ``json`` it is JSON, so that what is put into its strings is escaped."""
        ...


class Protected(NamedTuple):
    """A request that may be sent.

    Attributes:
        request: without what the model must not see.
        restorer: what restores its replies; None when there is nothing to restore.
        counts: how many places were replaced, by what they held, such as ``PERSON``; for the call's span.
    """

    request: ChatRequest
    restorer: Restorer | None
    counts: Mapping[str, int] = _NONE


class ProtectedTexts(NamedTuple):
    """Texts that may be sent, as many as were given, and how many places were replaced in them."""

    texts: Sequence[str]
    counts: Mapping[str, int] = _NONE


class Shield(Protocol):
    """Takes out of requests what a model must not see.

    The same request should give the same protected one: replies are remembered by that.
    """

    async def protect(self, request: ChatRequest, caller: Caller) -> Protected:
        """A chat request: messages, tools and schemas.

        Raises:
            DeskmindError: the request may not be sent at all; nothing is reserved or booked.
        """
        ...

    async def protect_texts(self, texts: Sequence[str], caller: Caller) -> ProtectedTexts:
        """Texts to embed or to rank, as many as were given, the same value replaced alike in all of them.

        Raises:
            DeskmindError: as for ``protect``.
        """
        ...
