"""The seam between the gateway and whoever serves a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deskmind.gateway.messages import ChatDelta, ChatRequest, ToolCall, Usage
from deskmind.gateway.models import Deployment, Timeouts

__all__ = ["Provider", "ProviderReply", "ProviderStream", "ProviderVectors", "Ranked"]


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """A whole reply; ``usage`` is None when the provider did not count."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    usage: Usage | None
    provider_model: str
    raw: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ProviderVectors:
    """Vectors ``[n, dimensions] float32``."""

    vectors: NDArray[np.float32]
    usage: Usage | None
    provider_model: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """``(index, score)``, best first."""

    results: tuple[tuple[int, float], ...]
    usage: Usage | None


class ProviderStream(Protocol):
    """An open stream. A reader that is cancelled in ``next`` may read on."""

    async def next(self, timeout: float) -> list[ChatDelta] | None:  # noqa: ASYNC109
        """The pieces that arrived, None at the regular end.

        Raises:
            ProviderFailure: the stream broke, or nothing came for ``timeout`` seconds.
        """
        ...

    async def close(self) -> None:
        """End the stream; the connection to the provider is closed when it was not at its end."""
        ...


class Provider(Protocol):
    """Sends one request to one deployment. Does not retry, route, or count money.

    Every method raises ``ProviderFailure`` and closes its connection when cancelled.
    """

    async def chat(
        self, deployment: Deployment, request: ChatRequest, timeouts: Timeouts, call_id: str
    ) -> ProviderReply:
        """A whole reply."""
        ...

    async def stream(
        self, deployment: Deployment, request: ChatRequest, timeouts: Timeouts, call_id: str
    ) -> ProviderStream:
        """An open stream; the request was accepted."""
        ...

    async def embed(
        self,
        deployment: Deployment,
        texts: Sequence[str],
        options: Mapping[str, Any],
        timeouts: Timeouts,
        call_id: str,
    ) -> ProviderVectors:
        """One vector for each text."""
        ...

    async def rerank(
        self,
        deployment: Deployment,
        query: str,
        documents: Sequence[str],
        limit: int,
        timeouts: Timeouts,
        call_id: str,
    ) -> Ranked:
        """Documents by relevance."""
        ...

    async def close(self) -> None:
        """Return connections."""
        ...
