"""Ranking: fusing dense and lexical scores, reranking passages. No database here."""

from deskmind.knowledge.ranking.fusion import fuse
from deskmind.knowledge.ranking.query import Query, analyse
from deskmind.knowledge.ranking.rerank import Reranker, SentenceReranker

__all__ = ["Query", "Reranker", "SentenceReranker", "analyse", "fuse"]
