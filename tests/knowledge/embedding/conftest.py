"""The model's weights from a carrier package, and a cache that is built once a test session."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskmind.knowledge.embedding import LocalEmbedder, WeightsFound, find_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightsFound:
    found = find_weights(tmp_path_factory.mktemp("no-weights"), hub=False)
    if found is None:
        pytest.skip("the weights of all-MiniLM-L6-v2 are not installed (carrier package of the lock file)")
    return found


@pytest.fixture(scope="session")
def built_cache(weights: WeightsFound, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("models")
    LocalEmbedder.load(cache)
    return cache


@pytest.fixture
def cache(built_cache: Path, tmp_path: Path) -> Path:
    """A copy of the built cache that a test may break."""
    return Path(shutil.copytree(built_cache, tmp_path / "models"))


@pytest.fixture(scope="session")
async def embedder(built_cache: Path) -> AsyncIterator[LocalEmbedder]:
    loaded = LocalEmbedder.load(built_cache, threads=2)
    yield loaded
    await loaded.close()
