"""Chunking: a document to section-sized pieces, the units of retrieval."""

from deskmind.knowledge.chunking.sections import ChunkLimits, chunk

__all__ = ["ChunkLimits", "chunk"]
