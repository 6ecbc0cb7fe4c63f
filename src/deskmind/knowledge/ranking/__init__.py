"""Ranking: understanding a question, fusing dense and lexical scores, reranking passages. No database here."""

from deskmind.knowledge.ranking.fusion import fuse
from deskmind.knowledge.ranking.query import Query, analyse
from deskmind.knowledge.ranking.rerank import PassageReranker, Reranker

__all__ = ["PassageReranker", "Query", "Reranker", "analyse", "fuse"]
