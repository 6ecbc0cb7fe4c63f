"""Finding passages: dense and lexical candidates from the database, fused, then read under the asker's scope."""

from deskmind.knowledge.retrieval.filters import SearchFilter
from deskmind.knowledge.retrieval.remembered import RememberedRankings
from deskmind.knowledge.retrieval.search import Retriever

__all__ = ["RememberedRankings", "Retriever", "SearchFilter"]
