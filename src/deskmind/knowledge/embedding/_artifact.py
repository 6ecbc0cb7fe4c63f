"""The quantised graph in the cache: built once, checked at every start, rebuilt when it is broken."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskmind.errors import ConfigurationError, StorageFullError
from deskmind.knowledge.embedding._build import build
from deskmind.knowledge.embedding._weights import (
    MODEL,
    VOCABULARY_SHA256,
    WEIGHTS_SHA256,
    WeightsFound,
    file_sha256,
)

__all__ = ["FINGERPRINT", "Artifact", "cached_artifact"]

_RECIPE = "graph 1, words float16, products int8 per channel, 256 tokens"
FINGERPRINT = hashlib.sha256(
    f"{MODEL}\n{WEIGHTS_SHA256}\n{VOCABULARY_SHA256}\n{_RECIPE}".encode()
).hexdigest()
"""Identity of the vectors: the weights, the vocabulary and how the graph is made from them."""

_GRAPH_FILE = "graph.onnx"
_VOCABULARY_FILE = "tokenizer.json"
_MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A folder of the cache with a graph and its vocabulary."""

    folder: Path

    @property
    def graph(self) -> Path:
        """The int8 ONNX graph."""
        return self.folder / _GRAPH_FILE

    @property
    def vocabulary(self) -> Path:
        """The tokenizer's definition."""
        return self.folder / _VOCABULARY_FILE

    def intact(self) -> bool:
        """Whether the folder is complete and every file has the hash it was written with."""
        try:
            hashes: Any = json.loads((self.folder / _MANIFEST_FILE).read_text("utf-8"))
            return all(hashes[path.name] == file_sha256(path) for path in (self.graph, self.vocabulary))
        except (OSError, ValueError, KeyError, TypeError):
            return False


def cached_artifact(cache_dir: Path, weights: Callable[[], WeightsFound]) -> Artifact:
    """The graph from the cache; built from ``weights()`` when it is absent or broken.

    Several processes may ask at once: one builds, the others wait for it. A folder appears in the cache
    complete or not at all.

    Raises:
        ConfigurationError: the cache cannot be written.
        EmbedderUnavailableError: the graph cannot be built, or what ``weights()`` raises.
        StorageFullError: no space is left.
    """
    artifact = Artifact(cache_dir / f"{MODEL.lower()}-{FINGERPRINT[:16]}")
    if artifact.intact():
        return artifact
    with _writing(cache_dir), _locked(cache_dir):
        if not artifact.intact():
            _replace(artifact.folder, weights())
    return artifact


def _replace(folder: Path, found: WeightsFound) -> None:
    prefix = f".{folder.name}-"
    for abandoned in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        _fill(temporary, found)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(folder: Path, found: WeightsFound) -> None:
    artifact = Artifact(folder)
    build(found.weights, artifact.graph)
    shutil.copyfile(found.vocabulary, artifact.vocabulary)
    hashes = {path.name: file_sha256(path) for path in (artifact.graph, artifact.vocabulary)}
    (folder / _MANIFEST_FILE).write_text(json.dumps(hashes), "utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def _locked(cache_dir: Path) -> Generator[None]:
    with (cache_dir / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _writing(cache_dir: Path) -> Generator[None]:
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(
                f"The embedding model cannot be stored in {cache_dir}.",
                why="No space is left.",
                remedy="Free 100 MB there, or choose another folder with knowledge.cache_folder.",
            ) from error
        raise ConfigurationError(
            f"The embedding model cannot be stored in {cache_dir}.",
            why=f"{error.strerror}.",
            remedy="Choose a folder that you may write to with knowledge.cache_folder.",
        ) from error
