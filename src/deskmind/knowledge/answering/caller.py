"""The seam to the models, as far as answering needs them."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from deskmind.gateway import ChatResponse, ChatStream

__all__ = ["Caller"]


class Caller(Protocol):
    """Calls models for the asker; ``desk.models``."""

    def chat(
        self, model: str, messages: Sequence[Any], *, max_tokens: int | None, feature: str, **options: Any
    ) -> Coroutine[Any, Any, ChatResponse]:
        """A whole reply."""
        ...

    def stream(
        self, model: str, messages: Sequence[Any], *, max_tokens: int | None, feature: str, **options: Any
    ) -> Coroutine[Any, Any, ChatStream]:
        """A reply in pieces."""
        ...
