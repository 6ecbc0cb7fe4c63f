from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import sys
from pathlib import Path

import pytest

from deskmind.errors import ConfigurationError, EmbedderUnavailableError, StorageFullError
from deskmind.knowledge.embedding import LocalEmbedder, WeightsFound
from deskmind.knowledge.embedding._artifact import cached_artifact
from deskmind.knowledge.embedding._build import build


def test_a_built_cache_needs_no_weights(built_cache: Path) -> None:
    artifact = cached_artifact(built_cache, _no_weights)
    assert artifact.intact()
    assert sorted(path.name for path in built_cache.iterdir()) == [".lock", artifact.folder.name]


async def test_processes_that_find_a_broken_cache_at_once_build_it_once(cache: Path) -> None:
    (graph,) = cache.glob("*/graph.onnx")
    graph.write_bytes(graph.read_bytes()[:-1] + b"\x00")
    (cache / f".{graph.parent.name}-killed").mkdir()
    code = (
        "import sys; from pathlib import Path\n"
        "from deskmind.knowledge.embedding import LocalEmbedder\n"
        "LocalEmbedder.load(Path(sys.argv[1]))\n"
        "print(next(Path(sys.argv[1]).glob('*/graph.onnx')).stat().st_ino)"
    )
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(cache), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    outputs = [(await child.communicate())[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert outputs[0] == outputs[1]
    assert cached_artifact(cache, _no_weights).intact()
    assert sorted(path.name for path in cache.iterdir()) == [".lock", graph.parent.name]


@pytest.mark.parametrize("damage", ["graph.onnx", "tokenizer.json", "manifest.json"])
def test_damage_to_any_file_is_noticed(cache: Path, damage: str) -> None:
    (path,) = cache.glob(f"*/{damage}")
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"[]", b""):
        path.write_bytes(broken)
        with pytest.raises(_AskedError):
            cached_artifact(cache, _no_weights)
    path.unlink()
    with pytest.raises(_AskedError):
        cached_artifact(cache, _no_weights)


def test_a_build_that_fails_leaves_nothing_behind(weights: WeightsFound, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x02" + b"\x00" * 7 + b"{}")
    cache = tmp_path / "models"
    with pytest.raises(EmbedderUnavailableError, match=r"KeyError.*word_embeddings"):
        cached_artifact(cache, lambda: WeightsFound(broken, weights.vocabulary, "explicit"))
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_a_graph_that_cannot_be_written_is_an_error_of_the_system(
    weights: WeightsFound, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        build(weights.weights, tmp_path / "absent" / "graph.onnx")


def test_a_cache_that_cannot_be_made_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"models.*Not a directory.*knowledge\.cache_folder"):
        cached_artifact(tmp_path / "file" / "models", _no_weights)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    def full() -> WeightsFound:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageFullError, match=r"No space is left.*Free 100 MB"):
        cached_artifact(tmp_path, full)


def test_a_graph_the_runtime_refuses_is_an_error_with_a_remedy(cache: Path) -> None:
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    (folder / "graph.onnx").write_bytes(b"from another release")
    hashes = json.loads((folder / "manifest.json").read_text())
    hashes["graph.onnx"] = hashlib.sha256(b"from another release").hexdigest()
    (folder / "manifest.json").write_text(json.dumps(hashes))
    with pytest.raises(EmbedderUnavailableError, match="does not load") as raised:
        LocalEmbedder.load(cache)
    assert str(folder) in raised.value.remedy


class _AskedError(Exception):
    """The cache wanted the weights."""


def _no_weights() -> WeightsFound:
    raise _AskedError
