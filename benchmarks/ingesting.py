"""Taking in the ServiceNow documentation: how much of the time is not the embedder's.

Batches are embedded while others are read and stored, so the embedder's calls overlap: what counts is the time in which none of
them runs, and the CPU that is not theirs.
"""

from __future__ import annotations

import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deskmind import Deskmind
from deskmind.knowledge.embedding import EmbeddingSpace, LocalEmbedder
from deskmind.knowledge.ingest import StagedFile

_ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "kb" / "servicenow-docs-itsm.tar.gz"


class TimedEmbedder:
    """A ``LocalEmbedder`` that counts the time in which it is at work, however many calls run at once."""

    def __init__(self, inner: LocalEmbedder) -> None:
        self._inner = inner
        self._under_way = 0
        self._since = 0.0
        self.seconds = 0.0
        self.texts = 0

    @property
    def space(self) -> EmbeddingSpace:
        return self._inner.space

    async def embed_documents(self, texts: list[str]) -> NDArray[np.float32]:
        if not self._under_way:
            self._since = time.perf_counter()
        self._under_way += 1
        try:
            return await self._inner.embed_documents(texts)
        finally:
            self._under_way -= 1
            self.texts += len(texts)
            if not self._under_way:
                self.seconds += time.perf_counter() - self._since

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return await self._inner.embed_query(text)

    async def close(self) -> None:
        await self._inner.close()


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    if not _ARCHIVE.is_file():
        return [{"case": "left out", "reason": "the public data sets are not beside this checkout"}]
    files = _files(200 if quick else None)
    with tempfile.TemporaryDirectory() as home:
        embedder = TimedEmbedder(LocalEmbedder.load(Path(home) / "models"))
        async with Deskmind.open(home=home, embedder=embedder) as app:
            await app.tenants.create("bench")
            desk = await app.desk(tenant="bench")
            started = time.perf_counter()
            report = await desk.knowledge.add_files(files)
            total = time.perf_counter() - started
            started = time.perf_counter()
            again = await desk.knowledge.add_files(files)
            repeated = time.perf_counter() - started
    return [
        {
            "case": f"{len(files)} files",
            "documents": report.documents,
            "chunks": report.chunks,
            "embedded_texts": embedder.texts,
            "seconds": round(total, 1),
            "embedder_seconds": round(embedder.seconds, 1),
            "share_outside_embedder": round(1 - embedder.seconds / total, 3),
            "chunks_per_second": round(report.chunks / total, 1),
        },
        {"case": "the same again", "unchanged": again.count("unchanged"), "seconds": round(repeated, 2)},
    ]


def _files(limit: int | None) -> list[StagedFile]:
    files: list[StagedFile] = []
    with tarfile.open(_ARCHIVE) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if member.isfile() and content is not None and member.name.endswith(".md"):
                files.append(StagedFile(member.name, member.name, Path(member.name).name, content.read()))
    return files[:limit]
