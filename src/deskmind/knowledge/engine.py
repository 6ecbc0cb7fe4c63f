"""What searching and answering need beside the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from deskmind.cache import Cache
from deskmind.gateway import Gateway
from deskmind.governance.privacy import Suppression
from deskmind.knowledge.answering import Answerer
from deskmind.knowledge.embedding import Embedder
from deskmind.knowledge.ranking import Reranker
from deskmind.scope import Scope

__all__ = ["Engine", "EngineRoom"]


@dataclass(frozen=True, slots=True)
class Engine:
    """What answering needs beside the database; the same for every desk of an application."""

    embedder: Embedder | None
    answerer: Answerer
    reranker: Reranker | None
    pipeline: str


class EngineRoom(Protocol):
    """Where the engine comes from: made once, on first use."""

    async def engine(self) -> Engine:
        """The engine."""
        ...

    async def gateway(self) -> Gateway:
        """The door to the models, opened at first use."""
        ...

    def suppression(self, scope: Scope) -> Suppression:
        """The people of the scope's tenant who were erased."""
        ...

    @property
    def cache(self) -> Cache:
        """Values that are slow to make, by tenant."""
        ...
