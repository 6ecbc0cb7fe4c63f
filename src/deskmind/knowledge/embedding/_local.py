"""The local embedder: all-MiniLM-L6-v2, int8, on ONNX Runtime."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deskmind.errors import EmbedderUnavailableError, MissingExtraError
from deskmind.knowledge.embedding._artifact import FINGERPRINT, Artifact, cached_artifact
from deskmind.knowledge.embedding._graph import DIMENSIONS, MAX_TOKENS
from deskmind.knowledge.embedding._protocol import Embedder, EmbeddingSpace
from deskmind.knowledge.embedding._weights import (
    MODEL,
    VOCABULARY_FILE,
    WEIGHTS_FILE,
    WeightsFound,
    find_weights,
)

__all__ = ["LocalEmbedder"]

_SLICE = 8
_MAX_CHARS = 16_384


class LocalEmbedder(Embedder):
    """all-MiniLM-L6-v2 on this machine: 384 dimensions, the first 256 tokens of a text.

    Each text is one run of the graph on one core, and ``threads`` texts run at once. So no text is padded,
    and a text's vector does not depend on what is embedded with it. Queries have threads of their own and
    do not wait behind documents.

    >>> embedder = LocalEmbedder.load(cache)  # doctest: +SKIP
    >>> vectors = await embedder.embed_documents(["Reset your password at …"])  # doctest: +SKIP
    """

    def __init__(self, session: Any, tokenizer: Any, *, threads: int) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._threads = threads
        self._space = EmbeddingSpace(MODEL, DIMENSIONS, FINGERPRINT)
        self._documents = ThreadPoolExecutor(threads, "deskmind-embed")
        self._queries = ThreadPoolExecutor(threads, "deskmind-embed-query")

    @classmethod
    def load(cls, cache_dir: Path, *, threads: int | None = None, weights: Path | None = None) -> Self:
        """The embedder, its graph built on first use. Blocking: 0.3 s from the cache, about 4 s at first.

        Args:
            cache_dir: folder for the graph; made when absent.
            threads: texts embedded at once; default the number of cores this process may use.
            weights: ``model.safetensors`` or its folder; default see ``find_weights``.

        Raises:
            MissingExtraError: the extra ``local`` is not installed.
            EmbedderUnavailableError: no weights were found, or they are not the expected ones.
            ConfigurationError: the cache cannot be written.
            StorageFullError: no space is left.
        """
        _require_extra()
        given = find_weights(cache_dir, weights) if weights is not None else None
        artifact = cached_artifact(cache_dir, lambda: given or _found(cache_dir))
        return cls(_open_session(artifact), _open_tokenizer(artifact), threads=threads or _cores())

    @property
    def space(self) -> EmbeddingSpace:
        """The space of all-MiniLM-L6-v2 in int8."""
        return self._space

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``[n, 384] float32`` of unit length, in the order of ``texts``.

        Any number of texts; when the call is cancelled, at most a few texts are still finished.
        """
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        starts = iter(range(0, len(texts), _SLICE))

        async def work() -> None:
            for start in starts:
                part = texts[start : start + _SLICE]
                vectors[start : start + _SLICE] = await self._run(self._documents, part)

        workers = [asyncio.create_task(work()) for _ in range(self._threads)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        return vectors

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """``[384] float32`` of unit length; the same as for a document."""
        return (await self._run(self._queries, [text]))[0]

    def token_count(self, text: str) -> int:
        """How many tokens the model would read without its limit of 256, both end marks included."""
        return len(self._encode(text))

    async def close(self) -> None:
        """Finish the texts in hand, release threads and model; calls that need more texts then fail."""
        self._session = None
        for pool in (self._documents, self._queries):
            await asyncio.to_thread(pool.shutdown)

    async def _run(self, pool: ThreadPoolExecutor, texts: Sequence[str]) -> NDArray[np.float32]:
        session = self._session
        if session is None:
            raise EmbedderUnavailableError(
                "The embedding model was closed.", remedy="Load it again with LocalEmbedder.load."
            )
        return await asyncio.get_running_loop().run_in_executor(pool, self._embed, session, texts)

    def _embed(self, session: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([session.run(None, {"ids": self._ids(text)})[0] for text in texts])

    def _ids(self, text: str) -> NDArray[np.int64]:
        ids = self._encode(text[:_MAX_CHARS])
        if len(ids) > MAX_TOKENS:
            ids = [*ids[: MAX_TOKENS - 1], ids[-1]]
        return np.array(ids, np.int64)

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8")).ids


def _found(cache_dir: Path) -> WeightsFound:
    found = find_weights(cache_dir)
    if found is None:
        raise EmbedderUnavailableError(
            f"The weights of {MODEL} were not found.",
            why="They are not in the cache nor in a package, and the model hub was not reached.",
            remedy=f"Put {WEIGHTS_FILE} and {VOCABULARY_FILE} into {cache_dir}, "
            "or name their folder with knowledge.weights.",
        )
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _require_extra() -> None:
    if not all(find_spec(name) for name in ("onnx", "onnxruntime", "tokenizers")):
        raise MissingExtraError("The local embedding model", "local")


def _open_session(artifact: Artifact) -> Any:
    onnxruntime: Any = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(artifact.graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise EmbedderUnavailableError(
            "ONNX Runtime does not load the embedding model.",
            why=f"It said: {error}.",
            remedy=f"Install a current onnxruntime, or remove {artifact.folder} to have it built anew.",
        ) from error


def _open_tokenizer(artifact: Artifact) -> Any:
    tokenizer: Any = import_module("tokenizers").Tokenizer.from_file(str(artifact.vocabulary))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
